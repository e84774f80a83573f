// What leaves for other replicas: when, and in which pieces.

#include "persistence/raft/replica.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "persistence/base/mutant.hpp"

namespace godwit::persistence::raft {

void replica::send(message what) {
  append_entries* const append = std::get_if<append_entries>(&what.body);
  if (append == nullptr) {
    dispatch(std::move(what));
    return;
  }
  if (const std::uint32_t missing = std::exchange(append->entries_missing, 0); missing > 0) {
    const index_t first = append->prev_index + 1 + append->entries.size();
    if (std::find(reading_.begin(), reading_.end(), what.to) == reading_.end()) {
      reading_.push_back(what.to);
      host_.read_log(shard_, {what.to, first, missing, options_.append_bytes_max});
    }
    // What is left goes, be it nothing: a follower that waits for a slow disk still hears of its leader.
  }
  // Long catch-up messages go in pieces, so that nothing else on the link waits behind megabytes.
  while (append->entries.size() > 1 && payload_bytes(append->entries) > options_.append_bytes_max) {
    std::size_t count = 0;
    std::size_t bytes = 0;
    do {
      bytes += append->entries[count++].payload.size();
    } while (count < append->entries.size() - 1 &&
             bytes + append->entries[count].payload.size() <= options_.append_bytes_max);
    const auto begin = append->entries.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(count);
    append_entries head;
    head.prev_index = append->prev_index;
    head.prev_term = append->prev_term;
    head.leader_commit = append->leader_commit;
    head.sent_at = append->sent_at;
    head.entries.assign(std::move_iterator(begin), std::move_iterator(end));
    append->prev_index += count;
    append->prev_term = head.entries.back().term;
    append->entries.erase(begin, end);
    dispatch({what.from, what.to, what.term, std::move(head)});
  }
  dispatch(std::move(what));
}

void replica::dispatch(message what) {
  // Raft, figure 2: term and vote are on stable storage before any answer that rests on them. What
  // comes later waits as well, for it carries the same term.
  if (hard_in_flight_ > 0 && !mutated(mutant::send_before_hard_state)) {
    if (held_.size() < limits::messages_held_max) {
      held_.push_back(std::move(what));
    }
    return;
  }
  host_.send(shard_, std::move(what));
}

void replica::log_read_done(monotonic_ms now, const log_read_request& request,
                            storage_result<std::vector<log_entry>> entries) {
  std::erase(reading_, request.peer);
  if (failed_ || !entries || entries->empty() || core_.current_role() != role::leader) {
    return; // the follower's next answer makes the core try again
  }
  append_entries late;
  late.prev_index = request.first - 1;
  late.prev_term = core_.term_of(late.prev_index);
  late.leader_commit = core_.commit_index();
  late.sent_at = now;
  if (late.prev_index > 0 && late.prev_term == 0) {
    return; // trimmed meanwhile
  }
  for (std::size_t i = 0; i < entries->size(); ++i) {
    if ((*entries)[i].term != core_.term_of(request.first + i)) {
      return; // replaced meanwhile
    }
  }
  late.entries = std::move(*entries);
  dispatch(message{options_.consensus.self, request.peer, core_.term(), std::move(late)});
}

} // namespace godwit::persistence::raft
