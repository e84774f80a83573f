#include "actors/account/account_actor.hpp"

#include <caf/actor_cast.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include "actors/account/account_messages.hpp"
#include "actors/account/account_options.hpp"
#include "actors/commands/account_commands.pb.h"
#include "actors/entity/shard_row_reader.hpp"
#include "cluster/shard/router.hpp"
#include "cluster/shard/shard_log.hpp"
#include "config/limits.hpp"
#include "persistence/records/account.pb.h"

namespace godwit::account {

/// Keys of this shard whose time is over, found on a reader thread.
struct expired_keys {
  std::vector<std::uint64_t> keys;
};

/// A query's rows were read, on a reader thread, or could not be.
struct query_read {
  std::shared_ptr<entity::row_query> query;
  std::optional<persistence::storage_error> fault;
  bool threw = false; ///< on rows that were read
};

} // namespace godwit::account

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::account::expired_keys)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::account::query_read)

namespace godwit::account {
namespace {

using persistence::row_page;
using persistence::storage_result;
using persistence::table_id;

/// Before a command that was answered `unavailable` is sent again.
constexpr cluster::monotonic_ms repeat_ms = 1000;
/// Before rows are asked for again that readers were too busy for.
constexpr cluster::monotonic_ms query_again_ms = 10;

table_id id_of(records_table table) { return table_id{static_cast<std::uint8_t>(table)}; }

std::vector<std::uint64_t> expired_in(const storage_result<row_page>& page, unix_time now) {
  std::vector<std::uint64_t> keys;
  if (page) {
    for (const persistence::row& each : page->rows) {
      persistence::records::AuthKey key;
      const std::string_view value = each.value.view();
      const auto id = id_of_sub_key(std::string_view(each.key).substr(1, sizeof(std::uint64_t)));
      if (id && key.ParseFromArray(value.data(), static_cast<int>(value.size())) && key.expires_at() != 0 &&
          key.expires_at() <= now) {
        keys.push_back(*id);
      }
    }
  }
  return keys;
}

} // namespace

struct account_actor::parts {
  struct hearing {
    listener_id who;
    caf::actor session;
  };
  struct command_under_way {
    cluster::entity_ref to;
    std::string body;
    std::uint64_t token = 0; ///< the logic's own
    entity_command::answered then;
    bool again = false; ///< waits for the timer
  };

  parts(std::unique_ptr<entity_logic> made, std::function<void()> ring, std::function<void()> ring_queries)
      : logic(std::move(made)), repeat(std::move(ring)), ask_again(std::move(ring_queries)) {}

  std::unique_ptr<entity_logic> logic;
  std::unordered_map<std::uint64_t, cluster::entity_request_ptr> open; ///< by ticket
  std::uint64_t last_ticket = 0;
  std::unordered_map<std::uint64_t, command_under_way> sent; ///< by the token of the request
  std::uint64_t last_sent = 0;
  std::vector<hearing> listeners;
  cluster::loop_timer repeat;
  std::size_t reading = 0;                                ///< queries that readers have
  std::vector<std::shared_ptr<entity::row_query>> unread; ///< readers were too busy
  cluster::loop_timer ask_again;
};

account_actor::account_actor(caf::actor_config& config, cluster::home_loop& home, cluster::shard_context& shard,
                             cluster::entity_ref self, std::shared_ptr<const account_options> options)
    : entity_actor(config, home, shard, self),
      options_(std::move(options)),
      parts_(std::make_unique<parts>(
        make_logic(self, *options_),
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
        })) {
  set_down_handler([this](caf::down_msg& down) { take_down(down.source); });
}

account_actor::~account_actor() = default;

void account_actor::on_exit() {
  // On the loop, unlike the destructor: the timer has to leave its queue here.
  home().disarm(parts_->repeat);
  home().disarm(parts_->ask_again);
  for (const parts::hearing& each : parts_->listeners) {
    caf::anon_send(each.session, account_gone{user_id{static_cast<std::int64_t>(self_ref().id.value())}});
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
  parts_->logic->resume(date(), effects);
  apply(std::move(effects));
}

void account_actor::handle(const cluster::entity_request_ptr& request) {
  logic_request seen;
  seen.ticket = ++parts_->last_ticket;
  seen.type = request->type;
  seen.from = request->from;
  seen.body = request->body;
  seen.can_listen = static_cast<bool>(request->reply_to);
  parts_->open[seen.ticket] = request;
  entity_effects effects;
  parts_->logic->handle(seen, date(), effects);
  apply(std::move(effects));
}

caf::message_handler account_actor::more_handlers() {
  return {
    [this](const cluster::entity_reply& what) { take_reply(what); },
    [this](const query_read& what) { take_rows(what); },
    [this](const expired_keys& found) { expire_keys(found.keys); },
  };
}

bool account_actor::busy() const {
  return parts_->logic->busy() || !parts_->sent.empty() || parts_->reading != 0 || !parts_->unread.empty();
}

// --- effects -----------------------------------------------------------------------------------------

void account_actor::apply(entity_effects effects) {
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
    forget(who);
    const caf::actor session = parts_->open.at(ticket)->reply_to;
    monitor(session);
    parts_->listeners.push_back({who, session});
  }
  give_answers(effects);
  for (entity::row_query& each : effects.queries) {
    begin(std::make_shared<entity::row_query>(std::move(each)));
  }
  if (!effects.commands.empty() || !effects.messages.empty() || !effects.codes.empty() || !effects.forget.empty() ||
      !effects.whispers.empty() || !effects.when_applied.empty() || effects.sweep_keys) {
    effects.rows.clear();
    effects.deliveries.clear();
    effects.answers.clear();
    effects.queries.clear();
    when_applied([this, held = std::make_shared<entity_effects>(std::move(effects))] { carry_out(*held); });
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
void account_actor::give_answers(entity_effects& effects) {
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
      when_applied([this, held = std::move(first)] {
        for (const listener_message& one : held) {
          tell(one);
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
    reply(request, *std::move(answer.body), answer.pts);
  } else {
    fail(request, answer.body.error());
  }
}

void account_actor::carry_out(entity_effects& effects) {
  for (entity_command& each : effects.commands) {
    send(std::move(each));
  }
  for (const listener_message& each : effects.messages) {
    tell(each);
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
  what.query->then(date(), effects);
  apply(std::move(effects));
}

// --- other entities ----------------------------------------------------------------------------------

void account_actor::send(entity_command what) {
  const std::uint64_t token = ++parts_->last_sent;
  send(token, what.to, what.body);
  parts_->sent[token] = {what.to, std::move(what.body), what.token, std::move(what.then), false};
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
  if (what.status == cluster::reply_status::unavailable) {
    found->second.again = true;
    if (!parts_->repeat.armed()) {
      home().arm(parts_->repeat, home().now() + repeat_ms);
    }
    return;
  }
  const std::uint64_t token = found->second.token;
  const entity_command::answered then = std::move(found->second.then);
  parts_->sent.erase(found);
  const rpc_result<std::string> result = what.status == cluster::reply_status::ok
                                           ? rpc_result<std::string>(what.body)
                                           : rpc_result<std::string>(unexpected(what.error));
  entity_effects effects;
  if (then) {
    then(result, date(), effects);
  } else {
    parts_->logic->replied(token, result, date(), effects);
  }
  apply(std::move(effects));
}

// --- sessions ----------------------------------------------------------------------------------------

void account_actor::tell(const listener_message& what) {
  const user_id whose{static_cast<std::int64_t>(self_ref().id.value())};
  for (const parts::hearing& each : parts_->listeners) {
    if (each.who != what.to) {
      continue;
    }
    if (what.terminated.value() != 0) {
      caf::anon_send(each.session, session_terminated{whose, what.terminated});
    } else {
      caf::anon_send(each.session, session_update{whose, what.update, what.pts, what.pts_count});
    }
  }
}

void account_actor::forget(const listener_id& who) {
  for (auto each = parts_->listeners.begin(); each != parts_->listeners.end(); ++each) {
    if (each->who == who) {
      demonitor(each->session.address());
      parts_->listeners.erase(each);
      return;
    }
  }
}

void account_actor::take_down(const caf::actor_addr& who) {
  entity_effects effects;
  for (auto each = parts_->listeners.begin(); each != parts_->listeners.end();) {
    if (each->session.address() == who) {
      parts_->logic->gone(each->who, date(), effects);
      each = parts_->listeners.erase(each);
    } else {
      ++each;
    }
  }
  apply(std::move(effects));
}

// --- keys whose time is over -------------------------------------------------------------------------

/// Ids of keys are spread evenly: a look at the few behind a new one, with each new one, comes by everywhere.
void account_actor::sweep_keys() {
  const table_id table = id_of(records_table::auth_key);
  persistence::row_range range;
  range.from = persistence::row_key(table, self_ref().id);
  range.to = persistence::prefix_end(std::string(1, static_cast<char>(table.value())));
  range.rows_max = limits::keys_swept_per_creation;
  const auto on_page = [self = caf::actor_cast<caf::actor>(this), now = date()](const storage_result<row_page>& page) {
    if (auto keys = expired_in(page, now); !keys.empty()) {
      caf::anon_send(self, expired_keys{std::move(keys)});
    }
  };
  // Busy readers: the next key made looks again.
  (void)shard().state().read(std::move(range), on_page);
}

void account_actor::expire_keys(const std::vector<std::uint64_t>& keys) {
  command::KeyCommand what;
  what.mutable_expire();
  for (const std::uint64_t each : keys) {
    send({{cluster::entity_kind::auth_key, cluster::entity_id{each}}, what.SerializeAsString(), 0});
  }
}

} // namespace godwit::account
