#pragma once

#include <cstdint>
#include <unordered_set>

#include "actors/box/box_core.hpp"

namespace godwit::tl::fn {
struct messages_saveDraft;
} // namespace godwit::tl::fn

namespace godwit::box {

/// What was begun to be written, one draft for each peer.
class draft_keeper {
public:
  explicit draft_keeper(box_core& core) : core_(core) {}

  void save(const call_context& from, const tl::fn::messages_saveDraft& what, entity_effects& out);
  void clear_all(const call_context& from, entity_effects& out);
  /// Part of an operation. Reads nothing: of a peer whose draft was never looked at it is told that there is none.
  void clear(user_id peer, const entity::listener_id& but, unix_time now, entity_effects& out);

private:
  using Draft = persistence::records::Draft;

  void write(user_id peer, const Draft& to, const entity::listener_id& but, unix_time now, entity_effects& out);
  void clear_some(const call_context& from, entity_effects& out);

  box_core& core_;
  std::unordered_set<std::int64_t> without_; ///< peers that are known to have none
};

} // namespace godwit::box
