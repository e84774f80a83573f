#include "tests/cluster/shard/lane_entity.hpp"

#include <caf/actor_system.hpp>

#include <sstream>
#include <stdexcept>
#include <utility>

namespace godwit::test {

using namespace cluster; // NOLINT: test support speaks of little else

namespace {

std::string numbered(std::uint64_t number) {
  std::string text = std::to_string(number);
  return std::string(8 - text.size(), '0') + text;
}

} // namespace

entity_factories lane_entity::factories(record* notes) {
  entity_factories out;
  out[entity_kind::user] = [notes](caf::actor_system& system, home_loop& home, shard_context& shard,
                                   entity_ref self) -> caf::actor {
    return system.spawn<lane_entity>(home, shard, self, notes);
  };
  return out;
}

void lane_entity::load(const std::vector<loaded_row>& rows) {
  for (const loaded_row& each : rows) {
    (each.sub_key == "s" ? sent_ : received_) = std::stoull(each.value);
  }
}

void lane_entity::count() {
  mutation().put(lane_counts_table, self_ref().id, "s", std::to_string(sent_));
  mutation().put(lane_counts_table, self_ref().id, "r", std::to_string(received_));
}

void lane_entity::take(const entity_request_ptr& delivery) {
  if (notes_ != nullptr) {
    ++notes_->handled;
    if (const auto found = notes_->faults.find(delivery->body); found != notes_->faults.end() && found->second-- > 0) {
      throw std::runtime_error("told to");
    }
    if (notes_->answer_only) {
      ++notes_->answered;
      reply(delivery, "no acceptance");
      fail(delivery, {rpc_errc::flood_wait, 7});
      return;
    }
  }
  ++received_;
  mutation().put(lane_received_table, self_ref().id, numbered(received_), delivery->body);
  count();
  accept(delivery);
  if (notes_ != nullptr && notes_->accept_twice) {
    accept(delivery);
  }
  propose();
}

void lane_entity::handle(const entity_request_ptr& request) {
  if (request->type == request_type::delivery) {
    if (paused_) {
      held_.push_back(request);
    } else {
      take(request);
    }
    return;
  }
  std::istringstream words(request->body);
  std::string what;
  words >> what;
  if (what == "send") {
    for (std::uint64_t to = 0; words >> to;) {
      ++sent_;
      mutation().put(lane_sent_table, self_ref().id, numbered(sent_), std::to_string(to));
      deliver({entity_kind::user, entity_id{to}}, std::to_string(self_ref().id.value()) + ":" + std::to_string(sent_));
    }
    count();
    propose();
    reply(request, std::to_string(sent_));
  } else if (what == "text") {
    std::uint64_t to = 0;
    std::string text;
    words >> to >> text;
    deliver({entity_kind::user, entity_id{to}}, text);
    propose();
    reply(request, "sent");
  } else if (what == "get") {
    reply(request, std::to_string(received_));
  } else if (what == "sent") {
    reply(request, std::to_string(sent_));
  } else if (what == "pause") {
    paused_ = true;
    reply(request, "");
  } else if (what == "resume") {
    paused_ = false;
    for (const entity_request_ptr& each : std::exchange(held_, {})) {
      take(each);
    }
    reply(request, "");
  } else if (what == "unapplied") {
    std::size_t rows = 0;
    const std::string batch = unapplied();
    persistence::batch_reader reader(batch);
    for (persistence::row_write each; reader.next(each);) {
      ++rows;
    }
    reply(request, std::to_string(rows) + (reader.ok() ? "" : " and no batch"));
  }
}

} // namespace godwit::test
