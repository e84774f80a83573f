#include "node/server/operator_commands.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <limits>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/account/phone_number.hpp"
#include "actors/commands/account_commands.pb.h"
#include "actors/gateway/gateway.hpp"
#include "cluster/shard/router.hpp"
#include "config/limits.hpp"
#include "node/control/control_commands.hpp"
#include "node/server/next_node.hpp"
#include "persistence/records/account.pb.h"
#include "persistence/records/tables.hpp"
#include "persistence/state/row_key.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::node {
namespace {

using arguments = std::vector<std::string>;

std::string time_text(std::int64_t seconds) {
  const std::time_t when = seconds;
  std::tm parts{};
  gmtime_r(&when, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string hex(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016lx", static_cast<unsigned long>(value));
  return text;
}

/// How often whoever waits looks whether the node ends.
constexpr std::chrono::milliseconds look_time{50};

/// Asks an entity and waits; the error is one line.
expected<std::string, std::string> ask(const operator_access& access, const cluster::entity_ref& who,
                                       std::string body) {
  caf::scoped_actor self{access.system, true};
  auto request = caf::make_counted<cluster::entity_request>();
  request->to = who;
  request->type = cluster::request_type::command;
  request->body = std::move(body);
  request->reply_to = caf::actor_cast<caf::actor>(self);
  access.router.send(std::move(request));
  expected<std::string, std::string> answer = unexpected(std::string("the shard does not answer; try again"));
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(limits::request_timeout_ms + 1000);
  const auto take = [&](cluster::entity_reply& reply) {
    switch (reply.status) {
    case cluster::reply_status::ok: answer = std::move(reply.body); break;
    case cluster::reply_status::error: answer = unexpected(text_of(reply.error)); break;
    case cluster::reply_status::moved:
    case cluster::reply_status::unavailable:
      answer = unexpected(std::string("the shard is not available now; try again"));
    }
  };
  bool waiting = true;
  while (waiting && std::chrono::steady_clock::now() < end && !(access.cluster.ending && access.cluster.ending())) {
    self->receive(
      [&](cluster::entity_reply& reply) {
        take(reply);
        waiting = false;
      },
      caf::after(look_time) >> [] {});
  }
  return answer;
}

control_answer code_of(const operator_access& access, const arguments& given) {
  const auto number = account::parse_phone_number(given[0], access.test_numbers);
  if (!number) {
    return control_failure("that is no phone number; give it with the country's code, as +99966371234");
  }
  command::PhoneCommand what;
  what.set_number(*number);
  what.mutable_pending_codes();
  auto answer = ask(access, {cluster::entity_kind::phone, cluster::scattered(*number)}, what.SerializeAsString());
  command::PendingCodeList list;
  if (!answer || !list.ParseFromString(*answer)) {
    return control_failure(answer ? "the answer cannot be read" : answer.error());
  }
  if (list.pending().empty()) {
    return control_failure("no code is pending for that number");
  }
  std::vector<std::vector<control_value>> rows;
  for (const auto& each : list.pending()) {
    rows.push_back({each.code(), time_text(each.sent_at()), time_text(each.expires_at()),
                    static_cast<std::int64_t>(each.attempts_left()), each.proved()});
  }
  return control_table({"code", "sent", "expires", "attempts_left", "used"}, rows);
}

/// How many rows `users` prints unless told otherwise.
constexpr std::int64_t users_listed = 100;

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t out = 0;
  for (const char each : bytes) {
    out = out << 8 | static_cast<unsigned char>(each);
  }
  return out;
}

/// Reads the stored rows of all shards, which may be half a second behind.
control_answer users_of(const operator_access& access, const arguments& given) {
  std::int64_t wanted = users_listed;
  if (!given.empty()) {
    wanted = std::strtoll(given[0].c_str(), nullptr, 10);
    if (wanted <= 0) {
      return control_failure("the number of users to list is 1 or more");
    }
  }
  auto snapshot = access.state.snapshot();
  if (!snapshot) {
    return control_failure(snapshot.error().message);
  }
  std::vector<std::vector<control_value>> rows;
  std::int64_t count = 0;
  const persistence::table_id table{static_cast<std::uint8_t>(persistence::records::table::user_profile)};
  persistence::row_range range;
  range.from = std::string(1, static_cast<char>(table.value()));
  range.to = persistence::prefix_end(range.from);
  range.rows_max = std::numeric_limits<std::uint32_t>::max();
  range.bytes_max = std::numeric_limits<std::size_t>::max();
  for (std::uint16_t shard = 0; shard < access.router.shards(); ++shard) {
    const auto scanned =
      (*snapshot)->scan(cluster::shard_id{shard}, range, [&](std::string_view key, std::string_view value) {
        persistence::records::UserProfile profile;
        if (++count <= wanted && profile.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          rows.push_back({static_cast<std::int64_t>(big_endian(key.substr(1, 8))),
                          "+" + std::to_string(profile.phone()), profile.first_name(), profile.last_name(),
                          time_text(profile.created_at())});
        }
        return true;
      });
    if (!scanned) {
      return control_failure(scanned.error().message);
    }
  }
  control_answer answer = control_table({"user", "phone", "first_name", "last_name", "created"}, rows);
  answer.text += "\n" + std::to_string(count) + (count == 1 ? " user" : " users") +
                 (count > wanted ? ", the first " + std::to_string(wanted) + " shown" : "");
  return answer;
}

control_answer session_table(std::vector<actors::session_info> sessions) {
  std::vector<std::vector<control_value>> rows;
  for (const actors::session_info& each : sessions) {
    rows.push_back({hex(each.key.key.value()), hex(each.key.session.value()), each.user.value(),
                    each.authorization.value(), static_cast<std::int64_t>(each.layer), each.device, each.app,
                    each.address, static_cast<std::int64_t>(each.connections),
                    static_cast<std::int64_t>(each.calls_running), static_cast<std::int64_t>(each.memory_bytes)});
  }
  return control_table(
    {"key", "session", "user", "authorization", "layer", "device", "app", "address", "connections", "calls", "bytes"},
    rows);
}

control_answer terminate(const operator_access& access, const arguments& given) {
  const std::int64_t user = std::strtoll(given[0].c_str(), nullptr, 10);
  const std::int64_t authorization = std::strtoll(given[1].c_str(), nullptr, 10);
  if (user <= 0 || authorization == 0) {
    return control_failure("usage: godwit ctl terminate USER AUTHORIZATION; `godwit ctl sessions` lists both");
  }
  command::UserCommand what;
  what.mutable_log_out()->set_authorization(authorization);
  const cluster::entity_ref who{cluster::entity_kind::user, cluster::entity_id{static_cast<std::uint64_t>(user)}};
  const auto answer = ask(access, who, what.SerializeAsString());
  command::LoggedOut done;
  if (!answer || !done.ParseFromString(*answer)) {
    return control_failure(answer ? "the answer cannot be read" : answer.error());
  }
  if (!done.ended()) {
    return control_failure(
      "that account has no such login; `godwit ctl sessions` lists those of clients that are here");
  }
  return control_record({{"terminated", authorization}});
}

} // namespace

/// Keeps what the handlers use from going while one runs.
struct operator_commands::guard {
  std::shared_mutex mutex; ///< shared by those that run
  std::atomic<bool> ending{false};
  std::optional<operator_access> access;
};

operator_commands::operator_commands(control_commands& into, const operator_access& access)
    : guard_(std::make_shared<guard>()) {
  guard_->access.emplace(access);
  guard_->access->cluster.ending = [guard = guard_.get()] { return guard->ending.load(); };
  using run_fn = control_answer (*)(const operator_access&, const arguments&);
  const auto add = [&](std::string name, std::string usage, std::string help, std::size_t least, std::size_t most,
                       run_fn run) {
    into.add({std::move(name), std::move(usage), std::move(help), least, most,
              [guarded = guard_, run](const arguments& given, const control_reply& reply) {
                const std::shared_lock lock(guarded->mutex);
                reply(guarded->access ? run(*guarded->access, given) : control_failure("the node is ending"));
              }});
  };
  add("users", "[COUNT]", "Lists accounts, 100 unless told otherwise.", 0, 1, users_of);
  add("code", "NUMBER", "Shows the login codes pending for a phone number.", 1, 1, code_of);
  add("terminate", "USER AUTHORIZATION", "Ends one login of an account.", 2, 2, terminate);
  add("nodes", "", "Lists the nodes of the cluster, as this one sees them.", 0, 0,
      [](const operator_access& with, const arguments&) { return nodes_of(with.cluster); });
  add("next-node-id", "[LEAST [REPLACED [exact]]]",
      "Sets a number for a further node aside and tells where nodes are; for godwit invite. Takes seconds at most.", 0,
      3, [](const operator_access& with, const arguments& given) {
        return next_node_of(with.system, with.router, with.cluster, given);
      });
  add("shards", "",
      "Lists the shards: who leads, who has a copy, how far each is. Takes seconds while some do not answer.", 0, 0,
      [](const operator_access& with, const arguments&) { return shards_of(with.system, with.router, with.cluster); });
  add("transfer", "SHARD NODE", "Has a node lead a shard, and waits for it, for seconds at most.", 2, 2,
      [](const operator_access& with, const arguments& given) {
        return transfer_of(with.system, with.router, with.cluster, given);
      });
  into.add({"sessions", "", "Lists the sessions of this node's clients.", 0, 0,
            [guarded = guard_](const arguments&, const control_reply& reply) {
              const std::shared_lock lock(guarded->mutex);
              if (!guarded->access) {
                return reply(control_failure("the node is ending"));
              }
              guarded->access->gateway.list_sessions(
                [reply](std::vector<actors::session_info> sessions) { reply(session_table(std::move(sessions))); });
            }});
}

void operator_commands::hurry() { guard_->ending.store(true); }

operator_commands::~operator_commands() {
  hurry();
  const std::unique_lock lock(guard_->mutex);
  guard_->access.reset();
}

} // namespace godwit::node
