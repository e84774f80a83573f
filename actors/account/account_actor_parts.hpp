#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/send.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/account/account_actor.hpp"
#include "actors/account/answer_watcher.hpp"
#include "cluster/base/loop_timer.hpp"
#include "cluster/shard/entity_push.hpp"
#include "persistence/base/persistence_errc.hpp"

// What account_actor is made of; for its own source files alone.

namespace godwit::account {

/// Keys of this shard whose time is over, found on a reader thread.
struct expired_keys {
  std::vector<std::uint64_t> keys;
};

/// From the actor's own timer: a command may have been waited for long enough.
struct patience_ends {};

/// A query's rows were read, on a reader thread, or could not be.
struct query_read {
  std::shared_ptr<entity::row_query> query;
  std::optional<persistence::storage_error> fault;
  bool threw = false; ///< on rows that were read
};

} // namespace godwit::account

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::account::expired_keys)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::account::patience_ends)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::account::query_read)

namespace godwit::account {

/// Before commands that were answered `unavailable` are sent again: doubles while none is answered otherwise.
inline constexpr cluster::monotonic_ms repeat_ms = 50;
inline constexpr cluster::monotonic_ms repeat_ms_max = 1000;

struct account_actor::parts {
  struct hearing {
    listener_id who;
    caf::actor session; ///< or who stands for it here, when it is on another node
    std::uint64_t subscription = 0;
    std::uint64_t since = 0; ///< what was decided before is not for it: it asked for what it missed
  };
  struct command_under_way {
    cluster::entity_ref to;
    std::string body;
    std::uint64_t token = 0; ///< the logic's own
    entity_command::answered then;
    bool again = false;                   ///< waits for the timer
    cluster::monotonic_ms give_up_at = 0; ///< 0: never
  };

  parts(const cluster::entity_ref& of, std::unique_ptr<entity_logic> made, std::function<void()> ring,
        std::function<void()> ring_queries, std::function<void()> ring_impatient)
      : self(of),
        logic(std::move(made)),
        watcher(dynamic_cast<answer_watcher*>(logic.get())),
        repeat(std::move(ring)),
        ask_again(std::move(ring_queries)),
        impatient(std::move(ring_impatient)) {}

  void push(const hearing& to, cluster::push_kind kind, std::int64_t number, const listener_message& what = {}) const {
    caf::anon_send(to.session, cluster::entity_push{.from = self,
                                                    .kind = kind,
                                                    .subscription = to.subscription,
                                                    .body = what.update,
                                                    .pts = what.pts,
                                                    .pts_count = what.pts_count,
                                                    .number = number});
  }

  cluster::entity_ref self;
  std::unique_ptr<entity_logic> logic;
  answer_watcher* watcher = nullptr;                                   ///< the logic, if it wants to be one
  std::unordered_map<std::uint64_t, cluster::entity_request_ptr> open; ///< by ticket
  std::uint64_t last_ticket = 0;
  std::unordered_map<std::uint64_t, command_under_way> sent; ///< by the token of the request
  std::uint64_t last_sent = 0;
  std::vector<hearing> listeners;
  std::uint64_t decision = 0; ///< counts effects, in the order in which the logic made them
  cluster::loop_timer repeat;
  cluster::monotonic_ms repeat_pause = repeat_ms;
  std::size_t reading = 0;                                ///< queries that readers have
  std::vector<std::shared_ptr<entity::row_query>> unread; ///< readers were too busy
  cluster::loop_timer ask_again;
  cluster::loop_timer impatient;
};

} // namespace godwit::account
