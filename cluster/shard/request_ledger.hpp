#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "cluster/shard/entity_request.hpp"

namespace godwit::cluster {

/// The requests that one shard took and did not answer, in the order of their arrival: what makes each of
/// them end in exactly one answer. All of them have the same time. Every call on the shard's loop.
class request_ledger {
public:
  explicit request_ledger(persistence::monotonic_ms timeout) : timeout_(timeout) {}

  /// A request that is in flight already counts as sent anew, and is answered once.
  void begin(const entity_request_ptr& request, persistence::monotonic_ms now);
  /// The entity has it from now on.
  void forwarded(const entity_request& request);
  /// True: it was in flight, and whoever asks answers it now.
  bool end(const entity_request& request);
  [[nodiscard]] bool holds(const entity_request& request) const;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  /// When the oldest one has had its time; 0: there is none.
  [[nodiscard]] persistence::monotonic_ms due() const;

  // These end what they give.
  std::vector<entity_request_ptr> take_due(persistence::monotonic_ms now);
  std::vector<entity_request_ptr> take_forwarded(const entity_ref& to);
  /// Forwarded or not.
  std::vector<entity_request_ptr> take_to(const entity_ref& to);
  std::vector<entity_request_ptr> take_waiting();
  std::vector<entity_request_ptr> take_all();

private:
  struct entry {
    entity_request_ptr request; ///< empty: ended
    persistence::monotonic_ms due = 0;
    bool forwarded = false;
  };
  [[nodiscard]] const entry* find(const entity_request& request) const;
  entity_request_ptr release(entry& of);
  void drop_ended();
  template <class Predicate>
  std::vector<entity_request_ptr> take_if(Predicate&& wanted);

  const persistence::monotonic_ms timeout_;
  std::deque<entry> entries_;
  std::uint64_t first_ = 1; ///< number of entries_.front()
  std::size_t size_ = 0;
};

} // namespace godwit::cluster
