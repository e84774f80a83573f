#pragma once

#include <caf/actor.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <vector>

#include "actors/auth/auth_probe.hpp"
#include "actors/auth/key_cache.hpp"
#include "actors/auth/known_key.hpp"
#include "actors/base/retry_pause.hpp"
#include "cluster/base/loop_timer.hpp"
#include "cluster/shard/entity_request.hpp"
#include "protocol/mtproto/handshake/server_handshake.hpp"
#include "protocol/mtproto/message/types.hpp"

namespace godwit::cluster {
class home_loop;
class router;
} // namespace godwit::cluster

namespace godwit::actors {

enum class key_answer : std::uint8_t {
  known,
  unknown,     ///< the key's shard says that there is none
  unavailable, ///< nobody can tell now
};

/// The authorization keys as one loop sees them: a cache, and whoever asks the keys' entities. On the loop's
/// thread alone; callbacks come from the loop, never from inside the call that asked.
class auth_keys {
public:
  /// The key is null unless it is known.
  using found_fn = std::function<void(key_answer, known_key_ptr)>;
  using created_fn = std::function<void(mtproto::commit_outcome)>;

  auth_keys(cluster::home_loop& home, cluster::router& router, std::size_t cached_max = 0);
  ~auth_keys();
  auth_keys(const auth_keys&) = delete;
  auth_keys& operator=(const auth_keys&) = delete;

  /// Whose mailbox takes the answers, to be handed to reply(). Before anything is asked.
  void answers_to(caf::actor self) { self_ = std::move(self); }
  void reply(const cluster::entity_reply& what);
  /// No answer will come any more: everybody who waits hears `unavailable`.
  void abandon();

  /// Null: not cached, ask find(). An expired temporary key is not known any more.
  known_key_ptr cached(auth_key_id id);
  /// Asks the key's entity, unless the answer is cached; together with all who wait for the same key. Asked again while
  /// its shard is unavailable, for limits::key_lookup_ms_max.
  void find(auth_key_id id, found_fn done);
  /// What is cached may be old: the client was on another node meanwhile, say, and logged in there.
  [[nodiscard]] bool is_stale(const known_key& key) const;
  /// Asks the entity and brings what is known up to date, for all who hold it. What it said before this call is
  /// no answer to it.
  void refresh(auth_key_id id, found_fn done);
  /// Commits a key that an exchange made, and caches it.
  void create(const mtproto::new_auth_key& key, created_fn done);
  /// Tells the permanent key's entity the layer and the client that are known of it; nobody waits. Each is a row
  /// written: what comes sooner than limits::client_note_ms after the last waits, and the last one counts. What did not
  /// reach the entity is told again after as long: most clients say it but once in a key's life.
  void note_client(known_key_ptr permanent);
  /// The key is gone, or is not what it was.
  void drop(auth_key_id id);

  [[nodiscard]] auth_probe& probe() { return probe_; }
  [[nodiscard]] const auth_probe& probe() const { return probe_; }

private:
  /// Of ids that came unencrypted: anybody chooses them.
  struct seeded_hash {
    std::size_t operator()(auth_key_id id) const noexcept { return cluster::seeded_hash(id.value()); }
  };
  struct lookup {
    auth_key_id id;
    std::vector<found_fn> waiting;
    cluster::entity_request_ptr request;
    /// While nobody can tell, it is asked again until then; 0: not.
    cluster::monotonic_ms give_up_at = 0;
    retry_pause pause;
    /// Came later and want to know what is true after that.
    std::vector<found_fn> next;
  };
  struct creation {
    cluster::entity_request_ptr request;
    known_key_ptr key;
    created_fn done;
    cluster::monotonic_ms give_up_at = 0;
    retry_pause pause;
  };

  void ask(auth_key_id id, found_fn done, cluster::monotonic_ms give_up_at = 0);
  [[nodiscard]] bool look_again(lookup& what);
  void lookup_answered(lookup what, const cluster::entity_reply& reply);
  void found_temporary(known_key_ptr key, auth_key_id permanent, std::vector<found_fn> waiting);
  void creation_answered(std::uint64_t token, const cluster::entity_reply& reply);
  void ask_again_later(std::uint64_t token, std::uint32_t pause_ms);
  void ask_those_due();
  void write_note(known_key_ptr permanent);
  void write_note_later(known_key_ptr permanent, cluster::monotonic_ms at);
  void write_notes(cluster::monotonic_ms until);
  cluster::entity_request_ptr request_to(auth_key_id id, std::string body);

  cluster::home_loop& home_;
  cluster::router& router_;
  caf::actor self_;
  key_cache cache_;
  std::uint64_t last_token_ = 0;
  std::unordered_map<auth_key_id, std::uint64_t, seeded_hash> asked_;
  std::unordered_map<std::uint64_t, lookup> lookups_;
  std::unordered_map<std::uint64_t, creation> creations_;
  std::multimap<cluster::monotonic_ms, std::uint64_t> again_; ///< tokens, by when they are sent again
  std::multimap<cluster::monotonic_ms, known_key_ptr> notes_; ///< by when they are due
  std::unordered_map<std::uint64_t, known_key_ptr> noted_;    ///< not answered yet, by token
  cluster::loop_timer again_timer_;
  cluster::loop_timer notes_timer_;
  auth_probe probe_;
};

/// Where an authorization key's entity lives.
cluster::entity_ref key_entity(auth_key_id id);

} // namespace godwit::actors
