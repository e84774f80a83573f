// Lanes: what their two ends have of the host.

#include "cluster/shard/shard_host.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

#include "cluster/shard/messages.hpp"
#include "cluster/shard/router.hpp"
#include "cluster/shard/shard_log.hpp"

namespace godwit::cluster {

using persistence::persistence_errc;
using persistence::row_page;
using persistence::row_range;
using persistence::storage_result;

void shard_host::take_lane(lane_message& what) {
  if (term_ == 0) {
    return; // it is said again
  }
  switch (what.step) {
  case lane_step::items: receiver_.items(what); break;
  case lane_step::ask: receiver_.ask(what); break;
  case lane_step::report: sender_.report(what); break;
  case lane_step::ready: sender_.peer_ready(what.from); break;
  }
  sender_.flush();
}

void shard_host::send_lane(lane_message what) {
  what.from = setup_.shard;
  if (what.step != lane_step::report) {
    what.term = lane_term_;
  }
  setup_.router->send_lane(std::move(what));
}

std::uint64_t shard_host::next_position(shard_id to) { return sender_.next_position(to); }

// --- rows -----------------------------------------------------------------------------------------

void shard_host::read_rows(row_range range, std::function<void(const row_page&)> then) {
  const std::uint64_t number = ++last_read_;
  reads_[number] = {std::move(range), std::move(then), false};
  read(number);
}

void shard_host::read(std::uint64_t number) {
  const auto on_page = [self = caf::actor_cast<caf::actor>(this), number](storage_result<row_page> page) {
    caf::anon_send(self, lane_page{number, std::move(page)});
  };
  const storage_result<void> asked = replica_.state().read(reads_.at(number).range, on_page);
  if (!asked) {
    on_page(unexpected(asked.error()));
  }
}

void shard_host::take_page(lane_page& loaded) {
  const auto found = reads_.find(loaded.number);
  if (found == reads_.end()) {
    return; // of an earlier term
  }
  if (!loaded.page) {
    const bool busy = loaded.page.error().code == persistence_errc::busy;
    if (!busy) {
      log::error(shard_log, "lanes_not_read", {{"shard", setup_.shard}, {"why", loaded.page.error().message}});
    }
    found->second.again = true;
    if (!read_timer_.armed()) {
      home().arm(read_timer_, home().now() + (busy ? limits::entity_load_retry_ms : limits::lane_silence_ms));
    }
    return;
  }
  const auto then = std::move(found->second.then);
  reads_.erase(found);
  then(*loaded.page);
  if (term_ != 0) {
    sender_.flush();
  }
}

void shard_host::read_again() {
  std::vector<std::uint64_t> waiting;
  for (auto& [number, each] : reads_) {
    if (std::exchange(each.again, false)) {
      waiting.push_back(number);
    }
  }
  for (const std::uint64_t each : waiting) {
    read(each);
  }
}

// --- proposals --------------------------------------------------------------------------------------

bool shard_host::propose_rows(std::string_view mutation, lane_parts parts) {
  return term_ != 0 && kept_.empty() && submit(nullptr, mutation, 0, parts) == submitted::taken;
}

void shard_host::note_lanes(persistence::raft::proposal_token token, lane_parts& lanes) {
  for (lane_item& each : lanes.out) {
    open_out_.emplace_back(token, std::move(each));
  }
  for (const lane_accept& each : lanes.in) {
    open_in_.emplace_back(token, each);
    receiver_.accepted(each);
  }
}

void shard_host::lanes_done(persistence::raft::proposal_token token, bool applied) {
  const auto before = [](const auto& each, persistence::raft::proposal_token of) { return each.first < of; };
  auto out = std::lower_bound(open_out_.begin(), open_out_.end(), token, before);
  const auto out_begin = out;
  for (; out != open_out_.end() && out->first == token; ++out) {
    if (applied) {
      sender_.applied(std::move(out->second));
    }
  }
  open_out_.erase(out_begin, out);
  auto in = std::lower_bound(open_in_.begin(), open_in_.end(), token, before);
  const auto in_begin = in;
  for (; in != open_in_.end() && in->first == token; ++in) {
    if (applied) {
      receiver_.applied(in->second);
    } else {
      // Deliveries behind it were, or are to be, taken on the strength of it.
      lanes_broken_ = true;
    }
  }
  open_in_.erase(in_begin, in);
}

// --- entities ---------------------------------------------------------------------------------------

lane_handover shard_host::hand_over(const entity_request_ptr& delivery) {
  if (!kept_.empty()) {
    return lane_handover::later;
  }
  bool impossible = false;
  const auto found = slots_.find(delivery->to);
  slot* const to = found != slots_.end() ? &found->second : start(delivery->to, &impossible);
  if (to == nullptr) {
    return impossible ? lane_handover::impossible : lane_handover::later;
  }
  if (to->at != phase::running) {
    to->pending.push_back(delivery);
  } else {
    to->used = home().now();
    idle_.splice(idle_.end(), idle_, to->place);
    delivery->in_flight = 1;
    caf::anon_send(to->actor, delivery);
  }
  return lane_handover::taken;
}

/// A delivery that waited for an entity's predecessor, or for the entity itself.
void shard_host::forward_delivery(const entity_request_ptr& delivery) {
  if (const lane_handover end = hand_over(delivery); end != lane_handover::taken) {
    receiver_.handed_back(delivery, end);
  }
}

void shard_host::start_early(const entity_ref& who) {
  if (slots_.size() < setup_.limits.entities_max && !slots_.contains(who) && !budget_.refused(who, home().now())) {
    (void)start(who);
  }
}

// --- time -------------------------------------------------------------------------------------------

void shard_host::want_tick(std::uint32_t in_ms) {
  const monotonic_ms at = home().now() + in_ms;
  if (!lane_timer_.armed() || lane_timer_.due() > at) {
    home().arm(lane_timer_, at);
  }
}

void shard_host::want_report(std::uint32_t in_ms) {
  if (!report_timer_.armed()) {
    home().arm(report_timer_, home().now() + in_ms);
  }
}

void shard_host::tick_lanes() {
  if (term_ == 0) {
    return;
  }
  receiver_.tick();
  sender_.tick();
  sender_.flush();
}

} // namespace godwit::cluster
