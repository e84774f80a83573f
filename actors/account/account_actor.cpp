#include "actors/account/account_actor_parts.hpp"

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include "actors/account/account_options.hpp"
#include "actors/entity/shard_row_reader.hpp"
#include "cluster/shard/router.hpp"
#include "cluster/shard/shard_log.hpp"

namespace godwit::account {
namespace {

using persistence::table_id;

/// Before rows are asked for again that readers were too busy for.
constexpr cluster::monotonic_ms query_again_ms = 10;

/// Further apart the clocks of two leaders never are; a date beyond is none to go on from.
constexpr unix_time clock_seconds_max = 60;

table_id id_of(records_table table) { return table_id{static_cast<std::uint8_t>(table)}; }

} // namespace

account_actor::account_actor(caf::actor_config& config, cluster::home_loop& home, cluster::shard_context& shard,
                             cluster::entity_ref self, std::shared_ptr<const account_options> options)
    : entity_actor(config, home, shard, self),
      options_(std::move(options)),
      parts_(std::make_unique<parts>(
        self, make_logic(self, *options_),
        [this] {
          for (auto& [token, each] : parts_->sent) {
            if (std::exchange(each.again, false)) {
              send(token, each.to, each.body);
            }
          }
        },
        [this] {
          for (auto& each : std::exchange(parts_->unread, {})) {
            begin(std::move(each));
          }
        },
        [this] { caf::anon_send(caf::actor_cast<caf::actor>(this), patience_ends{}); })) {
  set_down_handler([this](caf::down_msg& down) { take_down(down.source); });
}

account_actor::~account_actor() = default;

void account_actor::on_exit() {
  // On the loop, unlike the destructor: the timer has to leave its queue here.
  home().disarm(parts_->repeat);
  home().disarm(parts_->ask_again);
  home().disarm(parts_->impatient);
  for (const parts::hearing& each : parts_->listeners) {
    parts_->push(each, cluster::push_kind::gone, 0);
  }
  parts_->listeners.clear();
  parts_->open.clear();
  entity_actor::on_exit();
}

std::vector<table_id> account_actor::tables() const {
  std::vector<table_id> ids;
  for (const records_table each : parts_->logic->tables()) {
    ids.push_back(id_of(each));
  }
  return ids;
}

void account_actor::load(const std::vector<cluster::loaded_row>& rows) {
  for (const cluster::loaded_row& each : rows) {
    if (!parts_->logic->load(static_cast<records_table>(each.table.value()), each.sub_key, each.value)) {
      throw std::logic_error("a row of an account, phone or key cannot be read");
    }
  }
  entity_effects effects;
  parts_->logic->resume(now(), effects);
  apply(std::move(effects));
}

void account_actor::handle(const cluster::entity_request_ptr& request) {
  logic_request seen;
  seen.ticket = ++parts_->last_ticket;
  seen.type = request->type;
  seen.from = request->from;
  seen.body = request->body;
  seen.can_listen = request->listens && request->reply_to;
  parts_->open[seen.ticket] = request;
  entity_effects effects;
  parts_->logic->handle(seen, now(), effects);
  apply(std::move(effects));
}

caf::message_handler account_actor::more_handlers() {
  return {
    [this](const cluster::entity_reply& what) { take_reply(what); },
    [this](const query_read& what) { take_rows(what); },
    [this](const patience_ends&) { give_up(); },
    [this](const expired_keys& found) { expire_keys(found.keys); },
  };
}

bool account_actor::busy() const {
  return parts_->logic->busy() || !parts_->sent.empty() || parts_->reading != 0 || !parts_->unread.empty();
}

/// The clock of another leader may have been ahead of this one's: what happens to an account goes on from there.
unix_time account_actor::now() const {
  const unix_time last = parts_->logic->latest();
  return last - date() <= clock_seconds_max ? std::max(date(), last) : date();
}

// --- effects -----------------------------------------------------------------------------------------

void account_actor::apply(entity_effects effects) {
  if (parts_->watcher != nullptr) {
    parts_->watcher->watch_answers(effects);
  }
  const std::uint64_t decision = ++parts_->decision;
  for (const row_change& each : effects.rows) {
    if (each.value) {
      mutation().put(id_of(each.table), self_ref().id, each.sub_key, *each.value);
    } else {
      mutation().erase(id_of(each.table), self_ref().id, each.sub_key);
    }
  }
  for (entity::delivery& each : effects.deliveries) {
    deliver(each.to, std::move(each.body));
  }
  accept_deliveries(effects);
  propose();
  for (const auto& [ticket, who] : effects.listen) {
    const cluster::entity_request_ptr& request = parts_->open.at(ticket);
    listen(who, request->reply_to, request->token);
  }
  give_answers(effects, decision);
  for (entity::row_query& each : effects.queries) {
    begin(std::make_shared<entity::row_query>(std::move(each)));
  }
  if (!effects.commands.empty() || !effects.messages.empty() || !effects.codes.empty() || !effects.forget.empty() ||
      !effects.whispers.empty() || !effects.when_applied.empty() || effects.sweep_keys) {
    effects.rows.clear();
    effects.deliveries.clear();
    effects.answers.clear();
    effects.queries.clear();
    when_applied(
      [this, held = std::make_shared<entity_effects>(std::move(effects)), decision] { carry_out(*held, decision); });
  }
}

/// What came by a lane is done with the rows beside its answer: they are one mutation.
void account_actor::accept_deliveries(const entity_effects& effects) {
  for (const entity_answer& each : effects.answers) {
    const auto found = parts_->open.find(each.ticket);
    if (found != parts_->open.end() && found->second->type == cluster::request_type::delivery) {
      accept(found->second);
    }
  }
}

/// One stream for each session: changes that share a mutation are told, and answered, in the order of their pts. An
/// answer that changed nothing stands behind what its pts is that of.
void account_actor::give_answers(entity_effects& effects, std::uint64_t decision) {
  std::vector<listener_message>& messages = effects.messages;
  for (entity_answer& each : effects.answers) {
    std::size_t before = 0;
    for (std::size_t i = 0; each.pts != 0 && i < messages.size() && messages[i].pts <= each.pts; ++i) {
      before = messages[i].pts != 0 ? i + 1 : before;
    }
    if (before != 0) {
      const auto end = messages.begin() + static_cast<std::ptrdiff_t>(before);
      std::vector<listener_message> first(std::move_iterator(messages.begin()), std::move_iterator(end));
      messages.erase(messages.begin(), end);
      when_applied([this, held = std::move(first), decision] {
        for (const listener_message& one : held) {
          tell(one, decision);
        }
      });
    }
    give(std::move(each));
  }
}

void account_actor::give(entity_answer answer) {
  const auto found = parts_->open.find(answer.ticket);
  if (found == parts_->open.end()) {
    return;
  }
  const cluster::entity_request_ptr request = std::move(found->second);
  parts_->open.erase(found);
  if (answer.body) {
    reply(request, *std::move(answer.body), answer.pts, answer.pts_count);
  } else {
    fail(request, answer.body.error());
  }
}

void account_actor::carry_out(entity_effects& effects, std::uint64_t decision) {
  for (entity_command& each : effects.commands) {
    send(std::move(each));
  }
  for (const listener_message& each : effects.messages) {
    tell(each, decision);
  }
  for (entity::whisper& each : effects.whispers) {
    auto request = caf::make_counted<cluster::entity_request>();
    request->to = each.to;
    request->body = std::move(each.body);
    shard().router().send(std::move(request));
  }
  for (const listener_id& each : effects.forget) {
    forget(each);
  }
  if (options_->sender != nullptr) {
    for (const code_delivery& each : effects.codes) {
      options_->sender->send(each.number, each.code, each.kind);
    }
  }
  for (const auto& each : effects.when_applied) {
    each();
  }
  if (effects.sweep_keys) {
    sweep_keys();
  }
}

// --- rows that are not in memory -----------------------------------------------------------------------

void account_actor::begin(std::shared_ptr<entity::row_query> query) {
  const auto job = [query, id = self_ref().id, unapplied = unapplied(),
                    self = caf::actor_cast<caf::actor>(this)](std::unique_ptr<persistence::shard_state::view> view) {
    query_read result{query, std::nullopt, false};
    try {
      entity::shard_row_reader rows(std::move(view), id, unapplied);
      query->read(rows);
    } catch (const entity::shard_row_reader::fault& fault) {
      result.fault = fault.why;
    } catch (const std::exception&) {
      result.threw = true; // its text may hold what a client sent
    }
    caf::anon_send(self, std::move(result));
  };
  if (shard().state().query(job)) {
    ++parts_->reading;
  } else {
    read_again(std::move(query));
  }
}

void account_actor::read_again(std::shared_ptr<entity::row_query> query) {
  parts_->unread.push_back(std::move(query));
  if (!parts_->ask_again.armed()) {
    home().arm(parts_->ask_again, home().now() + query_again_ms);
  }
}

void account_actor::take_rows(const query_read& what) {
  --parts_->reading;
  if (what.fault && what.fault->code == persistence::persistence_errc::busy) {
    return read_again(what.query);
  }
  if (what.threw) {
    throw std::logic_error("a query of an entity failed");
  }
  if (what.fault) {
    log::error(cluster::shard_log, "rows_not_read", {{"shard", shard().shard()}, {"why", what.fault->message}});
    quit(caf::exit_reason::unknown); // no fault of its own, nor of the delivery that asked
    return;
  }
  entity_effects effects;
  what.query->then(now(), effects);
  apply(std::move(effects));
}

// --- other entities ----------------------------------------------------------------------------------

void account_actor::send(entity_command what) {
  const std::uint64_t token = ++parts_->last_sent;
  send(token, what.to, what.body);
  const cluster::monotonic_ms give_up_at = what.patience_ms != 0 ? home().now() + what.patience_ms : 0;
  parts_->sent[token] = {what.to, std::move(what.body), what.token, std::move(what.then), false, give_up_at};
  if (give_up_at != 0 && (!parts_->impatient.armed() || parts_->impatient.due() > give_up_at)) {
    home().arm(parts_->impatient, give_up_at);
  }
}

void account_actor::send(std::uint64_t token, const cluster::entity_ref& to, const std::string& body) {
  auto request = caf::make_counted<cluster::entity_request>();
  request->to = to;
  request->body = body;
  request->reply_to = caf::actor_cast<caf::actor>(this);
  request->token = token;
  shard().router().send(std::move(request));
}

void account_actor::take_reply(const cluster::entity_reply& what) {
  const auto found = parts_->sent.find(what.token);
  if (found == parts_->sent.end()) {
    return;
  }
  if (what.status == cluster::reply_status::unavailable || what.status == cluster::reply_status::moved) {
    found->second.again = true;
    if (!parts_->repeat.armed()) {
      home().arm(parts_->repeat, home().now() + parts_->repeat_pause);
      parts_->repeat_pause = std::min(parts_->repeat_pause * 2, repeat_ms_max);
    }
    return;
  }
  parts_->repeat_pause = repeat_ms;
  take_result(what.token, what.status == cluster::reply_status::ok ? rpc_result<std::string>(what.body)
                                                                   : rpc_result<std::string>(unexpected(what.error)));
}

void account_actor::give_up() {
  std::vector<std::uint64_t> late;
  cluster::monotonic_ms next = 0;
  for (const auto& [token, each] : parts_->sent) {
    if (each.give_up_at == 0) {
      continue;
    }
    if (each.give_up_at <= home().now()) {
      late.push_back(token);
    } else {
      next = next == 0 ? each.give_up_at : std::min(next, each.give_up_at);
    }
  }
  if (next != 0) {
    home().arm(parts_->impatient, next);
  }
  std::sort(late.begin(), late.end());
  for (const std::uint64_t each : late) {
    take_result(each, unexpected(rpc_error{rpc_errc::rpc_call_fail}));
  }
}

void account_actor::take_result(std::uint64_t sent, const rpc_result<std::string>& result) {
  const auto found = parts_->sent.find(sent);
  const std::uint64_t token = found->second.token;
  const entity_command::answered then = std::move(found->second.then);
  parts_->sent.erase(found);
  entity_effects effects;
  if (then) {
    then(result, now(), effects);
  } else {
    parts_->logic->replied(token, result, now(), effects);
  }
  apply(std::move(effects));
}

} // namespace godwit::account
