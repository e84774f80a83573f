#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cluster/base/pinned_actor.hpp"
#include "cluster/shard/entity_request.hpp"
#include "cluster/shard/lane_messages.hpp"
#include "cluster/shard/shard_context.hpp"
#include "persistence/state/mutation.hpp"

namespace godwit::cluster {

/// Rows of one table that an entity has, in order of their sub-keys.
struct loaded_row {
  persistence::table_id table;
  std::string sub_key;
  std::string value;
};

/// Base of every entity actor: at most one per entity and term, on the loop of its shard, started by
/// the shard's host at the first request and ended when idle. Its state is a cache of the shard's rows:
/// it may end at any time and loses nothing.
///
/// Proposed, not yet applied state serves the entity's own checks alone: every reply, errors included,
/// waits until the state it rests on is applied. `reply` sees to that: it goes out when everything that
/// was proposed before it is applied.
class entity_actor : public pinned_actor {
public:
  entity_actor(caf::actor_config& config, home_loop& home, shard_context& shard, entity_ref self);
  ~entity_actor() override;

  caf::behavior make_behavior() final;
  /// On the loop, at the end, whatever the reason; an override calls this one.
  void on_exit() override;

protected:
  /// The tables this entity loads whole before its first request. Tables that may be large are not
  /// among them: read those when needed.
  [[nodiscard]] virtual std::vector<persistence::table_id> tables() const = 0;
  /// All rows of tables(), then requests begin.
  virtual void load(const std::vector<loaded_row>& rows) = 0;
  /// Answer by `reply` or `fail`, now or later, once per request. An exception ends the entity: what waits
  /// in it is answered `unavailable`, and the next request starts it again, within its restart budget.
  virtual void handle(const entity_request_ptr& request) = 0;
  /// Further messages of a kind of entity; none by default.
  virtual caf::message_handler more_handlers() { return {}; }
  /// True while the actor must not be ended for idleness: sessions listen to it, a timer runs. Requests that
  /// are not answered keep it anyway.
  [[nodiscard]] virtual bool busy() const { return false; }

  [[nodiscard]] const entity_ref& self_ref() const { return self_; }
  [[nodiscard]] shard_context& shard() const { return shard_; }
  [[nodiscard]] unix_time date() const { return shard_.date(); }

  /// Appends rows to the mutation that is being built; propose() sends it as one.
  persistence::mutation_writer& mutation();
  /// Proposes what mutation() gathered, if anything. Replies made after it wait for it.
  void propose();

  /// Adds to the mutation that is being built: `body` reaches entity `to`, wherever it is, exactly once and in the
  /// order of this shard's deliveries to that one. It is sent when the mutation is applied.
  void deliver(const entity_ref& to, std::string body);
  /// Adds to the mutation that is being built that this request of type `delivery` is done. Call it once for each, and
  /// propose; the next one of its lane comes only then. It is no answer, and `reply` and `fail` are none to a delivery:
  /// nothing but this ends it.
  void accept(const entity_request_ptr& request);

  /// This entity's mutations that were proposed and are not applied, oldest first, as persistence::batch_reader
  /// walks through them; without rows of lanes.
  [[nodiscard]] std::string unapplied() const;

  /// Sends the answer once everything proposed so far is applied. What mutation() gathered has to be
  /// proposed before: otherwise it throws, which ends the entity.
  /// `pts`, `pts_count`: as entity_reply has them.
  void reply(const entity_request_ptr& request, std::string body, std::int32_t pts = 0, std::int32_t pts_count = 0);
  void fail(const entity_request_ptr& request, rpc_error error);
  /// Runs `then` on this actor once everything proposed so far is applied.
  void when_applied(std::function<void()> then);

private:
  struct waiting {
    std::uint64_t after = 0; ///< proposal
    entity_request_ptr request;
    entity_reply reply;
    std::function<void()> then; ///< in place of a reply
  };
  struct unapplied_part {
    std::uint64_t token = 0;
    std::size_t end = 0; ///< in unapplied_
  };
  struct loader;

  void take_request(const entity_request_ptr& request);
  void answer(const entity_request_ptr& request, entity_reply what);
  void finish(waiting&& what);
  void applied(std::uint64_t token);
  void require_proposed() const;
  void forget_applied();
  void read_page();
  void take_page(persistence::storage_result<persistence::row_page> page);
  void finish_loading();
  [[nodiscard]] bool at_rest() const;
  caf::error fail_with(std::exception_ptr& what) const;

  shard_context& shard_;
  entity_ref self_;
  std::string mutation_bytes_;
  persistence::mutation_writer writer_{mutation_bytes_};
  lane_parts lanes_;                            ///< of the same mutation
  std::string unapplied_;                       ///< a batch
  std::vector<unapplied_part> unapplied_parts_; ///< oldest first
  std::uint64_t proposed_ = 0;
  std::uint64_t applied_ = 0;
  std::uint32_t open_ = 0;         ///< requests that handle() was given and that are not answered
  std::vector<waiting> waiting_;   ///< by `after`
  std::unique_ptr<loader> loader_; ///< until everything is loaded
};

} // namespace godwit::cluster
