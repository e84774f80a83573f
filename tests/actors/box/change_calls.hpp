#pragma once

#include <gtest/gtest.h>

#include "actors/box/box_core.hpp"
#include "protocol/tl/api/message.hpp"
#include "tests/actors/box/message_calls.hpp"

namespace godwit::box::testing {

/// Calls that change messages, each run until everything that follows from it is done.

inline rpc_result<tl::box<tl::Updates>> edit(box_world& world, std::int64_t who, std::int64_t peer, message_id id,
                                             const std::string& text) {
  tl::fn::messages_editMessage call;
  call.peer = world.peer(who, peer);
  call.id = id;
  call.message = text;
  auto answer = world.call(who, call);
  world.run();
  return answer;
}

/// What a call did to the pts; `offset` where it has to be repeated.
struct affected {
  std::int32_t pts = 0;
  std::int32_t pts_count = 0;
  std::int32_t offset = 0;

  friend bool operator==(const affected&, const affected&) = default;
};

inline rpc_result<affected> erase(box_world& world, std::int64_t who, const std::vector<message_id>& ids,
                                  bool revoke = false) {
  tl::fn::messages_deleteMessages call;
  call.id = ids;
  call.revoke = revoke;
  const auto answer = world.call(who, call);
  world.run();
  if (!answer) {
    return unexpected(answer.error());
  }
  return affected{(*answer)->pts, (*answer)->pts_count, 0};
}

struct history_wish {
  message_id max_id = 0;
  bool just_clear = false;
  bool revoke = false;
  std::optional<unix_time> min_date = std::nullopt;
  std::optional<unix_time> max_date = std::nullopt;
};
inline rpc_result<affected> erase_history(box_world& world, std::int64_t who, std::int64_t peer,
                                          const history_wish& wish) {
  tl::fn::messages_deleteHistory call;
  call.peer = world.peer(who, peer);
  call.max_id = wish.max_id;
  call.just_clear = wish.just_clear;
  call.revoke = wish.revoke;
  call.min_date = wish.min_date;
  call.max_date = wish.max_date;
  const auto answer = world.call(who, call);
  world.run();
  if (!answer) {
    return unexpected(answer.error());
  }
  return affected{(*answer)->pts, (*answer)->pts_count, (*answer)->offset};
}

inline rpc_result<affected> read_up_to(box_world& world, std::int64_t who, std::int64_t peer, message_id max_id = 0) {
  tl::fn::messages_readHistory call;
  call.peer = world.peer(who, peer);
  call.max_id = max_id;
  const auto answer = world.call(who, call);
  world.run();
  if (!answer) {
    return unexpected(answer.error());
  }
  return affected{(*answer)->pts, (*answer)->pts_count, 0};
}

struct pin_wish {
  bool unpin = false;
  bool one_side = false;
  bool silent = false;
};
inline rpc_result<tl::box<tl::Updates>> pin(box_world& world, std::int64_t who, std::int64_t peer, message_id id,
                                            const pin_wish& wish = {}) {
  tl::fn::messages_updatePinnedMessage call;
  call.peer = world.peer(who, peer);
  call.id = id;
  call.unpin = wish.unpin;
  call.pm_oneside = wish.one_side;
  call.silent = wish.silent;
  auto answer = world.call(who, call);
  world.run();
  return answer;
}

inline rpc_result<affected> unpin_all(box_world& world, std::int64_t who, std::int64_t peer) {
  tl::fn::messages_unpinAllMessages call;
  call.peer = world.peer(who, peer);
  const auto answer = world.call(who, call);
  world.run();
  if (!answer) {
    return unexpected(answer.error());
  }
  return affected{(*answer)->pts, (*answer)->pts_count, (*answer)->offset};
}

/// The updates of one sort that a session heard, in their order.
template <class Update>
std::vector<tl::box<Update>> heard_updates(const box_world& world, std::int64_t who, std::uint64_t session) {
  std::vector<tl::box<Update>> found;
  for (auto& each : world.heard(who, session)) {
    if (auto* updates = tl::as<tl::updates>(each.get())) {
      for (auto& update : updates->updates_) {
        if (update->kind() == Update::kind_id) {
          found.emplace_back(static_cast<Update*>(update.release()));
        }
      }
    } else if (auto* brief = tl::as<tl::updateShort>(each.get());
               brief != nullptr && brief->update->kind() == Update::kind_id) {
      found.emplace_back(static_cast<Update*>(brief->update.release()));
    }
  }
  return found;
}

/// Two or three accounts whose boxes have no fault when the test ends.
class change_test : public ::testing::Test {
protected:
  change_test() {
    for (const std::int64_t each : {1, 2, 3}) {
      world.add(each);
    }
  }
  ~change_test() override {
    for (const std::int64_t each : {1, 2, 3}) {
      EXPECT_EQ(world.faults(each), "") << "account " << each;
    }
  }
  message_id say(std::int64_t from, std::int64_t to, const std::string& text = "text") {
    return send(world, from, to, text, ++random_id_).id;
  }
  std::int32_t pts(std::int64_t who) { return world.at(who).core->box.pts(); }

  box_world world;
  std::int64_t random_id_ = 0;
};

} // namespace godwit::box::testing
