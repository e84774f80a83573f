#include "tests/actors/account/logic_world.hpp"

#include "actors/account/answer_watcher.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace godwit::account::testing {
namespace {

/// Rows of one entity out of the world's map.
class map_row_reader final : public godwit::entity::row_reader {
public:
  explicit map_row_reader(const logic_world::row_map& rows) : rows_(rows) {}

  std::optional<std::string> get(records_table table, std::string_view sub_key) override {
    const auto found = rows_.find({table, std::string(sub_key)});
    return found != rows_.end() ? std::optional(found->second) : std::nullopt;
  }
  void scan(records_table table, std::string_view from, std::string_view to, const visitor& visit) override {
    const auto [first, last] = range(table, from, to);
    for (auto each = first; each != last && visit(each->first.second, each->second); ++each) {
    }
  }
  void scan_back(records_table table, std::string_view from, std::string_view to, const visitor& visit) override {
    const auto [first, last] = range(table, from, to);
    for (auto each = last; each != first && visit(std::prev(each)->first.second, std::prev(each)->second); --each) {
    }
  }

private:
  using place = logic_world::row_map::const_iterator;

  [[nodiscard]] std::pair<place, place> range(records_table table, std::string_view from, std::string_view to) const {
    const auto behind = static_cast<records_table>(static_cast<int>(table) + 1);
    return {rows_.lower_bound({table, std::string(from)}),
            to.empty() ? rows_.lower_bound({behind, {}}) : rows_.lower_bound({table, std::string(to)})};
  }

  const logic_world::row_map& rows_;
};

} // namespace

void seeded_random::fill(std::span<std::uint8_t> out) {
  for (std::uint8_t& each : out) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    each = static_cast<std::uint8_t>(state_ >> 56);
  }
}

logic_world::logic_world(std::uint64_t seed) : random_(seed) {
  options.random = &random_;
  options.test_numbers = true;
  options.people.access_hash_key.fill(7);
  options.people.cards = &cards_;
  options.people.presence = &presence_;
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
  while (!answer_ && (!queue_.empty() || !lanes_.empty())) {
    if (queue_.empty()) {
      carry_deliveries();
    } else {
      step();
    }
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
  do {
    while (!queue_.empty() && queue_.front().what.to.kind != unreachable) {
      step();
    }
    carry_deliveries();
  } while (!queue_.empty() && queue_.front().what.to.kind != unreachable);
}

void logic_world::restart() {
  for (auto& [key, each] : entities_) {
    each.logic.reset();
  }
  queue_.clear();
  open_.clear();
  answer_.reset();
  delivering_ = false;
}

entity_logic& logic_world::logic(const cluster::entity_ref& of) {
  entity& found = entities_[key_of(of)];
  if (!found.logic) {
    found.logic = make_logic(of, options);
    const std::vector<records_table> tables = found.logic->tables();
    for (const auto& [key, value] : found.rows) {
      const bool wanted = std::find(tables.begin(), tables.end(), key.first) != tables.end();
      if (wanted && !found.logic->load(key.first, key.second, value)) {
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

bool logic_world::commit(const cluster::entity_ref& of, entity_effects& effects) {
  bool accepts = false;
  for (const entity_answer& each : effects.answers) {
    const auto found = open_.find(each.ticket);
    accepts = accepts || (found != open_.end() && found->second.delivery);
  }
  if (effects.rows.empty() && effects.deliveries.empty() && !accepts) {
    return false;
  }
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
  for (godwit::entity::delivery& each : effects.deliveries) {
    lanes_.push_back(std::move(each));
  }
  if (accepts) {
    lanes_.pop_front();
    delivering_ = false;
  }
  if (last) {
    restart();
    throw crash{};
  }
  return true;
}

void logic_world::apply(const cluster::entity_ref& of, entity_effects effects) {
  if (auto* const watcher = dynamic_cast<answer_watcher*>(entities_[key_of(of)].logic.get())) {
    watcher->watch_answers(effects);
  }
  commit(of, effects);
  for (entity_command& each : effects.commands) {
    queue_.push_back({of, std::move(each)});
  }
  for (godwit::entity::whisper& each : effects.whispers) {
    queue_.push_back({of, {each.to, each.body, 0, [](const auto&, unix_time, entity_effects&) {}}});
  }
  for (auto& each : effects.messages) {
    messages.push_back(std::move(each));
  }
  for (auto& each : effects.codes) {
    codes.push_back(std::move(each));
  }
  for (const auto& each : effects.when_applied) {
    each();
  }
  for (const entity_answer& each : effects.answers) {
    answer(each);
  }
  for (godwit::entity::row_query& each : effects.queries) {
    if (read_later_) {
      unread_.emplace_back(of, std::move(each));
    } else {
      read(of, each);
    }
  }
}

void logic_world::read(const cluster::entity_ref& of, godwit::entity::row_query& query) {
  map_row_reader reader(entities_[key_of(of)].rows);
  query.read(reader);
  entity_effects more;
  query.then(now, more);
  apply(of, std::move(more));
}

void logic_world::read_later(bool later) {
  read_later_ = later;
  for (auto& [of, query] : std::exchange(unread_, {})) {
    read(of, query);
  }
}

std::uint64_t logic_world::start(const cluster::entity_ref& to, cluster::request_type type, const cluster::caller& from,
                                 std::string body) {
  logic_request request;
  request.ticket = ++last_ticket_;
  request.type = type;
  request.from = from;
  request.body = std::move(body);
  open_[request.ticket] = {};
  deliver(to, request);
  return request.ticket;
}

void logic_world::answer(const entity_answer& what) {
  const auto found = open_.find(what.ticket);
  if (found == open_.end()) {
    return;
  }
  const origin whom = std::move(found->second);
  open_.erase(found);
  if (whom.delivery) {
    return;
  }
  if (!whom.asker) {
    answer_ = what.body;
    answers.insert_or_assign(what.ticket, what.body);
    return;
  }
  entity_effects more;
  if (whom.then) {
    whom.then(what.body, now, more);
  } else {
    logic(*whom.asker).replied(whom.token, what.body, now, more);
  }
  apply(*whom.asker, std::move(more));
}

void logic_world::step() {
  const queued next = std::move(queue_.front());
  queue_.pop_front();
  logic_request request;
  request.ticket = ++last_ticket_;
  request.body = next.what.body;
  open_[request.ticket] = {next.from, next.what.token, next.what.then, false};
  deliver(next.what.to, request);
}

void logic_world::carry_deliveries() {
  while (!lanes_.empty() && !delivering_) {
    delivering_ = true;
    const godwit::entity::delivery next = lanes_.front();
    logic_request request;
    request.ticket = ++last_ticket_;
    request.type = cluster::request_type::delivery;
    request.body = next.body;
    open_[request.ticket] = {std::nullopt, 0, {}, true};
    deliver(next.to, request);
  }
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
