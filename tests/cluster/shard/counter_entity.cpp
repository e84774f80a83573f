#include "tests/cluster/shard/counter_entity.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <stdexcept>
#include <utility>

#include "cluster/shard/entity_push.hpp"

namespace godwit::test {

using namespace cluster; // NOLINT: test support speaks of little else

entity_factories counter_entity::factories(record* notes) {
  entity_factories out;
  out[entity_kind::user] = [notes](caf::actor_system& system, home_loop& home, shard_context& shard,
                                   entity_ref self) -> caf::actor {
    const auto made = system.spawn<counter_entity>(home, shard, self, notes);
    if (notes != nullptr) {
      notes->last = made;
    }
    return made;
  };
  return out;
}

void counter_entity::on_exit() {
  if (notes_ != nullptr) {
    --notes_->alive;
  }
  entity_actor::on_exit();
}

void counter_entity::load(const std::vector<loaded_row>& rows) {
  if (notes_ != nullptr && notes_->load_throws) {
    throw std::logic_error("told to");
  }
  rows_ = rows.size();
  for (const loaded_row& each : rows) {
    if (each.table == counter_table && each.sub_key == "n") {
      number_ = std::stoull(each.value);
    }
  }
}

void counter_entity::add() {
  ++number_;
  mutation().put(counter_table, self_ref().id, "n", std::to_string(number_));
}

void counter_entity::handle(const entity_request_ptr& request) {
  const std::string& what = request->body;
  if (request->listens) {
    listeners_.push_back(request->reply_to);
  }
  if (what == "add") {
    add();
    propose();
    reply(request, std::to_string(number_));
  } else if (what == "log") {
    add();
    mutation().put(counter_log_table, self_ref().id, std::to_string(number_), std::string(200, 'x'));
    propose();
    reply(request, std::to_string(number_));
  } else if (what == "get") {
    reply(request, std::to_string(number_));
  } else if (what == "rows") {
    reply(request, std::to_string(rows_));
  } else if (what == "tell") { // as "add", and who listens hears of it
    add();
    propose();
    when_applied([this, number = number_] {
      for (const caf::actor& each : listeners_) {
        entity_push told;
        told.from = self_ref();
        told.number = static_cast<std::int64_t>(number);
        caf::anon_send(each, told);
      }
    });
    reply(request, std::to_string(number_));
  } else if (what == "fail") {
    add();
    propose();
    fail(request, {rpc_errc::flood_wait, 7});
  } else if (what == "hold") {
    held_.push_back(request);
  } else if (what == "release") {
    for (const entity_request_ptr& each : std::exchange(held_, {})) {
      reply(each, "held");
    }
    reply(request, "released");
  } else if (what == "throw") {
    add();
    propose();
    throw std::logic_error("told to");
  } else if (what == "forget") {
    add();
    reply(request, std::to_string(number_));
  } else if (what == "stay") {
    busy_ = true;
    reply(request, "");
  } else if (what.starts_with("big ")) {
    mutation().put(counter_table, self_ref().id, "big", std::string(std::stoul(what.substr(4)), 'b'));
    propose();
    reply(request, "big");
  }
}

} // namespace godwit::test
