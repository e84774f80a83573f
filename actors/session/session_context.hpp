#pragma once

#include <caf/actor.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/auth/known_key.hpp"
#include "actors/session/connection_link.hpp"
#include "actors/session/session_key.hpp"
#include "actors/session/session_services.hpp"
#include "cluster/shard/entity_request.hpp"
#include "protocol/mtproto/message/server_session.hpp"
#include "protocol/rpc_error.hpp"

namespace godwit::actors {

/// What the parts of one session share.
struct session_context {
  session_context(session_services& of, known_key_ptr with, session_id id, caf::actor me);

  session_services& services;
  known_key_ptr key;
  session_key id;
  caf::actor self;
  mtproto::server_session machine;
  /// What the machine wants done and nobody did yet.
  mtproto::session_output out;
  std::vector<connection_link_ptr> links;
  /// Whether there are any, for requests that wait somewhere.
  std::shared_ptr<std::atomic<bool>> client_here = std::make_shared<std::atomic<bool>>(true);
  std::uint64_t last_token = 0;
  /// Of calls that its account was asked and has not answered: the token of the first one; 0: there is none.
  std::function<std::uint64_t()> oldest_call = [] { return std::uint64_t{0}; };

  [[nodiscard]] connection_link* link(mtproto::connection_id which) const;
  /// The layer of calls and updates: the client's, as far as the server speaks it; 0: not known.
  [[nodiscard]] layer_t layer(layer_t of_call = 0) const;
  [[nodiscard]] cluster::caller caller(layer_t of_call = 0) const;
  /// A request of this session; its answer comes under its token.
  cluster::entity_request_ptr request(const cluster::entity_ref& to, cluster::request_type type, std::string body,
                                      layer_t of_call = 0);
};

/// A call that is to be answered.
struct open_call {
  msg_id id;
  std::size_t method = 0; ///< in tl::method_names(), or beyond
  std::chrono::steady_clock::time_point began;
};

/// Answers a call and counts it.
void finish_call(session_context& context, const open_call& call, rpc_result<std::string> answer);
/// Counts a call that its client wants no answer of.
void drop_call(session_context& context, const open_call& call);

/// Layers that the server speaks. Clients of newer ones are served at the newest.
inline constexpr layer_t layer_min = 133;
inline constexpr layer_t layer_max = 229;

} // namespace godwit::actors
