#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "actors/box/box_reading.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/channels.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/messages_fn.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "tests/actors/box/row_author.hpp"

namespace godwit::box::testing {
namespace {

using get_dialogs = tl::fn::messages_getDialogs;

constexpr std::int64_t me = 1;
constexpr std::int64_t first_peer = 1000;

/// What an answer with dialogs holds.
struct listed {
  std::vector<std::int64_t> peers;
  std::vector<message_id> tops;
  std::vector<unix_time> dates;
  std::vector<bool> pinned;
  std::int32_t count = -1; ///< -1: all of them
  std::string error;
};

/// Reads it as clients do: each dialog has to have its newest message in the answer, and its user.
template <class View>
void take_views(const View& view, listed& taken) {
  std::map<message_id, unix_time> messages;
  for (const auto& each : view.messages) {
    const auto* message = tl::as<tl::message>(each);
    ASSERT_NE(message, nullptr);
    messages[message->id] = message->date;
  }
  std::set<std::int64_t> users;
  for (const auto& each : view.users) {
    users.insert(each->kind() == tl::user::kind_id ? tl::as<tl::user>(each)->id : tl::as<tl::userEmpty>(each)->id);
  }
  for (const auto& each : view.dialogs) {
    const auto* dialog = tl::as<tl::dialog>(each);
    ASSERT_NE(dialog, nullptr);
    const std::int64_t peer = tl::as<tl::peerUser>(dialog->peer)->user_id;
    EXPECT_TRUE(users.contains(peer)) << peer;
    EXPECT_FALSE(dialog->pts.has_value());
    if (dialog->top_message != 0) {
      ASSERT_TRUE(messages.contains(dialog->top_message)) << peer;
      taken.dates.push_back(messages[dialog->top_message]);
    } else {
      taken.dates.push_back(0);
    }
    taken.peers.push_back(peer);
    taken.tops.push_back(dialog->top_message);
    taken.pinned.push_back(dialog->pinned);
  }
}

listed take(rpc_result<tl::box<tl::messages_Dialogs>> answer) {
  listed taken;
  if (!answer) {
    taken.error = text_of(answer.error());
  } else if (const auto* whole = tl::as<tl::messages_dialogs>(*answer)) {
    take_views(*whole, taken);
  } else if (const auto* slice = tl::as<tl::messages_dialogsSlice>(*answer)) {
    take_views(*slice, taken);
    taken.count = slice->count;
  }
  return taken;
}

class DialogListTest : public ::testing::Test {
protected:
  DialogListTest() {
    world.add(me, "Me");
    world.add(2, "Somebody else");
  }

  /// The listed dialogs of the rows, newest first.
  [[nodiscard]] std::vector<std::int64_t> expected() const {
    std::map<message_id, std::int64_t, std::greater<>> by_top;
    for (const auto& [key, value] : world.table(me, records_table::dialog)) {
      persistence::records::Dialog dialog;
      dialog.ParseFromString(value);
      if (dialog.top_message() != 0) {
        by_top[dialog.top_message()] = read_peer_key(key)->value();
      }
    }
    std::vector<std::int64_t> peers;
    for (const auto& [top, peer] : by_top) {
      peers.push_back(peer);
    }
    return peers;
  }
  void pin(const std::vector<std::int64_t>& peers) {
    persistence::records::PinnedDialogs row;
    for (const std::int64_t each : peers) {
      row.add_peer(each);
    }
    world.rows(me)[{records_table::pinned_dialogs, {}}] = row.SerializeAsString();
    world.rows(me)[{records_table::user_box, {}}] = author.box().SerializeAsString();
    world.restart(me);
  }
  listed page(std::int32_t limit, const listed* before = nullptr, bool exclude_pinned = false,
              layer_t layer = newest_layer) {
    get_dialogs call;
    call.limit = limit;
    call.exclude_pinned = exclude_pinned;
    call.offset_peer = tl::make<tl::inputPeerEmpty>();
    if (before != nullptr && !before->peers.empty()) {
      call.offset_id = before->tops.back();
      call.offset_date = before->dates.back();
      call.offset_peer = world.peer(me, before->peers.back());
    }
    return take(world.call(me, call, layer));
  }

  box_world world;
  row_author author{world, me};
};

void fill(row_author& author, std::mt19937& random, int dialogs, int messages) {
  for (int i = 0; i < messages; ++i) {
    const auto peer = static_cast<std::int64_t>(random() % static_cast<unsigned>(dialogs));
    author.add(first_peer + peer, {.out = random() % 3 == 0});
  }
}

// Page after page, by the last dialog of each, every dialog comes once and in order, at page sizes of all sorts and at
// every sort of layer; an answer that says that it is all is all.
TEST_F(DialogListTest, WalkingThroughTheListSeesEveryDialogOnce) {
  std::mt19937 random(3);
  fill(author, random, 300, 2500);
  const std::vector<std::int64_t> all = expected();
  ASSERT_GT(all.size(), 290u);
  const std::vector<layer_t> layers = {133, 144, 152, 198, 229};
  for (const std::int32_t limit : {1, 7, 100, 256, 500}) {
    std::vector<std::int64_t> seen;
    listed each = page(limit, nullptr, false, layers[static_cast<std::size_t>(limit) % layers.size()]);
    while (!each.peers.empty()) {
      ASSERT_LE(each.peers.size(), static_cast<std::size_t>(limit));
      ASSERT_EQ(each.count, limit == 500 ? -1 : static_cast<std::int32_t>(all.size()));
      seen.insert(seen.end(), each.peers.begin(), each.peers.end());
      each = page(limit, &each, true, layers[static_cast<std::size_t>(limit) % layers.size()]);
    }
    ASSERT_EQ(seen, all) << limit;
  }
}

// While somebody pages, dialogs go, lose their newest message, and get new ones. Whatever stays where it was is seen
// once.
TEST_F(DialogListTest, PagingSurvivesWhatHappensMeanwhile) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    fill(author, random, 120, 600);
    const std::vector<std::int64_t> before = expected();
    std::set<std::int64_t> touched;
    std::vector<std::int64_t> seen;
    listed each = page(13);
    while (!each.peers.empty()) {
      seen.insert(seen.end(), each.peers.begin(), each.peers.end());
      for (int i = 0; i < 4; ++i) {
        const std::int64_t peer = first_peer + static_cast<std::int64_t>(random() % 120);
        const auto dialog = world.dialog(me, peer);
        if (!dialog || dialog->top_message() == 0) {
          continue;
        }
        touched.insert(peer);
        if (random() % 2 == 0) {
          author.remove(peer, {dialog->top_message()});
        } else {
          author.add(peer);
        }
      }
      each = page(13, &each, true);
    }
    std::vector<std::int64_t> stayed_seen;
    std::copy_if(seen.begin(), seen.end(), std::back_inserter(stayed_seen),
                 [&](std::int64_t peer) { return !touched.contains(peer); });
    std::vector<std::int64_t> stayed;
    std::copy_if(before.begin(), before.end(), std::back_inserter(stayed),
                 [&](std::int64_t peer) { return !touched.contains(peer); });
    ASSERT_EQ(stayed_seen, stayed) << seed;
  }
}

// Pinned dialogs stand on top of the first page in their own order, once; or nowhere, where nobody wants them.
TEST_F(DialogListTest, PinnedDialogsComeFirst) {
  std::mt19937 random(5);
  fill(author, random, 30, 300);
  const std::vector<std::int64_t> all = expected();
  const std::vector<std::int64_t> pinned = {all[20], all[3], all[11]};
  pin(pinned);
  std::vector<std::int64_t> others;
  std::copy_if(all.begin(), all.end(), std::back_inserter(others),
               [&](std::int64_t peer) { return std::find(pinned.begin(), pinned.end(), peer) == pinned.end(); });
  std::vector<std::int64_t> wanted = pinned;
  wanted.insert(wanted.end(), others.begin(), others.end());
  for (const std::int32_t limit : {2, 3, 10, 100}) {
    std::vector<std::int64_t> seen;
    for (listed each = page(limit); !each.peers.empty(); each = page(limit, &each, true)) {
      seen.insert(seen.end(), each.peers.begin(), each.peers.end());
    }
    if (limit == 2) { // the third of the pinned ones did not fit, and getPinnedDialogs has it
      wanted.erase(wanted.begin() + 2);
      EXPECT_EQ(seen, wanted);
      wanted.insert(wanted.begin() + 2, pinned[2]);
    } else {
      EXPECT_EQ(seen, wanted) << limit;
    }
  }
  EXPECT_EQ(page(100, nullptr, true).peers, others);
  tl::fn::messages_getPinnedDialogs call;
  const auto answer = world.call(me, call);
  ASSERT_TRUE(answer);
  listed top;
  take_views(**answer, top);
  EXPECT_EQ(top.peers, pinned);
  EXPECT_EQ(top.pinned, (std::vector<bool>{true, true, true}));
  EXPECT_EQ((*answer)->state->pts, author.box().pts());
  call.folder_id = 1;
  EXPECT_TRUE((*world.call(me, call))->dialogs.empty());
}

// Every peer that was asked for is answered, with a message or without; one that is not shown rightly refuses all.
TEST_F(DialogListTest, EveryPeerAskedForIsAnswered) {
  author.add(first_peer);
  tl::fn::messages_getPeerDialogs call;
  for (const std::int64_t peer : {first_peer + 7, first_peer, me, first_peer}) {
    auto named = tl::make<tl::inputDialogPeer>();
    named->peer = world.peer(me, peer);
    call.peers.push_back(std::move(named));
  }
  const auto answer = world.call(me, call);
  ASSERT_TRUE(answer);
  listed found;
  take_views(**answer, found);
  EXPECT_EQ(found.peers, (std::vector<std::int64_t>{first_peer + 7, first_peer, me}));
  EXPECT_EQ(found.tops, (std::vector<message_id>{0, 1, 0}));
  auto wrong = tl::make<tl::inputDialogPeer>();
  wrong->peer = world.peer(2, first_peer);
  call.peers.push_back(std::move(wrong));
  const auto refused = world.call(me, call);
  ASSERT_FALSE(refused);
  EXPECT_EQ(text_of(refused.error()), "PEER_ID_INVALID");
}

// A date or a dialog alone say where to go on, too; limits, folders and peers out of order are answered as such.
TEST_F(DialogListTest, OddOffsetsAreAnswered) {
  for (int i = 0; i < 50; ++i) {
    author.add(first_peer + i, {.date = 1'000'000 + i});
  }
  const std::vector<std::int64_t> all = expected();
  get_dialogs call;
  call.limit = 3;
  call.offset_peer = tl::make<tl::inputPeerEmpty>();
  call.offset_date = 1'000'010;
  EXPECT_EQ(take(world.call(me, call)).peers,
            (std::vector<std::int64_t>{first_peer + 9, first_peer + 8, first_peer + 7}));
  call.offset_date = 0;
  call.offset_peer = world.peer(me, first_peer + 20);
  EXPECT_EQ(take(world.call(me, call)).peers.front(), first_peer + 19);
  auto without_hash = tl::make<tl::inputPeerUser>();
  without_hash->user_id = first_peer + 20;
  call.offset_peer = std::move(without_hash);
  EXPECT_EQ(take(world.call(me, call)).peers.front(), first_peer + 19);
  call.offset_peer = tl::make<tl::inputPeerEmpty>();
  for (const std::int32_t limit : {0, -1, std::numeric_limits<std::int32_t>::min()}) {
    call.limit = limit;
    EXPECT_EQ(take(world.call(me, call)).count, 50);
  }
  call.limit = std::numeric_limits<std::int32_t>::max();
  call.offset_id = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(take(world.call(me, call)).peers, all);
  call.offset_id = 1;
  EXPECT_TRUE(take(world.call(me, call)).peers.empty());
  call.offset_id = -5;
  EXPECT_EQ(take(world.call(me, call)).peers, all);
  call.folder_id = 1;
  EXPECT_TRUE(take(world.call(me, call)).peers.empty());
  call.folder_id = 7;
  EXPECT_EQ(take(world.call(me, call)).error, "FOLDER_ID_INVALID");
}

// With tens of thousands of dialogs a page costs what it shows and two steps of the order, wherever it begins.
TEST_F(DialogListTest, APageCostsItsLength) {
  box_world::row_map& rows = world.rows(me);
  constexpr int many = 50'000;
  for (int i = 1; i <= many; ++i) {
    const user_id peer{first_peer + i};
    persistence::records::Message message;
    message.set_date(1000 + i);
    persistence::records::Dialog dialog;
    dialog.set_top_message(i);
    persistence::records::MessagePlace place;
    place.set_peer(peer.value());
    rows[{records_table::message, message_key(peer, i)}] = message.SerializeAsString();
    rows[{records_table::message_place, place_key(i)}] = place.SerializeAsString();
    rows[{records_table::dialog, peer_key(peer)}] = dialog.SerializeAsString();
    rows[{records_table::dialog_order, order_key(i, peer)}] = {};
  }
  for (const message_id at : {0, 300, many / 2, many}) {
    get_dialogs call;
    call.limit = 100;
    call.offset_id = at;
    call.exclude_pinned = true;
    call.offset_peer = tl::make<tl::inputPeerEmpty>();
    entity_effects out;
    world.at(me).box->call({.ticket = 1, .layer = newest_layer, .asker = {}, .now = world.now}, call, out);
    ASSERT_EQ(out.queries.size(), 1u);
    counting_reader reader(rows);
    out.queries.front().read(reader);
    EXPECT_LE(reader.visited, 100u + 512u + 1u) << at;
    EXPECT_LE(reader.gets, 3 * (100u + 512u)) << at;
    EXPECT_GE(reader.gets, 300u) << at;
  }
}

// All drafts come as the updates that they would be.
TEST_F(DialogListTest, AllDraftsAreListed) {
  for (int i = 0; i < 3; ++i) {
    persistence::records::Draft draft;
    draft.set_text("draft " + std::to_string(i));
    draft.set_date(world.now);
    draft.mutable_reply_to()->set_id(i);
    world.rows(me)[{records_table::draft, peer_key(user_id{first_peer + i})}] = draft.SerializeAsString();
  }
  for (const layer_t layer : {133, 144, 166, 205, 229}) {
    const auto answer = world.call(me, tl::fn::messages_getAllDrafts(), layer);
    ASSERT_TRUE(answer);
    const auto* updates = tl::as<tl::updates>(*answer);
    ASSERT_EQ(updates->updates_.size(), 3u);
    EXPECT_EQ(updates->users.size(), 3u);
    const auto* update = tl::as<tl::updateDraftMessage>(updates->updates_[2]);
    EXPECT_EQ(tl::as<tl::draftMessage>(update->draft)->message, "draft 2");
  }
}

} // namespace
} // namespace godwit::box::testing
