// Results whose type changed: what the older layer gets is its own type, and reads back as the newest.

#include <gtest/gtest.h>

#include <string>

#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/call.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/messages_fn.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/stories.hpp"
#include "protocol/tl/api/stories_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"

namespace godwit::tl {
namespace {

template <class Function>
std::string stored(const typename Function::result& value, layer_t layer) {
  std::string bytes;
  writer out(bytes);
  Function::store_result(out, value, layer);
  EXPECT_TRUE(out.ok()) << to_string(out.error());
  return bytes;
}

template <class Function>
typename Function::result fetched(const std::string& bytes, layer_t layer) {
  reader in(bytes);
  auto value = Function::fetch_result(in, layer);
  EXPECT_TRUE(in.finish()) << to_string(in.error());
  return value;
}

std::uint32_t first_id(const std::string& bytes) { return reader(bytes).read_id(); }

TEST(tl_results, LogOutSaysTrueUpTo134) {
  const fn::auth_logOut::result value = make<auth_loggedOut>();
  EXPECT_EQ(first_id(stored<fn::auth_logOut>(value, 134)), 0x997275b5U);
  EXPECT_EQ(first_id(stored<fn::auth_logOut>(value, 135)), 0xc3a2835fU);
  for (const layer_t layer : {134, 135}) {
    EXPECT_NE(fetched<fn::auth_logOut>(stored<fn::auth_logOut>(value, layer), layer), nullptr);
  }
}

TEST(tl_results, AppConfigIsBareJsonUpTo153) {
  fn::help_getAppConfig::result value;
  {
    auto config = make<help_appConfig>();
    config->hash = 1;
    config->config = make<jsonObject>();
    value = std::move(config);
  }
  EXPECT_EQ(first_id(stored<fn::help_getAppConfig>(value, 152)), 0x99c1d49dU);
  EXPECT_EQ(first_id(stored<fn::help_getAppConfig>(value, 153)), 0x99c1d49dU);
  EXPECT_EQ(first_id(stored<fn::help_getAppConfig>(value, 154)), 0xdd18782eU);
  for (const layer_t layer : {152, 154}) {
    const auto again = fetched<fn::help_getAppConfig>(stored<fn::help_getAppConfig>(value, layer), layer);
    const auto* config = as<help_appConfig>(again);
    ASSERT_NE(config, nullptr);
    EXPECT_NE(as<jsonObject>(config->config), nullptr);
  }
}

TEST(tl_results, DialogFiltersAreABareVectorUpTo175) {
  fn::messages_getDialogFilters::result value = make<messages_dialogFilters>();
  value->filters.push_back(make<dialogFilterDefault>());
  EXPECT_EQ(first_id(stored<fn::messages_getDialogFilters>(value, 175)), 0x1cb5c415U);
  EXPECT_EQ(first_id(stored<fn::messages_getDialogFilters>(value, 176)), 0x2ad93719U);
  for (const layer_t layer : {175, 176}) {
    const auto again =
      fetched<fn::messages_getDialogFilters>(stored<fn::messages_getDialogFilters>(value, layer), layer);
    ASSERT_NE(again, nullptr);
    EXPECT_EQ(again->filters.size(), 1U);
  }
}

TEST(tl_results, PeerSettingsStoodAloneUpTo134) {
  fn::messages_getPeerSettings::result value = make<messages_peerSettings>();
  value->settings = make<peerSettings>();
  value->settings->add_contact = true;
  for (const layer_t layer : {134, 135, 229}) {
    const auto again = fetched<fn::messages_getPeerSettings>(stored<fn::messages_getPeerSettings>(value, layer), layer);
    ASSERT_TRUE(again != nullptr && again->settings != nullptr);
    EXPECT_TRUE(again->settings->add_contact);
  }
}

TEST(tl_results, StoriesAreAnsweredInTheFormsOfTheirLayers) {
  fn::stories_canSendStory::result room = make<stories_canSendStoryCount>();
  room->count_remains = 3;
  EXPECT_EQ(first_id(stored<fn::stories_canSendStory>(room, 202)), 0x997275b5U);
  EXPECT_EQ(fetched<fn::stories_canSendStory>(stored<fn::stories_canSendStory>(room, 203), 203)->count_remains, 3);
  room->count_remains = 0;
  EXPECT_EQ(first_id(stored<fn::stories_canSendStory>(room, 164)), 0xbc799737U);

  fn::stories_getPeerMaxIDs::result ids;
  ids.push_back(make<recentStory>());
  ids.push_back(make<recentStory>());
  ids.back()->max_id = 9;
  for (const layer_t layer : {216, 217}) {
    const auto again = fetched<fn::stories_getPeerMaxIDs>(stored<fn::stories_getPeerMaxIDs>(ids, layer), layer);
    ASSERT_EQ(again.size(), 2U);
    EXPECT_EQ(again[0]->max_id, std::nullopt);
    EXPECT_EQ(again[1]->max_id, 9);
  }
}

TEST(tl_results, AFullUserHoldsTheUserUpTo134) {
  fn::users_getFullUser::result value = make<users_userFull>();
  value->full_user = make<userFull>();
  value->full_user->id = 5;
  value->full_user->settings = make<peerSettings>();
  value->full_user->notify_settings = make<peerNotifySettings>();
  auto who = make<user>();
  who->id = 5;
  who->access_hash = 6;
  value->users.push_back(std::move(who));
  for (const layer_t layer : {134, 135, 229}) {
    const auto again = fetched<fn::users_getFullUser>(stored<fn::users_getFullUser>(value, layer), layer);
    ASSERT_NE(again, nullptr);
    ASSERT_EQ(again->users.size(), 1U) << layer;
    EXPECT_EQ(as<user>(again->users[0])->access_hash, 6) << layer;
  }
  EXPECT_NE(value->users[0], nullptr) << "lent and given back";
}

TEST(tl_results, ChatThemesHadATypeOfTheirOwnAt133) {
  const fn::account_getChatThemes::result value = make<account_themes>();
  EXPECT_EQ(first_id(stored<fn::account_getChatThemes>(value, 133)), 0xfe4cbebdU);
  EXPECT_EQ(first_id(stored<fn::account_getChatThemes>(value, 134)), 0x9a3d8c6dU);
  EXPECT_NE(as<account_themes>(fetched<fn::account_getChatThemes>(stored<fn::account_getChatThemes>(value, 133), 133)),
            nullptr);
}

// A mandatory object that is missing is an error of the writer, not of the program.
TEST(tl_results, AMissingObjectFailsTheWriter) {
  std::string bytes;
  writer out(bytes);
  fn::users_getFullUser::store_result(out, nullptr, 229);
  EXPECT_EQ(out.error(), tl_errc::missing_object);
  writer second(bytes);
  auth_sentCode().store(second, 229);
  EXPECT_EQ(second.error(), tl_errc::missing_object);
}

} // namespace
} // namespace godwit::tl
