#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cluster/base/pinned_actor.hpp"
#include "cluster/shard/entity_request.hpp"

namespace godwit::test {

/// Keeps every reply it hears. Lives on the test's own loop.
class asker final : public cluster::pinned_actor {
public:
  using replies = std::vector<cluster::entity_reply>;

  asker(caf::actor_config& config, cluster::home_loop& home, replies* heard)
      : cluster::pinned_actor(config, home), heard_(heard) {}

  caf::behavior make_behavior() override {
    return {[this](const cluster::entity_reply& reply) { heard_->push_back(reply); }};
  }

private:
  replies* heard_;
};

/// A command of counter_entity to the user of this number.
inline cluster::entity_request_ptr command(std::uint64_t user, std::string what, const caf::actor& reply_to,
                                           std::uint64_t token = 0) {
  auto out = caf::make_counted<cluster::entity_request>();
  out->to = {cluster::entity_kind::user, cluster::entity_id{user}};
  out->body = std::move(what);
  out->reply_to = reply_to;
  out->token = token;
  return out;
}

} // namespace godwit::test
