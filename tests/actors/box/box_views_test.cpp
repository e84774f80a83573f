#include "actors/box/box_views.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/user.hpp"
#include "tests/actors/box/box_world.hpp"

namespace godwit::box {
namespace {

using persistence::records::Draft;
using persistence::records::NotifySettings;

constexpr user_id self{1};
constexpr user_id peer{2};

/// Through bytes of a layer and back, whole.
template <class View, class Made>
tl::box<View> at_layer(const tl::box<Made>& made, layer_t layer) {
  const rpc_result<std::string> bytes = stored(*made, layer);
  if (!bytes) {
    throw std::logic_error("a layer cannot express it");
  }
  tl::reader in(*bytes);
  auto read = View::fetch(in);
  if (!in.finish()) {
    throw std::logic_error("a view cannot be read");
  }
  return read;
}

// A sound was a name once, and became one for each sort of device; what was never set stays out.
TEST(BoxViewsTest, SoundsAreToldAsTheLayerKnowsThem) {
  NotifySettings settings;
  settings.set_mute_until(2'000'000'000);
  EXPECT_FALSE(at_layer<tl::peerNotifySettings>(notify_view(settings, 133), 133)->sound.has_value());
  settings.set_sound(0);
  EXPECT_EQ(at_layer<tl::peerNotifySettings>(notify_view(settings, 139), 139)->sound, "");
  for (const layer_t layer : {140, 159, 160, 229}) {
    const auto view = at_layer<tl::peerNotifySettings>(notify_view(settings, layer), layer);
    EXPECT_EQ(view->mute_until, 2'000'000'000);
    EXPECT_FALSE(view->silent.has_value());
    EXPECT_NE(tl::as<tl::notificationSoundNone>(view->android_sound), nullptr);
  }
  settings.set_sound_title("bell");
  EXPECT_EQ(at_layer<tl::peerNotifySettings>(notify_view(settings, 133), 133)->sound, "bell");
  const auto local = at_layer<tl::peerNotifySettings>(notify_view(settings, 152), 152);
  ASSERT_NE(tl::as<tl::notificationSoundLocal>(local->ios_sound), nullptr);
}

// A draft names what it answers, whatever way the layer has for that; with nothing in it, it is an empty one.
TEST(BoxViewsTest, DraftsFitTheirLayer) {
  Draft draft;
  draft.set_date(5);
  EXPECT_EQ(draft_view(draft, 229)->kind(), tl::draftMessageEmpty::kind_id);
  draft.mutable_reply_to()->set_id(7);
  for (layer_t layer = 133; layer <= 229; ++layer) {
    const auto view = at_layer<tl::DraftMessage>(draft_view(draft, layer), layer);
    const auto* message = tl::as<tl::draftMessage>(view);
    ASSERT_NE(message, nullptr);
    if (layer < 166) {
      ASSERT_EQ(message->reply_to_msg_id, 7) << layer;
    } else {
      ASSERT_NE(message->reply_to, nullptr) << layer;
      ASSERT_EQ(message->reply_to->reply_to_msg_id, 7) << layer;
    }
  }
}

// A dialog says all that its row knows, and never a pts, which is a channel's.
TEST(BoxViewsTest, ADialogIsShownAsItIs) {
  Dialog dialog;
  dialog.set_top_message(9);
  dialog.set_read_inbox_max_id(4);
  dialog.set_read_outbox_max_id(3);
  dialog.set_unread(2);
  dialog.set_unread_mark(true);
  Draft draft;
  draft.set_text("later");
  for (const layer_t layer : {133, 138, 150, 167, 224, 229}) {
    const auto view = at_layer<tl::dialog>(dialog_view(peer, dialog, true, {}, draft, layer), layer);
    EXPECT_TRUE(view->pinned);
    EXPECT_TRUE(view->unread_mark);
    EXPECT_EQ(view->top_message, 9);
    EXPECT_EQ(view->read_inbox_max_id, 4);
    EXPECT_EQ(view->read_outbox_max_id, 3);
    EXPECT_EQ(view->unread_count, 2);
    EXPECT_FALSE(view->pts.has_value());
    EXPECT_FALSE(view->folder_id.has_value());
    EXPECT_NE(tl::as<tl::draftMessage>(view->draft), nullptr);
  }
}

// A saved message belongs to whom it came from; one's own notes to oneself.
TEST(BoxViewsTest, SavedMessagesSayWhoseTheyAre) {
  Message message;
  message.set_out(true);
  const auto whose = [&] {
    const auto view = at_layer<tl::Message>(message_view(self, self, 3, message, 229), 229);
    return tl::as<tl::peerUser>(tl::as<tl::message>(view)->saved_peer_id)->user_id;
  };
  EXPECT_EQ(whose(), 1);
  message.mutable_forward()->set_from(8);
  EXPECT_EQ(whose(), 8);
  message.mutable_forward()->set_saved_from(9);
  EXPECT_EQ(whose(), 9);
  const auto plain = message_view(self, peer, 3, message, 229);
  EXPECT_EQ(tl::as<tl::message>(plain)->saved_peer_id, nullptr);
  std::vector<user_id> whom{user_id{9}};
  add_people(message, peer, whom);
  EXPECT_EQ(whom, (std::vector<user_id>{user_id{9}, peer, user_id{8}}));
}

// A reply that nothing can be said of at a layer is no reply there: an empty header would be refused.
TEST(BoxViewsTest, RepliesThatSayNothingAreLeftOut) {
  Message message;
  message.mutable_reply_to();
  for (const layer_t layer : {133, 166, 229}) {
    EXPECT_EQ(tl::as<tl::message>(message_view(self, peer, 3, message, layer))->reply_to, nullptr);
  }
  message.mutable_reply_to()->set_from_name("Somebody");
  EXPECT_EQ(tl::as<tl::message>(message_view(self, peer, 3, message, 165))->reply_to, nullptr);
  EXPECT_NE(tl::as<tl::message>(message_view(self, peer, 3, message, 166))->reply_to, nullptr);
}

// A push names only whom the node knows; otherwise there is none, and the client has to ask.
TEST(BoxViewsTest, APushNeedsItsPeople) {
  testing::box_world world;
  world.add(1, "One");
  world.add(2, "Two");
  box_core core{*world.at(1).core, *world.at(1).people, {}};
  EXPECT_NE(updates_with({}, {self, people::service_user}, core, world.now), nullptr);
  EXPECT_EQ(updates_with({}, {self, peer}, core, world.now), nullptr);
  world.at(1).people->learn(peer, std::nullopt);
  EXPECT_EQ(updates_with({}, {peer}, core, world.now), nullptr);
  world.at(1).people->learn(world.at(2).people->own_card(world.now));
  const auto view = updates_with({}, {peer, self}, core, world.now);
  ASSERT_NE(view, nullptr);
  ASSERT_EQ(view->users.size(), 2u);
  EXPECT_EQ(tl::as<tl::user>(view->users[0])->first_name, "Two");
  EXPECT_EQ(view->date, world.now);
  EXPECT_EQ(view->seq, 0);
}

} // namespace
} // namespace godwit::box
