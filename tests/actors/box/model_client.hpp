#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "actors/box/box_keys.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"
#include "tests/actors/box/box_world.hpp"

namespace godwit::box::testing {

/// A client that keeps what it is told, as one of the careful clients does.
struct model_client {
  struct kept {
    std::int64_t peer = 0;
    std::string text; ///< of a service message: nothing
    bool out = false;
    bool pinned = false;
    friend bool operator==(const kept&, const kept&) = default;
  };
  std::map<message_id, kept> messages;
  std::map<std::int64_t, std::int32_t> unread;
  std::map<std::int64_t, message_id> read_inbox;
  std::map<std::int64_t, message_id> read_outbox;
  std::int32_t pts = 1;
  unix_time date = 0;
  int answers = 0;
  std::set<std::int64_t> users;

  void take(const tl::box<tl::Message>& what, bool fresh);
  template <class Users>
  void introduce(const Users& those) {
    for (const auto& each : those) {
      users.insert(tl::as<tl::user>(each) != nullptr ? tl::as<tl::user>(each)->id : 0);
    }
  }
  /// The pts that the update says, behind the number that it moves it by; 0: none.
  std::pair<std::int32_t, std::int32_t> take(const tl::box<tl::Update>& what);
  /// What a difference holds; new messages first, as clients do.
  template <class View>
  void take_parts(const View& view) {
    introduce(view.users);
    for (const auto& each : view.new_messages) {
      take(each, true);
    }
    std::int32_t last = pts;
    for (const auto& each : view.other_updates) {
      const auto [its, count] = take(each);
      if (its != 0) {
        ASSERT_GE(its - count, last) << "updates overlap";
        last = its;
      }
    }
  }
  /// What a push holds, which has to go on exactly where the client is.
  void take_push(const tl::updates& what);

private:
  void forget(const std::vector<message_id>& ids);
};

/// One updates.getDifference of one account; false: there is no more.
bool ask_difference(box_world& world, std::int64_t who, model_client& client, layer_t layer,
                    std::int32_t pts_limit = 0);

/// The messages of a box by its rows.
std::map<message_id, model_client::kept> messages_of(const box_world& world, std::int64_t who);

} // namespace godwit::box::testing
