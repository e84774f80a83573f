#include "tests/e2e/wire/tdlib_calls.hpp"

#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/call.hpp"
#include "protocol/tl/api/channels_fn.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/features.hpp"
#include "protocol/tl/api/features_fn.hpp"
#include "protocol/tl/api/help.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "protocol/tl/api/langpack.hpp"
#include "protocol/tl/api/langpack_fn.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/messages_fn.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/notify_fn.hpp"
#include "protocol/tl/api/payments.hpp"
#include "protocol/tl/api/payments_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/stickers.hpp"
#include "protocol/tl/api/stickers_fn.hpp"
#include "protocol/tl/api/stories.hpp"
#include "protocol/tl/api/stories_fn.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"

namespace godwit::test {
namespace {

namespace fn = tl::fn;

constexpr need e = need::tolerated;

/// The layer of tdweb; those of the later TDLib are above.
constexpr layer_t tdweb = 135;

template <class Set>
void ask_sticker_set(replayed_client& client) {
  fn::messages_getStickerSet what;
  what.stickerset = tl::make<Set>();
  client.ask(e, what);
}

/// Calls that layer 135 has no word for.
void ask_newer_at_start(replayed_client& client) {
  client.ask<fn::messages_getAttachMenuBots>(e);
  client.ask<fn::account_getReactionsNotifySettings>(e);
  client.ask<fn::messages_getAvailableReactions>(e);
  client.ask<fn::messages_getAvailableEffects>(e);
  client.ask<fn::help_getPeerColors>(e);
  client.ask<fn::help_getPeerProfileColors>(e);
  client.ask<fn::aicompose_getTones>(e);
  client.ask<fn::account_getWebBrowserSettings>(e);
  client.ask<fn::account_getSavedMusicIds>(e);
}

void ask_top_peers(replayed_client& client) {
  fn::contacts_getTopPeers what;
  what.correspondents = what.groups = what.channels = true;
  what.limit = 100;
  client.ask(e, what);
}

void ask_online_lists(replayed_client& client) {
  client.ask<fn::messages_getSavedGifs>(e);
  client.ask<fn::account_getAutoSaveSettings>(e);
  for (int kind = 0; kind < 3; ++kind) {
    fn::channels_getAdminedPublicChannels what;
    what.by_location = kind == 1;
    what.for_personal = kind == 2;
    client.ask(e, what);
  }
  client.ask<fn::account_getDefaultEmojiStatuses>(e);
  client.ask<fn::account_getChannelDefaultEmojiStatuses>(e);
  client.ask<fn::account_getRecentEmojiStatuses>(e);
  client.ask<fn::account_getCollectibleEmojiStatuses>(e);
  client.ask<fn::messages_getPaidReactionPrivacy>(e);
  client.ask<fn::account_getSavedRingtones>(e);
  client.ask<fn::account_getReactionsNotifySettings>(e);
  client.get_notify_settings();
  client.ask<fn::messages_getQuickReplies>(e);
  client.ask<fn::messages_getAvailableReactions>(e);
  client.ask<fn::messages_getAvailableEffects>(e);
  client.ask<fn::messages_getRecentReactions>(e);
  client.ask<fn::messages_getTopReactions>(e);
  client.ask<fn::messages_getDefaultTagReactions>(e);
  for (const bool ton : {false, true}) {
    fn::payments_getStarsStatus what;
    what.ton = ton;
    what.peer = tl::make<tl::inputPeerSelf>();
    client.ask(e, what);
  }
}

void ask_stickers(replayed_client& client) {
  client.ask<fn::messages_getAllStickers>(e);
  client.ask<fn::messages_getMaskStickers>(e);
  client.ask<fn::messages_getEmojiStickers>(e);
  client.ask<fn::messages_getFeaturedStickers>(e);
  client.ask<fn::messages_getFeaturedEmojiStickers>(e);
  for (const bool attached : {false, true}) {
    fn::messages_getRecentStickers what;
    what.attached = attached;
    client.ask(e, what);
  }
  client.ask<fn::messages_getFavedStickers>(e);
  ask_sticker_set<tl::inputStickerSetAnimatedEmoji>(client);
  ask_sticker_set<tl::inputStickerSetAnimatedEmojiAnimations>(client);
  ask_sticker_set<tl::inputStickerSetPremiumGifts>(client);
  ask_sticker_set<tl::inputStickerSetEmojiGenericAnimations>(client);
  ask_sticker_set<tl::inputStickerSetEmojiDefaultStatuses>(client);
  ask_sticker_set<tl::inputStickerSetEmojiChannelDefaultStatuses>(client);
  ask_sticker_set<tl::inputStickerSetEmojiDefaultTopicIcons>(client);
  ask_sticker_set<tl::inputStickerSetTonGifts>(client);
  client.ask<fn::account_getDefaultGroupPhotoEmojis>(e);
  client.ask<fn::account_getDefaultProfilePhotoEmojis>(e);
  client.ask<fn::account_getDefaultBackgroundEmojis>(e);
  client.ask<fn::account_getChannelRestrictedStatusEmojis>(e);
}

/// The shorter list of tdweb.
void ask_tdweb_lists(replayed_client& client) {
  client.ask<fn::messages_getAllStickers>(e);
  client.ask<fn::messages_getMaskStickers>(e);
  client.ask<fn::messages_getFeaturedStickers>(e);
  client.ask<fn::messages_getRecentStickers>(e);
  client.ask<fn::messages_getFavedStickers>(e);
  client.ask<fn::messages_getSavedGifs>(e);
  ask_sticker_set<tl::inputStickerSetAnimatedEmoji>(client);
  ask_sticker_set<tl::inputStickerSetAnimatedEmojiAnimations>(client);
}

} // namespace

void ask_before_login(replayed_client& client) {
  client.ask<fn::help_getAppConfig>(e);
  client.ask<fn::help_getNearestDc>(e);
  fn::langpack_getDifference difference;
  difference.lang_pack = "tdesktop";
  difference.lang_code = "en";
  client.ask(e, difference);
  fn::langpack_getLangPack pack;
  pack.lang_pack = "tdesktop";
  pack.lang_code = "en";
  client.ask(e, pack);
  fn::langpack_getLanguages languages;
  languages.lang_pack = "tdesktop";
  client.ask(e, languages);
}

void ask_at_start(replayed_client& client) {
  client.ask<fn::messages_getDialogFilters>(e);
  client.get_notify_settings();
  client.ask<fn::account_updateStatus>(e);
  client.ask<fn::help_getPromoData>(e);
  client.ask<fn::help_getTermsOfServiceUpdate>(e);
  client.ask<fn::account_getChatThemes>(e);
  ask_top_peers(client);
  if (client.profile.layer > tdweb) {
    ask_newer_at_start(client);
  } else {
    ask_tdweb_lists(client);
  }
  client.ask<fn::help_getAppConfig>(e);
  client.ask<fn::account_getContentSettings>(e);
}

void ask_when_online(replayed_client& client) {
  if (client.profile.layer > tdweb) {
    ask_online_lists(client);
    ask_stickers(client);
    client.ask<fn::help_getPeerColors>(e);
    client.ask<fn::help_getPeerProfileColors>(e);
    client.ask<fn::help_getTimezonesList>(e);
    client.ask<fn::aicompose_getTones>(e);
    client.ask<fn::contacts_getBirthdays>(e);
    client.ask<fn::account_getSavedMusicIds>(e);
    client.ask<fn::account_getWebBrowserSettings>(e);
    client.ask<fn::stories_getAllStories>(e);
    client.ask<fn::stories_getAllReadPeerStories>(e);
  }
  client.ask<fn::account_getChatThemes>(e);
  fn::users_getFullUser full;
  full.id = myself();
  client.ask(e, full);
}

} // namespace godwit::test
