#include "tests/actors/box/box_world.hpp"

#include <stdexcept>

#include "actors/commands/account_commands.pb.h"
#include "actors/people/access_hash.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/objects.hpp"

namespace godwit::box::testing {
namespace {

constexpr std::uint64_t key_of_account_bit = std::uint64_t{1} << 48;

people::people_options options_of(box_world::member& whom) {
  people::people_options options;
  options.access_hash_key.fill(7);
  options.cards = &whom.cards;
  options.presence = &whom.presence;
  return options;
}

} // namespace

/// Over the rows as they are at the moment of each read.
class box_world::map_reader final : public entity::row_reader {
public:
  explicit map_reader(const row_map& rows) : rows_(rows) {}

  std::optional<std::string> get(records_table table, std::string_view sub_key) override {
    const auto found = rows_.find({table, std::string(sub_key)});
    return found == rows_.end() ? std::nullopt : std::optional(found->second);
  }

  void scan(records_table table, std::string_view from, std::string_view to, const visitor& visit) override {
    const auto [first, last] = range(table, from, to);
    for (auto each = first; each != last && visit(each->first.second, each->second); ++each) {
    }
  }

  void scan_back(records_table table, std::string_view from, std::string_view to, const visitor& visit) override {
    const auto [first, last] = range(table, from, to);
    for (auto each = last; each != first;) {
      --each;
      if (!visit(each->first.second, each->second)) {
        break;
      }
    }
  }

private:
  using place = row_map::const_iterator;
  [[nodiscard]] std::pair<place, place> range(records_table table, std::string_view from, std::string_view to) const {
    if (!to.empty() && to <= from) {
      return {rows_.end(), rows_.end()};
    }
    const auto next = static_cast<records_table>(static_cast<std::uint8_t>(table) + 1);
    return {rows_.lower_bound({table, std::string(from)}),
            to.empty() ? rows_.lower_bound({next, std::string()}) : rows_.lower_bound({table, std::string(to)})};
  }

  const row_map& rows_;
};

box_world::box_world(std::uint64_t seed) : seed_(seed), state_(seed) {}
box_world::~box_world() = default;

// --- accounts ----------------------------------------------------------------------------------------

box_world::member& box_world::add(std::int64_t id, const std::string& first_name) {
  auto& whom = members_[id];
  if (!whom) {
    whom = std::make_unique<member>();
    whom->id = user_id{id};
    whom->options = options_of(*whom);
    persistence::records::UserProfile profile;
    profile.set_phone(9'990'000'000 + static_cast<std::uint64_t>(id));
    profile.set_first_name(first_name);
    profile.set_created_at(now);
    profile.set_version(1);
    persistence::records::UserBox box;
    box.set_pts(1);
    box.set_date(now);
    whom->rows[{records_table::user_profile, {}}] = profile.SerializeAsString();
    whom->rows[{records_table::user_box, {}}] = box.SerializeAsString();
    make(*whom);
  }
  return *whom;
}

void box_world::set_profile(std::int64_t id, const std::function<void(persistence::records::UserProfile&)>& change) {
  member& whom = at(id);
  change(*whom.core->profile);
  whom.core->profile->set_version(whom.core->profile->version() + 1);
  whom.rows[{records_table::user_profile, {}}] = whom.core->profile->SerializeAsString();
}

void box_world::make(member& whom) {
  whom.box.reset();
  whom.people.reset();
  whom.core.reset(new people::account_core{
    .self = whom.id, .options = whom.options, .profile = {}, .box = {}, .ears = {}, .note_beside = {}});
  whom.core->profile.emplace().ParseFromString(whom.rows.at({records_table::user_profile, {}}));
  whom.core->box.ParseFromString(whom.rows.at({records_table::user_box, {}}));
  whom.people = std::make_unique<people::people>(*whom.core);
  whom.box = std::make_unique<user_box>(*whom.core, *whom.people);
  ++whom.lives;
  const auto load = [&](const std::vector<records_table>& tables, auto& part) {
    for (const records_table each : tables) {
      for (const auto& [sub_key, value] : table(whom.id.value(), each)) {
        if (!part.load(each, sub_key, value)) {
          throw std::logic_error("a row cannot be read");
        }
      }
    }
  };
  load(people::people::tables(), *whom.people);
  load(user_box::tables(), *whom.box);
  entity_effects out;
  whom.people->resume(now, out);
  apply(whom.id.value(), std::move(out));
}

void box_world::restart() {
  for (const auto& [id, each] : members_) {
    restart(id);
  }
}

void box_world::restart(std::int64_t id) {
  for (auto& [which, items] : lanes_) {
    if (which.second == id && !items.empty()) {
      delivering_.erase(items.front().ticket);
      items.front().ticket = 0;
    }
  }
  make(at(id));
}

// --- calls -------------------------------------------------------------------------------------------

std::uint64_t box_world::start(std::int64_t who, const tl::fn::function& what, layer_t layer, std::uint64_t session) {
  std::string bytes;
  tl::writer writer(bytes);
  what.store(writer, layer);
  tl::reader in(bytes);
  const auto call = tl::fetch_function(in);
  if (!writer.ok() || !call) {
    throw std::logic_error("the layer does not have this call");
  }
  member& whom = at(who);
  const people::call_context from{.ticket = ++last_ticket_,
                                  .layer = layer,
                                  .asker = session_of(who, session),
                                  .now = now,
                                  .body = user_box::repetition_hash((*call)->kind(), bytes)};
  entity_effects out;
  const bool taken =
    user_box::takes((*call)->kind()) ? whom.box->call(from, **call, out) : whom.people->call(from, **call, out);
  if (!taken) {
    out.answer(from.ticket, unexpected(rpc_error{rpc_errc::method_invalid}));
  }
  apply(who, std::move(out));
  return from.ticket;
}

const entity::entity_answer* box_world::answer(std::uint64_t ticket) const {
  const auto found = answers_.find(ticket);
  return found == answers_.end() ? nullptr : &found->second;
}

rpc_result<std::string> box_world::call_bytes(std::int64_t who, const tl::fn::function& what, layer_t layer,
                                              std::uint64_t session) {
  const std::uint64_t ticket = start(who, what, layer, session);
  last_call_ = ticket;
  while (answer(ticket) == nullptr && step()) {
  }
  if (answer(ticket) == nullptr) {
    throw std::logic_error("a call was not answered");
  }
  return answer(ticket)->body;
}

void box_world::throw_unreadable() { throw std::logic_error("an answer cannot be read"); }

// --- sessions ----------------------------------------------------------------------------------------

entity::listener_id box_world::session_of(std::int64_t who, std::uint64_t session) {
  return {auth_key_id{key_of_account_bit | static_cast<std::uint64_t>(who)}, session_id{session}};
}

void box_world::listen(std::int64_t who, std::uint64_t session, layer_t layer) {
  people::listener* const fresh = at(who).core->ears.add(session_of(who, session));
  if (fresh == nullptr) {
    throw std::logic_error("too many sessions listen");
  }
  fresh->layer = layer;
}

void box_world::subscribe(std::int64_t who, std::uint64_t session, std::int32_t pts, layer_t layer) {
  listen(who, session, layer);
  entity_effects out;
  at(who).box->subscribed(session_of(who, session), pts, now, out);
  apply(who, std::move(out));
}

std::vector<tl::box<tl::object>> box_world::heard(std::int64_t who, std::uint64_t session) const {
  std::vector<tl::box<tl::object>> all;
  for (const push& each : pushes) {
    if (each.account == user_id{who} && each.what.to == session_of(who, session) && each.what.update) {
      tl::reader in(*each.what.update);
      all.push_back(tl::fetch_object(in));
      if (!in.finish()) {
        throw std::logic_error("a push cannot be read");
      }
    }
  }
  return all;
}

// --- what waits --------------------------------------------------------------------------------------

std::uint64_t box_world::lot(std::uint64_t below) {
  state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
  return seed_ == 0 ? 0 : (state_ >> 33) % below;
}

void box_world::run() {
  while (step()) {
  }
}

bool box_world::step() {
  std::vector<lane> ready;
  if (!hold_deliveries) {
    for (const auto& [which, items] : lanes_) {
      if (!items.empty() && items.front().ticket == 0 && members_.contains(which.second)) {
        ready.push_back(which);
      }
    }
  }
  const std::size_t choices = open_queries_.size() + open_commands_.size() + ready.size();
  if (choices == 0) {
    return false;
  }
  std::size_t chosen = lot(choices);
  if (chosen < open_queries_.size()) {
    run_query(chosen);
  } else if (chosen -= open_queries_.size(); chosen < open_commands_.size()) {
    run_command(chosen);
  } else {
    deliver(ready[chosen - open_commands_.size()]);
  }
  return true;
}

void box_world::read(open_query& what) {
  map_reader reader(at(what.who).rows);
  what.what.read(reader);
  what.was_read = true;
}

void box_world::run_query(std::size_t place) {
  if (seed_ != 0 && !open_queries_[place].was_read && lot(2) == 0) {
    read(open_queries_[place]); // what it leads to comes later
    return;
  }
  open_query what = std::move(open_queries_[place]);
  open_queries_.erase(open_queries_.begin() + static_cast<std::ptrdiff_t>(place));
  finish(std::move(what));
}

void box_world::finish(open_query what) {
  if (at(what.who).lives != what.life) {
    return;
  }
  if (!what.was_read) {
    read(what);
  }
  entity_effects out;
  what.what.then(now, out);
  apply(what.who, std::move(out));
}

void box_world::run_command(std::size_t place) {
  const open_command what = std::move(open_commands_[place]);
  open_commands_.erase(open_commands_.begin() + static_cast<std::ptrdiff_t>(place));
  if (at(what.who).lives != what.life || !what.what.then) {
    return;
  }
  command::UserCommand asked;
  rpc_result<std::string> reply = unexpected(rpc_error{rpc_errc::rpc_call_fail});
  if (asked.ParseFromString(what.what.body) && asked.has_public_card()) {
    const auto found = members_.find(static_cast<std::int64_t>(what.what.to.id.value()));
    reply = found == members_.end() ? command::Card().SerializeAsString()
                                    : found->second->people->own_card(now).SerializeAsString();
  }
  entity_effects out;
  what.what.then(reply, now, out);
  apply(what.who, std::move(out));
}

// --- effects -----------------------------------------------------------------------------------------

void box_world::apply(std::int64_t who, entity_effects out) {
  if (on_effects) {
    on_effects(who, out);
  }
  member& whom = at(who);
  for (entity::row_change& each : out.rows) {
    if (each.value) {
      whom.rows[{each.table, std::move(each.sub_key)}] = std::move(*each.value);
    } else {
      whom.rows.erase({each.table, each.sub_key});
    }
  }
  for (entity::delivery& each : out.deliveries) {
    lanes_[{who, static_cast<std::int64_t>(each.to.id.value())}].push_back({std::move(each.body)});
  }
  for (entity::entity_answer& each : out.answers) {
    if (answers_.contains(each.ticket)) {
      throw std::logic_error("a request was answered twice");
    }
    if (const auto found = delivering_.find(each.ticket); found != delivering_.end()) {
      lanes_[found->second].pop_front();
      delivering_.erase(found);
    } else {
      const std::uint64_t ticket = each.ticket;
      answers_.emplace(ticket, std::move(each));
    }
  }
  for (entity::entity_command& each : out.commands) {
    open_commands_.push_back({who, whom.lives, std::move(each)});
  }
  for (entity::listener_message& each : out.messages) {
    pushes.push_back({whom.id, std::move(each)});
  }
  for (const auto& each : out.when_applied) {
    each();
  }
  for (entity::row_query& each : out.queries) {
    ++queries_;
    if (open_query what{who, whom.lives, std::move(each)}; seed_ == 0) {
      finish(std::move(what));
    } else {
      open_queries_.push_back(std::move(what));
    }
  }
  for (entity::whisper& each : out.whispers) {
    command::UserCommand whispered;
    const auto found = members_.find(static_cast<std::int64_t>(each.to.id.value()));
    if (found == members_.end() || !whispered.ParseFromString(each.body) || !whispered.has_whisper()) {
      continue;
    }
    entity_effects more;
    if (const command::Whisper& what = whispered.whisper(); what.has_typing()) {
      found->second->box->typing(user_id{what.from()}, what.typing(), now, more);
    } else {
      found->second->people->whispered(what, now, more);
    }
    apply(found->first, std::move(more));
  }
}

// --- deliveries --------------------------------------------------------------------------------------

void box_world::send(std::int64_t to, command::Delivery what) {
  lanes_[{what.from(), to}].push_back({what.SerializeAsString()});
}

std::size_t box_world::deliveries_waiting() const {
  std::size_t waiting = 0;
  for (const auto& [which, items] : lanes_) {
    waiting += items.size();
  }
  return waiting;
}

void box_world::deliver(const lane& which) {
  lane_item& item = lanes_.at(which).front();
  item.ticket = ++last_ticket_;
  delivering_[item.ticket] = which;
  command::Delivery what;
  if (!what.ParseFromString(item.body)) {
    throw std::logic_error("a delivery cannot be read");
  }
  member& whom = at(which.second);
  const std::uint64_t ticket = item.ticket;
  entity_effects out;
  if (!whom.box->delivered(ticket, what, now, out)) {
    whom.people->relation_changed(ticket, what, now, out);
  }
  apply(which.second, std::move(out));
}

// --- things to send ----------------------------------------------------------------------------------

tl::box<tl::InputPeer> box_world::peer(std::int64_t viewer, std::int64_t target) const {
  auto peer = tl::make<tl::inputPeerUser>();
  peer->user_id = target;
  peer->access_hash =
    people::access_hash(members_.at(viewer)->options.access_hash_key, user_id{viewer}, user_id{target});
  return peer;
}

tl::box<tl::InputUser> box_world::user(std::int64_t viewer, std::int64_t target) const {
  auto user = tl::make<tl::inputUser>();
  user->user_id = target;
  user->access_hash =
    people::access_hash(members_.at(viewer)->options.access_hash_key, user_id{viewer}, user_id{target});
  return user;
}

std::map<std::string, std::string> box_world::table(std::int64_t who, records_table table) const {
  std::map<std::string, std::string> found;
  const row_map& all = members_.at(who)->rows;
  for (auto each = all.lower_bound({table, {}}); each != all.end() && each->first.first == table; ++each) {
    found[each->first.second] = each->second;
  }
  return found;
}

} // namespace godwit::box::testing
