#include "tests/actors/people/people_world.hpp"

#include <algorithm>
#include <stdexcept>

#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/methods.hpp"

namespace godwit::people::testing {
namespace {

class map_reader final : public entity::row_reader {
public:
  explicit map_reader(const people_world::row_map& rows) : rows_(rows) {}

  std::optional<std::string> get(records_table table, std::string_view sub_key) override {
    const auto found = rows_.find({table, std::string(sub_key)});
    return found == rows_.end() ? std::nullopt : std::optional(found->second);
  }
  void scan(records_table table, std::string_view from, std::string_view to, const visitor& visit) override {
    for (auto each = rows_.lower_bound({table, std::string(from)});
         each != rows_.end() && each->first.first == table && (to.empty() || each->first.second < to); ++each) {
      if (!visit(each->first.second, each->second)) {
        return;
      }
    }
  }
  void scan_back(records_table, std::string_view, std::string_view, const visitor&) override {
    throw std::logic_error("nobody reads backwards here");
  }

private:
  const people_world::row_map& rows_;
};

} // namespace

tl::box<tl::object> heard::object() const {
  tl::reader in(bytes);
  auto object = tl::fetch_object(in);
  EXPECT_TRUE(in.ok() && in.remaining() == 0);
  return object;
}

tl::box<tl::object> find_update(const std::vector<heard>& all, std::uint32_t kind) {
  for (const heard& each : all) {
    auto object = each.object();
    if (auto* one = tl::as<tl::updateShort>(object.get()); one != nullptr && one->update->kind() == kind) {
      return std::move(one->update);
    }
    if (auto* many = tl::as<tl::updates>(object.get())) {
      for (auto& update : many->updates_) {
        if (update->kind() == kind) {
          return std::move(update);
        }
      }
    }
  }
  return nullptr;
}

cluster::entity_ref user_ref(user_id whom) {
  return {cluster::entity_kind::user, cluster::entity_id{static_cast<std::uint64_t>(whom.value())}};
}

/// An account that is people and nothing else.
struct people_world::person final : entity_logic {
  person(people_world& in, user_id self)
      : world(in),
        core{.self = self,
             .options = in.options,
             .profile = {},
             .box = {},
             .ears = {},
             .was_online = 0,
             .note_beside = {},
             .fill_full = {}},
        others(core) {
    core.note_beside = [this](update_kind kind, std::int64_t peer, std::int32_t id, bool on, unix_time,
                              entity_effects&) {
      world.notes.push_back({core.self, kind, peer, id, on});
    };
  }

  std::vector<records_table> tables() const override { return people::tables(); }
  bool load(records_table table, std::string_view sub_key, std::string_view value) override {
    if (table == records_table::user_profile) {
      return core.profile.emplace().ParseFromString(std::string(value));
    }
    return others.load(table, sub_key, value);
  }
  void resume(unix_time now, entity_effects& out) override { others.resume(now, out); }

  void handle(const logic_request& request, unix_time now, entity_effects& out) override {
    if (!core.profile) {
      command::Card nobody;
      out.answer(request.ticket, nobody.SerializeAsString());
      return;
    }
    if (request.type == cluster::request_type::call) {
      tl::reader in(request.body);
      const auto what = tl::fetch_function(in);
      const call_context from{request.ticket, request.from.layer, {request.from.key, request.from.session}, now};
      if (!what || !people::takes((*what)->kind()) || !others.call(from, **what, out)) {
        out.answer(request.ticket, unexpected(rpc_error{rpc_errc::method_invalid}));
      }
    } else if (request.type == cluster::request_type::delivery) {
      command::Delivery what;
      what.ParseFromString(std::string(request.body));
      others.relation_changed(request.ticket, what, now, out);
    } else {
      command::UserCommand what;
      what.ParseFromString(std::string(request.body));
      if (what.has_whisper()) {
        others.whispered(what.whisper(), now, out);
        out.answer(request.ticket, std::string{});
      } else if (what.has_owns_username()) {
        command::PhoneOwned owned;
        owned.set_owned(others.owns_username(what.owns_username().username()));
        out.answer(request.ticket, owned.SerializeAsString());
      } else {
        out.answer(request.ticket, others.own_card(now).SerializeAsString());
      }
    }
  }

  people_world& world;
  account_core core;
  people others;
};

people_world::people_world(std::uint64_t seed, std::size_t cards_max) : cards(cards_max), random_(seed) {
  options.access_hash_key.fill(9);
  options.cards = &cards;
  options.presence = &presence;
}
people_world::~people_world() = default;

user_id people_world::add(std::int64_t id, const std::string& first_name, const std::string& last_name) {
  persistence::records::UserProfile profile;
  profile.set_phone(static_cast<std::uint64_t>(id));
  profile.set_first_name(first_name);
  profile.set_last_name(last_name);
  profile.set_version(1);
  const user_id who{id};
  rows(user_ref(who))[{records_table::user_profile, {}}] = profile.SerializeAsString();
  phones[static_cast<std::uint64_t>(id)] = id;
  return who;
}

entity_logic& people_world::logic(const cluster::entity_ref& of) {
  entity_state& found = entities_[key_of(of)];
  if (!found.logic) {
    if (of.kind == cluster::entity_kind::user) {
      found.logic = std::make_unique<person>(*this, user_id{static_cast<std::int64_t>(of.id.value())});
    } else {
      found.logic = make_username_logic(of);
    }
    const auto own = found.logic->tables();
    for (const auto& [key, value] : found.rows) {
      const bool loaded =
        std::find(own.begin(), own.end(), key.first) != own.end() || key.first == records_table::user_profile;
      if (loaded && !found.logic->load(key.first, key.second, value)) {
        throw std::logic_error("a row cannot be read");
      }
    }
    entity_effects effects;
    found.logic->resume(now, effects);
    apply(of, std::move(effects));
  }
  return *found.logic;
}

people& people_world::of(user_id who) { return dynamic_cast<person&>(logic(user_ref(who))).others; }
account_core& people_world::core_of(user_id who) { return dynamic_cast<person&>(logic(user_ref(who))).core; }

listener_id people_world::listen(user_id who, std::uint64_t number, layer_t layer) {
  const listener_id id{auth_key_id{static_cast<std::uint64_t>(who.value()) * 100 + number}, session_id{number}};
  listener* added = core_of(who).ears.add(id);
  added->layer = layer;
  return id;
}

void people_world::hang_up(user_id who, const listener_id& session) {
  core_of(who).ears.remove(session);
  within(who, [&](people& one, entity_effects& out) { one.presence_changed(now, out); });
}

void people_world::within(user_id who, const std::function<void(people&, entity_effects&)>& what) {
  entity_effects effects;
  what(of(who), effects);
  apply(user_ref(who), std::move(effects));
}

void people_world::push(std::function<void()> happen) {
  event one;
  one.happen = std::move(happen);
  events_[++last_] = std::move(one);
}

void people_world::request(const cluster::entity_ref& to, cluster::request_type type, const std::string& body,
                           ticket_state state, const cluster::caller& from) {
  logic_request what;
  what.ticket = ++last_;
  what.type = type;
  what.from = from;
  what.body = body;
  open_[what.ticket] = std::move(state);
  entity_effects effects;
  entity_logic& asked = logic(to);
  asked.handle(what, now, effects);
  apply(to, std::move(effects));
}

people_world::answer_ptr people_world::begin_call(user_id who, const tl::fn::function& what, layer_t layer,
                                                  std::uint64_t session) {
  std::string bytes;
  tl::writer writer(bytes);
  what.store(writer, layer);
  EXPECT_TRUE(writer.ok());
  cluster::caller from;
  from.user = who;
  from.layer = layer;
  from.key = auth_key_id{static_cast<std::uint64_t>(who.value()) * 100 + session};
  from.session = session_id{session};
  auto answer = std::make_shared<std::optional<rpc_result<std::string>>>();
  request(user_ref(who), cluster::request_type::call, bytes, {.answer = answer, .then = {}, .delivery = 0}, from);
  return answer;
}

rpc_result<std::string> people_world::call_bytes(user_id who, const tl::fn::function& what, layer_t layer,
                                                 std::uint64_t session) {
  const answer_ptr answer = begin_call(who, what, layer, session);
  while (!answer->has_value() && step()) {
  }
  if (!answer->has_value()) {
    throw std::logic_error("a call was not answered");
  }
  return **answer;
}

rpc_result<std::string> people_world::command(const cluster::entity_ref& to, const std::string& body) {
  auto answer = std::make_shared<std::optional<rpc_result<std::string>>>();
  request(to, cluster::request_type::command, body, {.answer = answer, .then = {}, .delivery = 0});
  while (!answer->has_value() && step()) {
  }
  if (!answer->has_value()) {
    throw std::logic_error("a command was not answered");
  }
  return **answer;
}

void people_world::run() {
  while (step()) {
  }
}

bool people_world::step() {
  std::vector<std::uint64_t> possible;
  std::set<std::uint64_t> lines;
  for (const auto& [number, each] : events_) {
    const bool first = each.line == 0 || lines.insert(each.line).second;
    if (first && !each.running) {
      possible.push_back(number);
    }
  }
  if (possible.empty()) {
    return false;
  }
  const std::uint64_t chosen = possible[random_() % possible.size()];
  if (events_[chosen].durable) {
    deliver(chosen);
    return true;
  }
  const auto one = events_.extract(chosen);
  one.mapped().happen();
  return true;
}

void people_world::send(user_id from, user_id to, const command::Delivery& what) {
  event one;
  one.durable = true;
  one.from = user_ref(from);
  one.to = user_ref(to);
  one.body = what.SerializeAsString();
  events_[++last_] = std::move(one);
}

void people_world::deliver(std::uint64_t number) {
  event& one = events_[number];
  one.running = true;
  request(one.to, cluster::request_type::delivery, std::string(one.body),
          {.answer = {}, .then = {}, .delivery = number});
}

/// Effects of effects wait: what was said first is applied first.
void people_world::apply(const cluster::entity_ref& of, entity_effects effects) {
  effects_.emplace_back(of, std::move(effects));
  if (!applying_) {
    applying_ = true;
    try {
      apply_all();
    } catch (...) {
      applying_ = false;
      throw;
    }
    applying_ = false;
  }
}

void people_world::apply_all() {
  while (!effects_.empty()) {
    auto [of, effects] = std::move(effects_.front());
    effects_.pop_front();
    commit(of, effects);
    for (entity::row_query& each : effects.queries) {
      begin_query(of, std::move(each));
    }
    for (auto& each : effects.when_applied) {
      each();
    }
    for (const entity::listener_message& each : effects.messages) {
      const listener* who = core_of(user_id{static_cast<std::int64_t>(of.id.value())}).ears.find(each.to);
      heard_[each.to.key.value()].push_back({*each.update, who == nullptr ? 0 : who->layer, each.pts});
    }
    for (entity::entity_command& each : effects.commands) {
      begin_command(of, std::move(each));
    }
    for (const entity::whisper& each : effects.whispers) {
      ++whispers;
      push([this, each] { request(each.to, cluster::request_type::command, each.body, {}); });
    }
    for (const entity::entity_answer& each : effects.answers) {
      answer(each.ticket, each.body);
    }
  }
}

void people_world::commit(const cluster::entity_ref& of, entity_effects& effects) {
  if (effects.rows.empty() && effects.deliveries.empty()) {
    return;
  }
  ++commits_;
  const bool last = crash_in_ > 0 && --crash_in_ == 0;
  if (last && !crash_written_) {
    throw crash{};
  }
  row_map& all = rows(of);
  for (const entity::row_change& each : effects.rows) {
    if (each.value) {
      all[{each.table, each.sub_key}] = *each.value;
    } else {
      all.erase({each.table, each.sub_key});
    }
  }
  for (const entity::delivery& each : effects.deliveries) {
    event one;
    one.line = of.id.value() * 1'000'003 + each.to.id.value();
    one.durable = true;
    one.from = of;
    one.to = each.to;
    one.body = each.body;
    events_[++last_] = std::move(one);
  }
  // A delivery is done with the rows that it changed.
  for (const entity::entity_answer& each : effects.answers) {
    if (const auto found = open_.find(each.ticket); found != open_.end() && found->second.delivery != 0) {
      events_.erase(found->second.delivery);
      found->second.delivery = 0;
    }
  }
  if (last) {
    throw crash{};
  }
}

/// What is read, and when it comes, are two moments: much may happen in between.
void people_world::begin_query(const cluster::entity_ref& of, entity::row_query query) {
  ++queries;
  auto held = std::make_shared<entity::row_query>(std::move(query));
  push([this, of, held] {
    map_reader reader(rows(of));
    held->read(reader);
    push([this, of, held] {
      entity_effects effects;
      held->then(now, effects);
      apply(of, std::move(effects));
    });
  });
}

void people_world::begin_command(const cluster::entity_ref& asker, entity::entity_command command) {
  ++commands;
  auto held = std::make_shared<entity::entity_command>(std::move(command));
  const auto reply = [this, held, asker](const rpc_result<std::string>& what) {
    push([this, held, what, asker] {
      entity_effects effects;
      held->then(what, now, effects);
      apply(asker, std::move(effects));
    });
  };
  push([this, held, reply] {
    if (held->to.kind == cluster::entity_kind::user &&
        silent.contains(static_cast<std::int64_t>(held->to.id.value()))) {
      return;
    }
    if (held->patience_ms != 0 && out_of_reach.contains(static_cast<std::int64_t>(held->to.id.value()))) {
      return reply(unexpected(rpc_error{rpc_errc::rpc_call_fail}));
    }
    if (held->to.kind == cluster::entity_kind::phone) {
      command::PhoneCommand what;
      what.ParseFromString(held->body);
      command::Claim claim;
      if (const auto found = phones.find(what.number()); found != phones.end()) {
        claim.set_user(found->second);
        claim.set_state(2);
      }
      return reply(claim.SerializeAsString());
    }
    request(held->to, cluster::request_type::command, held->body, {.answer = {}, .then = reply, .delivery = 0});
  });
}

void people_world::answer(std::uint64_t ticket, const rpc_result<std::string>& what) {
  const auto found = open_.extract(ticket);
  if (found.empty()) {
    throw std::logic_error("a request was answered twice");
  }
  if (found.mapped().delivery != 0) {
    events_.erase(found.mapped().delivery);
  }
  if (found.mapped().answer) {
    *found.mapped().answer = what;
  }
  if (found.mapped().then) {
    found.mapped().then(what);
  }
}

void people_world::restart() {
  effects_.clear();
  std::erase_if(events_, [](const auto& each) { return !each.second.durable; });
  for (auto& [number, each] : events_) {
    each.running = false;
  }
  open_.clear();
  for (auto& [key, each] : entities_) {
    each.logic.reset();
  }
}

std::vector<heard> people_world::take_heard(const listener_id& session) {
  return std::exchange(heard_[session.key.value()], {});
}

std::optional<std::int64_t> people_world::owner_of(const std::string& username) {
  command::UsernameCommand question;
  question.set_username(username);
  question.mutable_find();
  command::UsernameOwner owner;
  owner.ParseFromString(command(username_entity(username), question.SerializeAsString()).value_or(std::string{}));
  return owner.user() == 0 || owner.reserved() ? std::nullopt : std::optional(owner.user());
}

Relation people_world::relation_row(user_id who, user_id whom) {
  Relation relation;
  const auto& all = rows(user_ref(who));
  const auto found =
    all.find({records_table::user_relation, entity::id_sub_key(static_cast<std::uint64_t>(whom.value()))});
  if (found != all.end()) {
    relation.ParseFromString(found->second);
  }
  return relation;
}

std::size_t people_world::rows_in(user_id who, records_table table) {
  std::size_t count = 0;
  for (const auto& [key, value] : rows(user_ref(who))) {
    count += static_cast<std::size_t>(key.first == table);
  }
  return count;
}

tl::box<tl::InputUser> people_world::input(user_id viewer, user_id whom) const {
  auto user = tl::make<tl::inputUser>();
  user->user_id = whom.value();
  user->access_hash = access_hash(options.access_hash_key, viewer, whom);
  return user;
}

tl::box<tl::InputPeer> people_world::input_peer(user_id viewer, user_id whom) const {
  auto user = tl::make<tl::inputPeerUser>();
  user->user_id = whom.value();
  user->access_hash = access_hash(options.access_hash_key, viewer, whom);
  return user;
}

} // namespace godwit::people::testing
