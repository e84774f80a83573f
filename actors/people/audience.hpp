#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "actors/entity/entity_logic.hpp"
#include "persistence/records/people.pb.h"
#include "protocol/ids.hpp"

namespace godwit::people {

using entity::continuation;
using entity::entity_effects;
using persistence::records::Relation;

/// The accounts that have this one in their contacts, and so hear of its presence: read once, at most
/// limits::presence_peers_max of them, and then kept as relations change.
class audience {
public:
  struct member {
    bool contact = false; ///< this account has it in its contacts too
    bool blocked = false;
  };

  /// Runs `then` when they are in memory.
  void with(unix_time now, entity_effects& out, continuation then);
  /// A relation changed.
  void note(user_id whom, const Relation& relation);

  [[nodiscard]] const std::unordered_map<std::int64_t, member>& members() const { return members_; }

private:
  enum class stage { unread, reading, known };

  void set(std::int64_t whom, const Relation& relation);

  stage stage_ = stage::unread;
  std::unordered_map<std::int64_t, member> members_;
  std::unordered_map<std::int64_t, Relation> changed_meanwhile_;
  std::vector<continuation> waiting_;
};

} // namespace godwit::people
