#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>
#include <tuple>

#include "protocol/tl/methods.hpp"
#include "tests/protocol/tl/sampler.hpp"
#include "tests/protocol/tl/schema_files.hpp"

namespace godwit::tl {
namespace {

using schema::definition;

// The number of a constructor is the CRC32 of its line; this computes it with the check value of the CRC's
// catalogue first. https://core.telegram.org/mtproto/TL-formal#general-syntax-of-tl-description-lines
TEST(tl_schema, EveryNumberIsTheCrcOfItsLine) {
  EXPECT_EQ(schema::canonical_id("123456789;"), 0xcbf43926U);
  EXPECT_EQ(schema::canonical_id("boolTrue#997275b5 = Bool;"), 0x997275b5U);
  std::size_t lines = 0;
  for (const schema::model* each : {&api_model(), &mt_model()}) {
    for (const schema::unit& file : each->units) {
      for (const definition& line : file.definitions) {
        EXPECT_EQ(line.id, schema::canonical_id(line.line)) << line.place;
        ++lines;
      }
    }
  }
  EXPECT_GT(lines, 800U);
}

// Two names never share a number, and lines of one name that do differ only in flags without a value.
TEST(tl_schema, ANumberBelongsToOneName) {
  std::map<std::uint32_t, std::string> names;
  for (const schema::unit& file : api_model().units) {
    for (const definition& line : file.definitions) {
      const auto [found, is_new] = names.emplace(line.id, line.name);
      EXPECT_EQ(found->second, line.name) << line.place;
    }
  }
}

struct called {
  int layer;
  std::string names;
};

// What the clients call from connect to idle at the layers they speak, as read from their sources and seen on
// the wire: Telethon 1.25, tdweb 1.8.0, Telegram Desktop 4.6, GramJS 2.26, mtcute, TDLib 1.8.67.
TEST(tl_schema, EveryMethodThatTheClientsNeedIsKnownAtTheirLayer) {
  const std::vector<called> clients = {
    {135,
     "invokeWithLayer initConnection help.getConfig help.getAppConfig auth.sendCode auth.signIn auth.signUp "
     "auth.resendCode "
     "messages.getDialogFilters account.getNotifySettings contacts.getTopPeers updates.getState updates.getDifference "
     "account.updateStatus help.getTermsOfServiceUpdate help.getPromoData account.getContentSettings "
     "messages.getPinnedDialogs messages.getDialogs messages.getAllDrafts help.getNearestDc account.getThemes"},
    {144,
     "invokeWithLayer initConnection help.getConfig users.getUsers auth.sendCode auth.resendCode auth.signIn "
     "auth.signUp "
     "help.acceptTermsOfService account.getPassword auth.checkPassword auth.importBotAuthorization updates.getState "
     "messages.getDialogs messages.getAllDrafts updates.getDifference updates.getChannelDifference "
     "auth.exportAuthorization auth.importAuthorization contacts.resolveUsername messages.getChats "
     "channels.getChannels "
     "contacts.getContacts auth.logOut account.getAuthorizations account.resetAuthorization auth.resetAuthorizations"},
    {152,
     "auth.bindTempAuthKey invokeWithLayer initConnection help.getConfig help.getAppConfig langpack.getLangPack "
     "langpack.getDifference langpack.getStrings help.getNearestDc auth.exportLoginToken auth.importLoginToken "
     "auth.sendCode auth.signIn auth.resendCode auth.cancelCode account.getPassword auth.checkPassword auth.signUp "
     "updates.getState messages.getAvailableReactions account.getDefaultEmojiStatuses messages.getStickerSet "
     "help.getTermsOfServiceUpdate users.getFullUser account.getNotifySettings help.getPromoData "
     "messages.getDialogFilters messages.getDialogs messages.getPinnedDialogs account.updateStatus "
     "contacts.getContacts "
     "updates.getDifference messages.getPeerSettings messages.getAllStickers messages.getRecentStickers "
     "messages.getFavedStickers messages.getFeaturedStickers messages.getSavedGifs messages.getEmojiStickers "
     "messages.getEmojiKeywordsLanguages messages.getEmojiKeywords invokeAfterMsg invokeAfterMsgs "
     "invokeWithoutUpdates"},
    {198, "invokeWithLayer initConnection help.getConfig updates.getState auth.sendCode auth.resendCode auth.signIn "
          "auth.signUp account.getPassword auth.checkPassword help.acceptTermsOfService auth.importBotAuthorization "
          "auth.exportLoginToken auth.importLoginToken users.getUsers messages.getDialogs auth.exportAuthorization "
          "auth.importAuthorization auth.logOut"},
    {221, "invokeWithLayer initConnection updates.getState users.getUsers auth.sendCode auth.resendCode auth.signIn "
          "updates.getDifference messages.getDialogs messages.getPinnedDialogs messages.getDialogFilters"},
    {227, "invokeWithLayer initConnection updates.getState users.getUsers auth.sendCode auth.resendCode auth.signIn "
          "updates.getDifference messages.getDialogs messages.getPinnedDialogs messages.getDialogFilters "
          "messages.getPeerDialogs updates.getChannelDifference help.getConfig help.getAppConfig auth.logOut"},
    {229,
     "invokeWithLayer initConnection help.getConfig help.getAppConfig help.getNearestDc langpack.getDifference "
     "langpack.getLangPack langpack.getLanguages auth.sendCode auth.resendCode auth.cancelCode auth.signIn auth.signUp "
     "account.getPassword auth.checkPassword auth.exportLoginToken messages.getAttachMenuBots "
     "messages.getDialogFilters "
     "account.getNotifySettings account.getReactionsNotifySettings account.updateStatus help.getPromoData "
     "messages.getAvailableReactions messages.getAvailableEffects help.getTermsOfServiceUpdate account.getChatThemes "
     "help.getPeerColors help.getPeerProfileColors contacts.getTopPeers aicompose.getTones updates.getState "
     "account.getWebBrowserSettings account.getContentSettings account.getSavedMusicIds updates.getDifference "
     "messages.getPinnedDialogs messages.getDialogs messages.getAllDrafts messages.getSavedGifs "
     "account.getAutoSaveSettings channels.getAdminedPublicChannels account.getDefaultEmojiStatuses "
     "account.getChannelDefaultEmojiStatuses account.getRecentEmojiStatuses account.getCollectibleEmojiStatuses "
     "messages.getPaidReactionPrivacy account.getSavedRingtones messages.getQuickReplies messages.getRecentReactions "
     "messages.getTopReactions messages.getDefaultTagReactions payments.getStarsStatus messages.getAllStickers "
     "messages.getMaskStickers messages.getEmojiStickers messages.getFeaturedStickers "
     "messages.getFeaturedEmojiStickers "
     "messages.getRecentStickers messages.getFavedStickers messages.getStickerSet account.getDefaultGroupPhotoEmojis "
     "account.getDefaultProfilePhotoEmojis account.getDefaultBackgroundEmojis account.getChannelRestrictedStatusEmojis "
     "help.getTimezonesList contacts.getBirthdays stories.getAllStories stories.getAllReadPeerStories "
     "users.getFullUser "
     "messages.getPeerSettings updates.getChannelDifference auth.logOut auth.bindTempAuthKey account.getAuthorizations "
     "account.resetAuthorization auth.resetAuthorizations"},
  };
  std::set<std::pair<int, std::string>> known;
  for (const schema::unit& file : api_model().units) {
    for (const definition& line : file.definitions) {
      for (const called& client : clients) {
        if (line.is_function && is_current(line, client.layer)) {
          known.emplace(client.layer, line.name);
          const method_info* info = find_method(line.id);
          ASSERT_NE(info, nullptr) << line.name;
          EXPECT_EQ(info->name, line.name);
        }
      }
    }
  }
  for (const called& client : clients) {
    std::istringstream words(client.names);
    for (std::string name; words >> name;) {
      EXPECT_TRUE(known.contains({client.layer, name})) << name << " at " << client.layer;
    }
  }
}

} // namespace
} // namespace godwit::tl
