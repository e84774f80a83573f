#pragma once

#include <caf/actor.hpp>

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "cluster/base/home_loop.hpp"
#include "cluster/shard/entity_push.hpp"
#include "cluster/shard/router.hpp"
#include "tests/actors/account/logic_world.hpp"

namespace godwit::test {

/// The real logic of phones, accounts and keys behind a router, on one loop and in memory. The box positions that
/// sessions name are the test's own, and not told to the logic.
class world_router final : public cluster::router {
public:
  explicit world_router(cluster::home_loop& home) : home_(home) {}

  void send(cluster::entity_request_ptr request) override;
  [[nodiscard]] std::uint16_t shards() const override { return 16; }
  [[nodiscard]] std::uint64_t way_to(const cluster::entity_ref& /*which*/) const override { return way; }

  /// The account's actor fails: its listeners are told, and forgotten.
  void lose_account(user_id user);
  /// An update for every session that listens to the account; `pts`: behind it, 0: it has none.
  void push(user_id user, const std::string& body, std::int32_t pts = 0);
  /// Something for all who listen, under the subscription that they had so many of their requests ago.
  void tell(user_id user, const cluster::entity_push& what, std::uint64_t subscriptions_ago = 0);
  /// Sessions of the same names listen, of another node.
  void replace_listeners(user_id user);
  /// Answers what was held.
  void release();
  [[nodiscard]] std::size_t listening(user_id user) const;

  account::testing::logic_world world;
  /// Of every entity; another one when its leader is.
  std::uint64_t way = 0;
  /// Requests to be answered `unavailable`; null: none.
  std::function<bool(const cluster::entity_request&)> unavailable;
  /// Called for every request that is sent; may throw.
  std::function<void()> fault;
  /// Requests to be kept until release(); null: none.
  std::function<bool(const cluster::entity_request&)> hold;
  /// Every answer, before it goes; null: as they are.
  std::function<void(const cluster::entity_request&, cluster::entity_reply&)> change;
  std::size_t requests = 0;
  /// The box positions that sessions asked to be told from, in order.
  std::vector<std::int32_t> subscribed_with;

private:
  using listener = std::pair<auth_key_id, session_id>;

  struct ear {
    caf::actor session;
    std::uint64_t subscription = 0;
    std::uint64_t instance = 0;
  };

  static void tell(user_id user, const ear& whom, cluster::entity_push what);
  void answer(const cluster::entity_request_ptr& request);
  void carry_messages();

  cluster::home_loop& home_;
  std::vector<cluster::entity_request_ptr> held_;
  std::map<user_id, std::map<listener, ear>> listeners_;
};

} // namespace godwit::test
