#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/call.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/help.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "protocol/tl/api/langpack.hpp"
#include "protocol/tl/api/langpack_fn.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/stickers.hpp"
#include "protocol/tl/api/stickers_fn.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/e2e/wire/client_replay.hpp"

namespace godwit::test {
namespace {

namespace fn = tl::fn;

constexpr need e = need::tolerated;

client_profile tdesktop() {
  client_profile made = profile_of("Telegram Desktop 4.6", 152, {mtproto::framing::abridged, true});
  made.device.lang_pack = "tdesktop";
  made.device.app_version = "4.6.5 x64";
  made.device.tz_offset = true;
  made.number = 99'966'400'152;
  return made;
}

/// A temporary key on the connection there is, bound at once, without any wrapper.
/// Source: https://core.telegram.org/method/auth.bindTempAuthKey
void use_temporary_key(replayed_client& client) {
  const auto temporary = client.wire.exchange(client.exchange_options(true));
  ASSERT_TRUE(temporary) << "no temporary key";
  EXPECT_EQ(temporary->kind, mtproto::key_kind::temporary);
  client.wire.open(*temporary);
  const msg_id query = client.wire.session->next_id(socket_client::now());
  const std::string bind =
    client.wire.bind_query(client.permanent, query, seconds_now() + temporary->expires_in_seconds);
  client.wire.send_message(query, client.wire.session->next_seqno(true), bind);
  const auto bound = client.wire.wait_result(query);
  ASSERT_TRUE(bound) << "auth.bindTempAuthKey was not answered";
  EXPECT_EQ(*bound, std::string("\xb5\x75\x72\x99", 4)) << "not boolTrue";
}

void ask_while_nobody(replayed_client& client) {
  client.ask<fn::help_getAppConfig>(need::answer, {},
                                    [&client](const auto&) { EXPECT_EQ(client.constructor, 0x99c1d49dU); });
  fn::langpack_getLangPack pack;
  pack.lang_pack = "tdesktop";
  pack.lang_code = "en";
  client.ask(e, pack);
  fn::langpack_getDifference difference;
  difference.lang_pack = "tdesktop";
  difference.lang_code = "en";
  client.ask(e, difference);
  fn::langpack_getStrings strings;
  strings.lang_pack = "tdesktop";
  strings.lang_code = "en";
  strings.keys.emplace_back("lng_menu_settings");
  client.ask(e, strings);
  client.ask<fn::help_getNearestDc>(e);
  client.settle();
}

/// The first page of its introduction shows a QR code; an error, and it goes on to phone numbers.
void ask_for_a_login_token(replayed_client& client) {
  fn::auth_exportLoginToken token;
  token.api_id = 17;
  token.api_hash = "0123456789abcdef0123456789abcdef";
  const mtproto::client_answer answer = client.wire.call(client.wire.bytes(token));
  if (answer.is_error) {
    EXPECT_EQ(answer.error_code, 400) << answer.error_text;
  }
}

template <class Set>
void ask_sticker_set(replayed_client& client) {
  fn::messages_getStickerSet what;
  what.stickerset = tl::make<Set>();
  client.ask(e, what);
}

/// What goes out when somebody is logged in, in the order of its constructor; updates.getState is the caller's.
void ask_at_start(replayed_client& client) {
  client.ask<fn::messages_getAvailableReactions>(e);
  client.ask<fn::account_getDefaultEmojiStatuses>(e);
  ask_sticker_set<tl::inputStickerSetEmojiDefaultStatuses>(client);
  ask_sticker_set<tl::inputStickerSetAnimatedEmoji>(client);
  client.ask<fn::help_getTermsOfServiceUpdate>(e);
  fn::users_getFullUser full;
  full.id = myself();
  client.ask<fn::users_getFullUser>(need::answer, full, [&client](const auto& found) {
    EXPECT_EQ(found->full_user->id, client.user);
    const bool has_user = std::any_of(found->users.begin(), found->users.end(), [&client](const auto& each) {
      const auto* one = tl::as<tl::user>(each);
      return one != nullptr && one->id == client.user && one->self;
    });
    EXPECT_TRUE(has_user);
  });
  client.get_notify_settings();
  client.ask<fn::help_getAppConfig>(e);
  client.ask<fn::help_getPromoData>(e);
  client.ask<fn::messages_getDialogFilters>(e);
}

void load_main_list(replayed_client& client) {
  client.ask<fn::account_updateStatus>(e);
  client.load_chats(0, 20);
  client.ask<fn::contacts_getContacts>(e);
  ask_sticker_set<tl::inputStickerSetAnimatedEmojiAnimations>(client);
  ask_sticker_set<tl::inputStickerSetEmojiGenericAnimations>(client);
  client.settle();
}

// Goal: everything Telegram Desktop 4.6 sends from connect to idle. It probes with req_pq, makes a permanent and
// a temporary key on one connection, obfuscated abridged, binds without wrappers, asks for its configuration until
// it gets one, does not understand differenceTooLong, and loads its chats only after updates.getState.
TEST_F(client_replay, TelegramDesktopAtLayer152) {
  replayed_client client(node(), tdesktop());
  client.differences_may_be_cut = false;
  {
    // The probe, on a connection of its own that is then left.
    replayed_client probe(node(), tdesktop());
    auto single = probe.exchange_options();
    single.multi = false;
    EXPECT_TRUE(probe.wire.exchange(single)) << "req_pq";
  }
  client.make_key();
  use_temporary_key(client);
  EXPECT_TRUE(client.wire.ping(60));
  client.get_config();
  EXPECT_EQ(client.constructor, 0x232566acU);
  ask_while_nobody(client);
  ask_for_a_login_token(client);
  expect_nobody(client);
  client.sign_in();

  client.get_state();
  ask_at_start(client);
  client.settle();
  load_main_list(client);
  EXPECT_TRUE(client.wire.ping());
  EXPECT_TRUE(client.wire.ping(60));
  client.get_difference();
  client.get_config();
  expect_unknown_is_invalid(client);

  // A second start: a new temporary key stands for the same permanent one, and is logged in.
  client.resume();
  use_temporary_key(client);
  client.get_config();
  client.get_self();
  client.get_state();
  ask_at_start(client);
  client.settle();
  load_main_list(client);
  client.get_difference();
  log_out(client);
}

} // namespace
} // namespace godwit::test
