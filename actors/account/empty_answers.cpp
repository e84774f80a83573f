#include "actors/account/empty_answers.hpp"

#include <unordered_map>

#include "actors/account/user_views.hpp"
#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/channels_fn.hpp"
#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/features.hpp"
#include "protocol/tl/api/features_fn.hpp"
#include "protocol/tl/api/help.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/messages_fn.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/notify_fn.hpp"
#include "protocol/tl/api/payments.hpp"
#include "protocol/tl/api/payments_fn.hpp"
#include "protocol/tl/api/stickers.hpp"
#include "protocol/tl/api/stickers_fn.hpp"
#include "protocol/tl/api/stories.hpp"
#include "protocol/tl/api/stories_fn.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"

namespace godwit::account {
namespace {

using tl::box;
using tl::make;
namespace fn = tl::fn;

/// The empty object; null stands for an empty vector.
using maker = box<tl::object> (*)(const empty_context&);

struct entry {
  empty_kind kind = empty_kind::none;
  maker make_answer = nullptr;
};

/// A type whose fields may all stay as they are made.
template <class T>
box<tl::object> plain(const empty_context& /*context*/) {
  return make<T>();
}

box<tl::object> empty_vector(const empty_context& /*context*/) { return nullptr; }

box<tl::object> no_updates(const empty_context& context) {
  auto updates = make<tl::updates>();
  updates->date = context.date;
  return updates;
}

box<tl::object> dialog_filters(const empty_context& context) {
  auto filters = make<tl::messages_dialogFilters>();
  // Every account has the list of all chats, and TDLib misses it when it is not named.
  filters->filters.push_back(make<tl::dialogFilterDefault>());
  return filters->known_at(context.layer) ? std::move(filters) : nullptr;
}

box<tl::object> chat_themes(const empty_context& context) {
  auto themes = make<tl::account_themes>();
  if (context.layer >= 134) {
    return themes;
  }
  return make<tl::account_chatThemes>();
}

/// How long clients may keep an answer that says there is nothing.
constexpr std::int32_t keep_seconds = 3600;

template <class T>
box<tl::object> expiring(const empty_context& context) {
  auto answer = make<T>();
  answer->expires = context.date + keep_seconds;
  return answer;
}

box<tl::object> all_stories(const empty_context& /*context*/) {
  auto stories = make<tl::stories_allStories>();
  stories->state.assign(1, '0'); // says nothing to anyone but us, and clients take none for a fault
  stories->stealth_mode = make<tl::storiesStealthMode>();
  return stories;
}

box<tl::object> reactions_notify(const empty_context& /*context*/) {
  auto settings = make<tl::reactionsNotifySettings>();
  settings->sound = make<tl::notificationSoundDefault>();
  settings->show_previews = true;
  return settings;
}

box<tl::object> auto_save(const empty_context& /*context*/) {
  auto settings = make<tl::account_autoSaveSettings>();
  settings->users_settings = make<tl::autoSaveSettings>();
  settings->chats_settings = make<tl::autoSaveSettings>();
  settings->broadcasts_settings = make<tl::autoSaveSettings>();
  return settings;
}

box<tl::object> no_stars(const empty_context& /*context*/) {
  auto status = make<tl::payments_starsStatus>();
  status->balance = make<tl::starsAmount>();
  return status;
}

template <class Function>
std::pair<const std::uint32_t, entry> own(maker make_answer) {
  return {Function::kind_id, {empty_kind::of_account, make_answer}};
}
template <class Function>
std::pair<const std::uint32_t, entry> common(maker make_answer) {
  return {Function::kind_id, {empty_kind::of_everybody, make_answer}};
}

std::unordered_map<std::uint32_t, entry> lists_of_accounts() {
  return {
    own<fn::messages_getDialogFilters>(dialog_filters),
    own<fn::messages_getSuggestedDialogFilters>(empty_vector),
    own<fn::messages_getSavedDialogs>(plain<tl::messages_savedDialogs>),
    own<fn::messages_getPinnedSavedDialogs>(plain<tl::messages_savedDialogs>),
    own<fn::messages_getAllStickers>(plain<tl::messages_allStickers>),
    own<fn::messages_getMaskStickers>(plain<tl::messages_allStickers>),
    own<fn::messages_getEmojiStickers>(plain<tl::messages_allStickers>),
    own<fn::messages_getArchivedStickers>(plain<tl::messages_archivedStickers>),
    own<fn::messages_getFavedStickers>(plain<tl::messages_favedStickers>),
    own<fn::messages_getRecentStickers>(plain<tl::messages_recentStickers>),
    own<fn::messages_getSavedGifs>(plain<tl::messages_savedGifs>),
    own<fn::messages_getRecentReactions>(plain<tl::messages_reactions>),
    own<fn::messages_getSavedReactionTags>(plain<tl::messages_savedReactionTags>),
    own<fn::messages_getQuickReplies>(plain<tl::messages_quickReplies>),
    own<fn::messages_getDefaultHistoryTTL>(plain<tl::defaultHistoryTTL>),
    own<fn::channels_getAdminedPublicChannels>(plain<tl::messages_chats>),
    own<fn::channels_getLeftChannels>(plain<tl::messages_chats>),
    own<fn::contacts_getSaved>(empty_vector),
    own<fn::contacts_getBirthdays>(plain<tl::contacts_contactBirthdays>),
    own<fn::contacts_getTopPeers>(plain<tl::contacts_topPeersDisabled>),
    own<fn::account_getReactionsNotifySettings>(reactions_notify),
    own<fn::account_getContentSettings>(plain<tl::account_contentSettings>),
    own<fn::account_getSavedMusicIds>(plain<tl::account_savedMusicIds>),
    own<fn::account_getSavedRingtones>(plain<tl::account_savedRingtones>),
    own<fn::account_getRecentEmojiStatuses>(plain<tl::account_emojiStatuses>),
    own<fn::account_getCollectibleEmojiStatuses>(plain<tl::account_emojiStatuses>),
    own<fn::account_getConnectedBots>(plain<tl::account_connectedBots>),
    own<fn::account_getBusinessChatLinks>(plain<tl::account_businessChatLinks>),
    own<fn::account_getWebAuthorizations>(plain<tl::account_webAuthorizations>),
    own<fn::stories_getAllStories>(all_stories),
    own<fn::stories_getAllReadPeerStories>(no_updates),
    own<fn::stories_getAllReadUserStories>(no_updates),
    own<fn::stories_getChatsToSend>(plain<tl::messages_chats>),
    own<fn::account_getAutoSaveSettings>(auto_save),
    own<fn::account_getWebBrowserSettings>(plain<tl::account_webBrowserSettings>),
    own<fn::messages_getCommonChats>(plain<tl::messages_chats>),
    own<fn::messages_getPaidReactionPrivacy>(no_updates),
    own<fn::payments_getStarsStatus>(no_stars),
    own<fn::premium_getMyBoosts>(plain<tl::premium_myBoosts>),
  };
}

std::unordered_map<std::uint32_t, entry> lists_of_everybody() {
  return {
    common<fn::messages_getAttachMenuBots>(plain<tl::attachMenuBots>),
    common<fn::messages_getAvailableReactions>(plain<tl::messages_availableReactions>),
    common<fn::messages_getAvailableEffects>(plain<tl::messages_availableEffects>),
    common<fn::messages_getTopReactions>(plain<tl::messages_reactions>),
    common<fn::messages_getDefaultTagReactions>(plain<tl::messages_reactions>),
    common<fn::messages_getFeaturedStickers>(plain<tl::messages_featuredStickers>),
    common<fn::messages_getFeaturedEmojiStickers>(plain<tl::messages_featuredStickers>),
    common<fn::messages_getOldFeaturedStickers>(plain<tl::messages_featuredStickers>),
    common<fn::messages_getEmojiGroups>(plain<tl::messages_emojiGroups>),
    common<fn::messages_getEmojiProfilePhotoGroups>(plain<tl::messages_emojiGroups>),
    common<fn::messages_getEmojiStatusGroups>(plain<tl::messages_emojiGroups>),
    common<fn::messages_getEmojiStickerGroups>(plain<tl::messages_emojiGroups>),
    common<fn::messages_getEmojiKeywordsLanguages>(empty_vector),
    common<fn::messages_getEmojiGameInfo>(plain<tl::messages_emojiGameUnavailable>),
    common<fn::account_getDefaultEmojiStatuses>(plain<tl::account_emojiStatuses>),
    common<fn::account_getChannelDefaultEmojiStatuses>(plain<tl::account_emojiStatuses>),
    common<fn::account_getDefaultBackgroundEmojis>(plain<tl::emojiList>),
    common<fn::account_getDefaultGroupPhotoEmojis>(plain<tl::emojiList>),
    common<fn::account_getDefaultProfilePhotoEmojis>(plain<tl::emojiList>),
    common<fn::account_getChannelRestrictedStatusEmojis>(plain<tl::emojiList>),
    common<fn::account_getChatThemes>(chat_themes),
    common<fn::account_getThemes>(plain<tl::account_themes>),
    common<fn::account_getWallPapers>(plain<tl::account_wallPapers>),
    common<fn::aicompose_getTones>(plain<tl::aicompose_tones>),
    common<fn::bots_getPopularAppBots>(plain<tl::bots_popularAppBots>),
    common<fn::contacts_getSponsoredPeers>(plain<tl::contacts_sponsoredPeersEmpty>),
    common<fn::help_getPeerColors>(plain<tl::help_peerColors>),
    common<fn::help_getPeerProfileColors>(plain<tl::help_peerColors>),
    common<fn::help_getTimezonesList>(plain<tl::help_timezonesList>),
    common<fn::help_getPromoData>(expiring<tl::help_promoDataEmpty>),
    common<fn::help_getTermsOfServiceUpdate>(expiring<tl::help_termsOfServiceUpdateEmpty>),
  };
}

const entry* find(std::uint32_t kind) {
  static const auto table = [] {
    auto all = lists_of_accounts();
    all.merge(lists_of_everybody());
    return all;
  }();
  const auto found = table.find(kind);
  return found == table.end() ? nullptr : &found->second;
}

} // namespace

std::optional<rpc_result<std::string>> empty_answer(const tl::fn::function& call, const empty_context& context) {
  const entry* known = find(call.kind());
  if (known == nullptr || (known->kind == empty_kind::of_account && context.box == nullptr)) {
    return std::nullopt;
  }
  if (const box<tl::object> answer = known->make_answer(context)) {
    return stored(*answer, context.layer);
  }
  std::string bytes;
  tl::writer(bytes).write_vector(0);
  return bytes;
}

empty_kind empty_kind_of(std::uint32_t kind) {
  const entry* known = find(kind);
  return known == nullptr ? empty_kind::none : known->kind;
}

} // namespace godwit::account
