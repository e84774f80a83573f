#include "persistence/raft/proposal_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "persistence/state/mutation.hpp"

namespace godwit::persistence::raft {

namespace {

/// Reserved for a batch when its first mutation comes: as much as the last one took, within reason.
constexpr std::size_t batch_reserve_max = 256 << 10;

} // namespace

void proposal_queue::gather(std::string_view mutation, proposal_token token) {
  if (gathering_tokens_.empty()) {
    gathering_.reserve(std::min(last_bytes_, batch_reserve_max));
    gathering_tokens_.reserve(last_count_);
  }
  append_mutation(gathering_, mutation);
  gathering_tokens_.push_back(token);
}

slice proposal_queue::take() {
  taken_ = std::exchange(gathering_tokens_, {});
  taken_bytes_ = last_bytes_ = gathering_.size();
  last_count_ = taken_.size();
  in_flight_ += taken_.size();
  in_flight_bytes_ += taken_bytes_;
  return slice::adopt(std::exchange(gathering_, {}));
}

void proposal_queue::submitted(index_t index, term_t term) {
  insert({index, term, std::exchange(taken_bytes_, 0), std::exchange(taken_, {})});
}

void proposal_queue::drop_gathered(std::vector<finished_proposal>& out) {
  finish({0, 0, std::exchange(taken_bytes_, 0), std::exchange(taken_, {})}, proposal_outcome::lost, out);
  for (const proposal_token token : gathering_tokens_) {
    out.push_back({token, proposal_outcome::lost, 0});
  }
  gathering_tokens_.clear();
  gathering_.clear();
}

void proposal_queue::submitted_alone(index_t index, term_t term, proposal_token token) {
  insert({index, term, 0, {token}});
  ++in_flight_;
}

void proposal_queue::insert(entry added) {
  // A replica that led before may still have entries of its older term queued at this index and
  // behind it. They left its own log, yet another replica may hold them and lead next, so that only
  // what is applied decides.
  auto at = entries_.end();
  while (at != entries_.begin() && std::prev(at)->index > added.index) {
    --at;
  }
  entries_.insert(at, std::move(added));
}

void proposal_queue::applied(index_t index, term_t term, std::vector<finished_proposal>& out) {
  while (!entries_.empty() && entries_.front().index <= index) {
    const entry done = std::move(entries_.front());
    entries_.pop_front();
    const bool same = done.index == index && done.term == term;
    finish(done, same ? proposal_outcome::applied : proposal_outcome::lost, out);
  }
  drop_older(term, out);
}

void proposal_queue::skipped(index_t index, term_t term, std::vector<finished_proposal>& out) {
  while (!entries_.empty() && entries_.front().index <= index) {
    const entry done = std::move(entries_.front());
    entries_.pop_front();
    finish(done, proposal_outcome::unknown, out);
  }
  drop_older(term, out);
}

void proposal_queue::drop_older(term_t term, std::vector<finished_proposal>& out) {
  // Terms never go back along a log, and what is committed is in every later leader's log: behind a
  // committed entry there will never be one of an older term. Without this the proposals of a deposed
  // leader would wait until the log has grown past their indices, in a quiet shard for ever.
  if (term <= committed_term_) {
    return;
  }
  committed_term_ = term;
  std::erase_if(entries_, [&](const entry& each) {
    if (each.term >= term) {
      return false;
    }
    finish(each, proposal_outcome::lost, out);
    return true;
  });
}

void proposal_queue::finish(const entry& done, proposal_outcome outcome, std::vector<finished_proposal>& out) {
  for (const proposal_token token : done.tokens) {
    out.push_back({token, outcome, done.index});
  }
  in_flight_ -= done.tokens.size();
  in_flight_bytes_ -= done.bytes;
}

} // namespace godwit::persistence::raft
