#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actors/account/method_scope.hpp"
#include "actors/account/static_calls.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/call.hpp"
#include "protocol/tl/api/call_fn.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "protocol/tl/api/langpack.hpp"
#include "protocol/tl/api/langpack_fn.hpp"
#include "protocol/tl/api/stickers.hpp"
#include "protocol/tl/api/stickers_fn.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "protocol/tl/method_table.hpp"
#include "protocol/tl/objects.hpp"
#include "tests/actors/account/account_client.hpp"

namespace godwit::account::testing {
namespace {

static_context at(layer_t layer) {
  static_context context;
  context.layer = layer;
  context.date = 1'700'000'000;
  context.dc = 3;
  context.addresses = {{"127.0.0.1", 4430}};
  return context;
}

class static_calls : public ::testing::TestWithParam<layer_t> {};
INSTANTIATE_TEST_SUITE_P(layers, static_calls, ::testing::Values(133, 135, 144, 152, 154, 198, 221, 227, 228, 229));

// this_dc is the DC that the client dialled, or TDLib asks again for ever; every DC id leads here.
TEST_P(static_calls, HelpGetConfigTellsEachClientThatItDialledTheRightDc) {
  const std::string answer = answer_static(call_bytes(tl::fn::help_getConfig(), GetParam()), at(GetParam())).value();
  tl::reader in(answer);
  const auto config = tl::config::fetch(in);
  ASSERT_TRUE(in.finish().has_value());
  EXPECT_EQ(config->this_dc, 3);
  EXPECT_GT(config->expires, config->date);
  EXPECT_FALSE(config->test_mode);
  std::set<std::int64_t> ids;
  for (const auto& each : config->dc_options) {
    ids.insert(each->id);
    EXPECT_EQ(each->ip_address, "127.0.0.1");
    EXPECT_EQ(each->port, 4430);
    EXPECT_FALSE(each->ipv6);
  }
  EXPECT_EQ(ids, (std::set<std::int64_t>{1, 2, 3, 4, 5}));
  EXPECT_FALSE(config->tmp_sessions.has_value()) << "it would make TDLib open several sessions";
}

// Clients that take one address of their DC stay where they are; those that go through all find the others.
TEST_P(static_calls, HelpGetConfigNamesTheNodesThatAreUp) {
  static_context context = at(GetParam());
  context.addresses = {{"127.0.0.2", 4430}, {"127.0.0.1", 4430}, {"2001:db8::1", 443}};
  const std::string answer = answer_static(call_bytes(tl::fn::help_getConfig(), GetParam()), context).value();
  tl::reader in(answer);
  const auto config = tl::config::fetch(in);
  std::map<std::int32_t, std::vector<dc_address>> told;
  for (const auto& each : config->dc_options) {
    told[each->id].push_back({each->ip_address, static_cast<std::uint16_t>(each->port)});
    EXPECT_EQ(each->ipv6, each->ip_address == "2001:db8::1");
  }
  EXPECT_EQ(told.size(), 5U);
  for (const auto& [id, addresses] : told) {
    EXPECT_EQ(addresses, context.addresses) << id;
  }
}

// Goal: the node that was dialled is first and told once, the rest are spread by the seed, and there is a bound.
TEST(static_addresses, BeginWithTheNodeThatWasDialled) {
  const dc_address dialled{"127.0.0.2", 4430};
  const public_addresses::list up{{"127.0.0.1", 4430}, dialled, {"127.0.0.3", 4430}, {"127.0.0.4", 4430}};
  std::map<std::string, int> second;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    auto told = addresses_for(dialled, up, seed);
    ASSERT_EQ(told.size(), 4U);
    EXPECT_EQ(told.front(), dialled);
    ++second[told[1].address];
    EXPECT_TRUE(std::is_permutation(told.begin(), told.end(), up.begin(), up.end()));
  }
  EXPECT_EQ(second.size(), 3U);
  for (const auto& [address, times] : second) {
    EXPECT_GT(times, 50) << address;
  }
  EXPECT_EQ(addresses_for(dialled, {}, 1), std::vector{dialled});
  public_addresses::list many;
  for (std::uint16_t port = 1; port < 100; ++port) {
    many.push_back({"127.0.0.1", port});
  }
  EXPECT_EQ(addresses_for(dialled, many, 1).size(), told_addresses_max);
  public_addresses shared;
  EXPECT_TRUE(shared.get()->empty());
  shared.set(up);
  EXPECT_EQ(*shared.get(), up);
}

// https://core.telegram.org/mtproto/auth_key: a dc is negative for media and beyond 10000 for a test DC.
TEST_P(static_calls, HelpGetConfigUnderstandsTheMarksOfDcIds) {
  const auto this_dc = [&](std::int32_t dialled) {
    static_context context = at(GetParam());
    context.dc = dialled;
    context.addresses = {{"2001:db8::1", 4430}};
    const std::string answer = answer_static(call_bytes(tl::fn::help_getConfig(), GetParam()), context).value();
    tl::reader in(answer);
    const auto config = tl::config::fetch(in);
    EXPECT_TRUE(config->dc_options.front()->ipv6);
    return std::pair(static_cast<std::int32_t>(config->this_dc), config->test_mode);
  };
  EXPECT_EQ(this_dc(-4), std::pair(4, false));
  EXPECT_EQ(this_dc(10'002), std::pair(2, true));
  EXPECT_EQ(this_dc(0), std::pair(2, false));
  EXPECT_EQ(this_dc(7), std::pair(7, false));
}

// Until layer 152 help.getAppConfig is JSON itself, from 154 on help.appConfig.
TEST_P(static_calls, HelpGetAppConfigIsEmptyInTheFormOfTheLayer) {
  tl::fn::help_getAppConfig call;
  const std::string answer = answer_static(call_bytes(call, GetParam()), at(GetParam())).value();
  tl::reader in(answer);
  const auto object = tl::fetch_object(in);
  ASSERT_TRUE(in.finish().has_value());
  EXPECT_EQ(object->kind(), GetParam() < 154 ? tl::jsonObject::kind_id : tl::help_appConfig::kind_id);
}

TEST_P(static_calls, NoLanguageIsTranslated) {
  tl::fn::langpack_getDifference call;
  call.lang_code = "de";
  call.from_version = 7;
  const std::string answer = answer_static(call_bytes(call, GetParam()), at(GetParam())).value();
  tl::reader in(answer);
  const auto difference = tl::langPackDifference::fetch(in);
  ASSERT_TRUE(in.finish().has_value());
  EXPECT_EQ(difference->lang_code, "de");
  EXPECT_EQ(difference->version, 7);
  EXPECT_TRUE(difference->strings.empty());
}

TEST_P(static_calls, AStickerSetIsInvalid) {
  tl::fn::messages_getStickerSet call;
  call.stickerset = tl::make<tl::inputStickerSetAnimatedEmoji>();
  const auto answer = answer_static(call_bytes(call, GetParam()), at(GetParam()));
  EXPECT_EQ(error_of(answer), rpc_errc::stickerset_invalid);
}

// --- every function of the schema ---

/// A call of this constructor whose fields are all zero, as far as zeros are a call.
std::string zeros(const tl::method_info& method) {
  std::string bytes;
  tl::writer out(bytes);
  out.write_id(method.constructor);
  for (int words = 0; words < 16; ++words) {
    tl::reader in(bytes);
    if (tl::fetch_function(in)) {
      return bytes;
    }
    out.write_int(0);
  }
  return {};
}

// Goal: what is said to be answered is answered, for every layer in which a client may ask, with an object that
// layer knows; what is not, is METHOD_INVALID. Method: every method of the schema that zeros can ask.
TEST(every_method, IsAnsweredByWhomItsScopeNames) {
  logic_world world;
  int answered = 0;
  for (const layer_t layer : {133, 135, 144, 152, 154, 165, 177, 198, 221, 227, 228, 229}) {
    account_client client(world, static_cast<std::uint64_t>(layer), layer);
    client.log_in(9996612345);
    for (const tl::method_info& each : tl::methods().infos) {
      const tl::method_info* method = &each;
      const std::string bytes = zeros(each);
      if (layer < each.first_layer || layer > each.last_layer || bytes.empty()) {
        continue;
      }
      rpc_result<std::string> answer = unexpected(rpc_error{rpc_errc::method_invalid});
      const method_scope scope = scope_of(method->constructor);
      if (scope == method_scope::user) {
        const cluster::entity_ref self = user_of(client.context.user.value());
        answer = world.ask(self, cluster::request_type::call, client.caller(), bytes);
      } else if (scope == method_scope::anonymous_static || scope == method_scope::static_needs_login) {
        answer = answer_static(bytes, at(layer));
      } else {
        continue;
      }
      ++answered;
      if (!answer) {
        const rpc_errc why = answer.error().errc;
        // A refusal of what zeros ask for, and not of the method.
        EXPECT_TRUE(code_of(why) == 400 && why != rpc_errc::method_invalid && why != rpc_errc::input_request_invalid)
          << method->name << " at " << layer << ": " << text_of(answer.error());
        continue;
      }
      tl::reader in(*answer);
      if (in.peek_id() == 0x1cb5c415 || in.peek_id() == 0x997275b5) {
        continue; // an empty vector, boolTrue
      }
      const auto object = tl::fetch_object(in);
      ASSERT_TRUE(in.finish().has_value()) << method->name << " at " << layer;
      EXPECT_TRUE(object->known_at(layer)) << method->name << " at " << layer;
    }
  }
  EXPECT_GT(answered, 600);
}

TEST(method_scope, TellsWhoAnswers) {
  EXPECT_EQ(scope_of(tl::fn::help_getConfig::kind_id), method_scope::anonymous_static);
  EXPECT_EQ(scope_of(tl::fn::messages_getAvailableReactions::kind_id), method_scope::static_needs_login);
  EXPECT_EQ(scope_of(0xbcd51581), method_scope::auth_flow) << "auth.signIn of old layers";
  EXPECT_EQ(scope_of(0x8d52a951), method_scope::auth_flow);
  EXPECT_EQ(scope_of(tl::fn::messages_getDialogs::kind_id), method_scope::user);
  EXPECT_EQ(scope_of(tl::fn::account_setAuthorizationTTL::kind_id), method_scope::unknown);
  EXPECT_EQ(scope_of(tl::fn::invokeWithLayer::kind_id), method_scope::unknown) << "the session unwraps";
  EXPECT_EQ(scope_of(0), method_scope::unknown);
  EXPECT_EQ(scope_of(0xffffffff), method_scope::unknown);
}

} // namespace
} // namespace godwit::account::testing
