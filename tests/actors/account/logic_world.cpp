#include "tests/actors/account/logic_world.hpp"

#include <stdexcept>

namespace godwit::account::testing {

void seeded_random::fill(std::span<std::uint8_t> out) {
  for (std::uint8_t& each : out) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    each = static_cast<std::uint8_t>(state_ >> 56);
  }
}

logic_world::logic_world(std::uint64_t seed) : random_(seed) {
  options.random = &random_;
  options.test_numbers = true;
  options.access_hash_key.fill(7);
}

rpc_result<std::string> logic_world::ask(const cluster::entity_ref& to, cluster::request_type type,
                                         const cluster::caller& from, std::string body, bool can_listen) {
  logic_request request;
  request.ticket = ++last_ticket_;
  request.type = type;
  request.from = from;
  request.body = body;
  request.can_listen = can_listen;
  open_[request.ticket] = {};
  answer_.reset();
  deliver(to, request);
  while (!answer_ && !queue_.empty()) {
    step();
  }
  if (!answer_) {
    throw std::logic_error("a request was not answered");
  }
  return *std::exchange(answer_, std::nullopt);
}

rpc_result<std::string> logic_world::command(const cluster::entity_ref& to, const std::string& body,
                                             const cluster::caller& from) {
  return ask(to, cluster::request_type::command, from, body);
}

void logic_world::run() {
  while (!queue_.empty() && queue_.front().what.to.kind != unreachable) {
    step();
  }
}

void logic_world::restart() {
  for (auto& [key, each] : entities_) {
    each.logic.reset();
  }
  queue_.clear();
  open_.clear();
  answer_.reset();
}

entity_logic& logic_world::logic(const cluster::entity_ref& of) {
  entity& found = entities_[key_of(of)];
  if (!found.logic) {
    found.logic = make_logic(of, options);
    for (const auto& [key, value] : found.rows) {
      if (!found.logic->load(key.first, key.second, value)) {
        throw std::logic_error("a row cannot be read");
      }
    }
    entity_effects effects;
    found.logic->resume(now, effects);
    apply(of, std::move(effects));
  }
  return *found.logic;
}

void logic_world::deliver(const cluster::entity_ref& to, const logic_request& request) {
  entity_effects effects;
  logic(to).handle(request, now, effects);
  apply(to, std::move(effects));
}

void logic_world::apply(const cluster::entity_ref& of, entity_effects effects) {
  if (!effects.rows.empty()) {
    ++commits_;
    const bool last = crash_in_ > 0 && --crash_in_ == 0;
    if (last && !crash_written_) {
      restart();
      throw crash{};
    }
    row_map& rows = entities_[key_of(of)].rows;
    for (row_change& each : effects.rows) {
      if (each.value) {
        rows[{each.table, each.sub_key}] = *each.value;
      } else {
        rows.erase({each.table, each.sub_key});
      }
    }
    if (last) {
      restart();
      throw crash{};
    }
  }
  for (entity_command& each : effects.commands) {
    queue_.push_back({of, std::move(each)});
  }
  for (auto& each : effects.messages) {
    messages.push_back(std::move(each));
  }
  for (auto& each : effects.codes) {
    codes.push_back(std::move(each));
  }
  for (entity_answer& each : effects.answers) {
    const origin whom = open_.at(each.ticket);
    open_.erase(each.ticket);
    if (!whom.asker) {
      answer_ = std::move(each.body);
      continue;
    }
    entity_effects more;
    logic(*whom.asker).replied(whom.token, each.body, now, more);
    apply(*whom.asker, std::move(more));
  }
}

void logic_world::step() {
  const queued next = std::move(queue_.front());
  queue_.pop_front();
  logic_request request;
  request.ticket = ++last_ticket_;
  request.body = next.what.body;
  open_[request.ticket] = {next.from, next.what.token};
  deliver(next.what.to, request);
}

std::vector<cluster::entity_id> logic_world::with_rows(cluster::entity_kind kind, records_table table) const {
  std::vector<cluster::entity_id> found;
  for (const auto& [key, each] : entities_) {
    if (key.first != kind) {
      continue;
    }
    for (const auto& [row, value] : each.rows) {
      if (row.first == table) {
        found.emplace_back(key.second);
        break;
      }
    }
  }
  return found;
}

} // namespace godwit::account::testing
