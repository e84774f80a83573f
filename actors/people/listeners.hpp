#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "actors/entity/entity_logic.hpp"
#include "protocol/ids.hpp"

namespace godwit::tl {
struct object;
}

namespace godwit::people {

using entity::entity_effects;
using entity::listener_id;

/// One session that hears what happens to an account.
struct listener {
  listener_id id;
  authorization_id authorization;
  layer_t layer = 0;
  std::uint64_t instance = 0; ///< which of those that have this name, on different nodes, one after the other
  std::uint64_t attempt = 0;  ///< the newest by which that instance asked to listen
  unix_time online_until = 0;
  /// It heard a former actor of the account, which knew that one of its sessions is online.
  bool online_guessed = false;
  /// It is being told what it missed: the box tells it everything later, in order.
  bool catching_up = false;
};

/// The sessions that listen to one account, and how they are told.
class listeners {
public:
  [[nodiscard]] listener* find(const listener_id& who);
  /// Nothing when there are limits::listeners_per_user_max already.
  listener* add(const listener_id& who);
  void remove(const listener_id& who);
  [[nodiscard]] std::vector<listener>& all() { return all_; }
  [[nodiscard]] const std::vector<listener>& all() const { return all_; }
  [[nodiscard]] bool empty() const { return all_.empty(); }
  /// A session says itself whether it is online.
  void guess_no_more();
  /// The latest time until which one of them is online; 0: none is.
  [[nodiscard]] unix_time online_until(unix_time now) const;

  /// Tells an object of type Updates to all but one, each at its layer; it is serialized once for each layer. Who has a
  /// layer that cannot express it hears updatesTooLong when it moves the pts, else nothing. Those that catch up hear
  /// nothing of what moves the pts.
  void tell(const tl::object& updates, const listener_id& but, entity_effects& out, std::int32_t pts = 0,
            std::int32_t pts_count = 0) const;
  /// Tells those that are online, of something that nobody needs later.
  void tell_online(const tl::object& updates, unix_time now, entity_effects& out) const;
  /// The same to one.
  static void tell_one(const listener& whom, const tl::object& updates, entity_effects& out, std::int32_t pts = 0,
                       std::int32_t pts_count = 0);

private:
  template <class Wanted>
  void tell_those(const tl::object& updates, entity_effects& out, std::int32_t pts, std::int32_t pts_count,
                  const Wanted& wanted) const;

  std::vector<listener> all_;
};

} // namespace godwit::people
