#include "tests/e2e/wire/replayed_client.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/notify_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "protocol/tl/mt/service.hpp"

namespace godwit::test {
namespace {

socket_client_options client_options(const wire_node& node, const client_profile& profile) {
  socket_client_options options;
  options.to = node.address();
  options.transport = profile.transport;
  options.dc = static_cast<std::int16_t>(profile.dc);
  options.layer = profile.layer;
  options.device = profile.device;
  options.pack_above_bytes = profile.pack_above_bytes;
  return options;
}

/// Seconds by which what a node calls now may differ from ours, on a machine under load.
constexpr std::int32_t clock_slack = 30;
constexpr std::int32_t main_list = 0;

} // namespace

std::int32_t seconds_now() { return static_cast<std::int32_t>(socket_client::now() / 1000); }

tl::box<tl::InputUser> myself() { return tl::make<tl::inputUserSelf>(); }

std::string zlib_packed(std::string_view content) {
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (const char each : content) {
    a = (a + static_cast<unsigned char>(each)) % 65521;
    b = (b + a) % 65521;
  }
  // One stored block: what follows the header is read by any inflater.
  std::string stream("\x78\x9c\x01", 3);
  const auto size = static_cast<std::uint16_t>(content.size());
  for (const std::uint16_t word : {size, static_cast<std::uint16_t>(~size)}) {
    stream.push_back(static_cast<char>(word & 0xff));
    stream.push_back(static_cast<char>(word >> 8));
  }
  stream += content;
  for (const std::uint32_t word : {b >> 8, b & 0xff, a >> 8, a & 0xff}) {
    stream.push_back(static_cast<char>(word));
  }
  std::string packed;
  tl::writer out(packed);
  out.write_id(mtproto::constructor::gzip_packed);
  out.write_bytes(stream);
  return packed;
}

client_profile profile_of(std::string name, layer_t layer, mtproto::transport_kind transport) {
  client_profile made;
  made.name = std::move(name);
  made.layer = layer;
  made.transport = transport;
  return made;
}

replayed_client::replayed_client(wire_node& at, client_profile who)
    : node(at), profile(std::move(who)), wire(client_options(at, profile)) {}

// --- calls ----------------------------------------------------------------------------------------

void replayed_client::queue(std::string name, need wanted, const std::string& query, check problem) {
  ASSERT_FALSE(query.empty()) << name << " does not exist at layer " << profile.layer;
  const bool wrap = profile.wraps == wrapping::first ? !wrapped_one_ : !answered_one_;
  wrapped_one_ = true;
  waiting_.push_back(
    {std::move(name), wanted, wire.session->call(wrap ? wire.wrapped(query) : query), std::move(problem)});
}

void replayed_client::settle() {
  for (waiting_call& each : std::exchange(waiting_, {})) {
    SCOPED_TRACE(profile.name + ": " + each.name);
    const mtproto::client_answer answer = wire.wait(each.call);
    if (answer.is_error) {
      const bool fine = each.wanted == need::tolerated && answer.error_code == 400;
      EXPECT_TRUE(fine) << answer.error_code << " " << answer.error_text;
      continue;
    }
    answered_one_ = true;
    constructor = tl::reader(answer.result.bytes()).peek_id();
    EXPECT_EQ(each.problem(answer.result.text()), "");
  }
}

void replayed_client::refused(const tl::fn::function& what, std::int32_t code, const std::string& text) {
  const mtproto::client_answer answer = wire.call(wire.bytes(what));
  EXPECT_TRUE(answer.is_error) << profile.name;
  EXPECT_EQ(answer.error_code, code) << profile.name;
  EXPECT_EQ(answer.error_text, text) << profile.name;
}

// --- keys and sessions ----------------------------------------------------------------------------

mtproto::client_handshake_options replayed_client::exchange_options(bool temporary) const {
  mtproto::client_handshake_options options = node.exchange_options();
  options.rsa_pad = profile.rsa_pad;
  if (profile.tells_dc) {
    options.dc = profile.dc;
  }
  if (temporary) {
    options.expires_in_seconds = 86'400;
  }
  return options;
}

void replayed_client::make_key() {
  const auto made = wire.exchange(exchange_options());
  ASSERT_TRUE(made) << profile.name << ": no key";
  permanent = *made;
  wire.open(permanent);
}

void replayed_client::resume() {
  wire.session = nullptr;
  ASSERT_TRUE(wire.connect());
  wire.open(permanent);
  wire.new_sessions = 0;
  wrapped_one_ = answered_one_ = false;
}

void replayed_client::get_future_salts(std::int32_t count) {
  queue_future_salts(count);
  check_future_salts();
}

void replayed_client::queue_future_salts(std::int32_t count) {
  std::string body;
  tl::writer out(body);
  out.write_id(mtproto::constructor::get_future_salts);
  out.write_int(count);
  salts_query_ = wire.session->send_service(std::move(body), socket_client::now(), true);
  salts_wanted_ = count;
}

void replayed_client::check_future_salts() {
  std::optional<mtproto::buffer_slice> found;
  EXPECT_TRUE(wire.wait_until([&] {
    for (const mtproto::buffer_slice& each : wire.seen.service) {
      tl::reader in(each.bytes());
      const bool right = in.read_id() == mtproto::constructor::future_salts &&
                         static_cast<std::uint64_t>(in.read_long()) == salts_query_.value();
      if (right) {
        found = each;
      }
    }
    return found.has_value();
  }))
    << profile.name << ": no future_salts";
  if (!found) {
    return;
  }
  tl::reader in(found->bytes());
  const auto salts = tl::mt::future_salts::fetch(in);
  ASSERT_TRUE(in.finish()) << profile.name;
  EXPECT_NEAR(salts->now, seconds_now(), clock_slack);
  ASSERT_FALSE(salts->salts.empty());
  EXPECT_LE(salts->salts.size(), static_cast<std::size_t>(salts_wanted_));
  for (const auto& each : salts->salts) {
    EXPECT_GT(each->valid_until, salts->now);
    EXPECT_LT(each->valid_since, each->valid_until);
  }
}

// --- what several clients do ----------------------------------------------------------------------

void replayed_client::get_config() {
  must<tl::fn::help_getConfig>({}, [this](const auto& config) { check_config(*config); });
}

void replayed_client::check_config(const tl::config& config) {
  EXPECT_EQ(config.this_dc, profile.dc);
  EXPECT_FALSE(config.test_mode);
  EXPECT_FALSE(config.tmp_sessions.has_value());
  EXPECT_NEAR(config.date, seconds_now(), clock_slack);
  EXPECT_GE(config.expires, seconds_now() + 60);
  const bool has_own = std::any_of(config.dc_options.begin(), config.dc_options.end(), [this](const auto& each) {
    return each->id == profile.dc && each->ip_address == node.address().host && each->port == node.address().port &&
           !each->cdn && !each->media_only;
  });
  EXPECT_TRUE(has_own) << "no option leads back to the DC that was dialled";
  EXPECT_GE(config.online_update_period_ms, 1000);
  EXPECT_EQ(config.message_length_max, 4096);
  EXPECT_GE(config.chat_size_max, 1);
  EXPECT_GE(config.webfile_dc_id, 1);
}

void replayed_client::sign_in() {
  const std::string phone = "+" + std::to_string(profile.number);
  std::string hash;
  tl::fn::auth_sendCode code;
  code.phone_number = phone;
  code.api_id = profile.device.api_id;
  code.api_hash = "0123456789abcdef0123456789abcdef";
  code.settings = tl::make<tl::codeSettings>();
  must<tl::fn::auth_sendCode>(code, [&](const auto& sent) {
    const auto* found = tl::as<tl::auth_sentCode>(sent);
    ASSERT_NE(found, nullptr);
    hash = found->phone_code_hash;
    EXPECT_FALSE(hash.empty());
    EXPECT_NE(found->type, nullptr);
  });
  const auto signed_in = [this](const tl::auth_Authorization* result) {
    const auto* done = tl::as<tl::auth_authorization>(result);
    ASSERT_NE(done, nullptr);
    EXPECT_FALSE(done->tmp_sessions.has_value());
    check_user(done->user.get());
    user = tl::as<tl::user>(done->user.get())->id;
    EXPECT_EQ(constructor, profile.layer < 152 ? 0x33fb7bb8U : 0x2ea2c0d4U);
  };
  bool unknown = false;
  tl::fn::auth_signIn sign_in;
  sign_in.phone_number = phone;
  sign_in.phone_code_hash = hash;
  sign_in.phone_code = std::string(5, phone.at(6));
  must<tl::fn::auth_signIn>(sign_in, [&](const auto& result) {
    unknown = tl::as<tl::auth_authorizationSignUpRequired>(result) != nullptr;
    if (!unknown) {
      signed_in(result.get());
    }
  });
  if (unknown) {
    tl::fn::auth_signUp sign_up;
    sign_up.phone_number = phone;
    sign_up.phone_code_hash = hash;
    sign_up.first_name = "Ada";
    sign_up.last_name = "Lovelace";
    must<tl::fn::auth_signUp>(sign_up, [&](const auto& result) { signed_in(result.get()); });
  }
  EXPECT_NE(user, 0);
}

void replayed_client::check_user(const tl::User* found) {
  const auto* me = tl::as<tl::user>(static_cast<const tl::object*>(found));
  ASSERT_NE(me, nullptr);
  EXPECT_TRUE(me->self);
  EXPECT_FALSE(me->min);
  EXPECT_FALSE(me->deleted);
  EXPECT_GT(me->id, 0);
  EXPECT_NE(me->access_hash.value_or(0), 0);
  EXPECT_EQ(me->first_name.value_or(""), "Ada");
  EXPECT_EQ(me->phone.value_or(""), std::to_string(profile.number));
  if (user != 0) {
    EXPECT_EQ(me->id, user);
  }
}

void replayed_client::get_self() {
  tl::fn::users_getUsers self;
  self.id.push_back(myself());
  must<tl::fn::users_getUsers>(self, [this](const auto& users) {
    ASSERT_EQ(users.size(), 1U);
    check_user(users.front().get());
  });
}

void replayed_client::get_state() {
  must<tl::fn::updates_getState>({}, [this](const auto& state) {
    EXPECT_GE(state->pts, 1);
    EXPECT_GE(state->qts, 0);
    EXPECT_NEAR(state->date, seconds_now(), clock_slack);
    pts = state->pts;
    qts = state->qts;
    date = state->date;
  });
}

void replayed_client::get_difference() {
  tl::fn::updates_getDifference difference;
  difference.pts = pts;
  difference.qts = qts;
  difference.date = date;
  must<tl::fn::updates_getDifference>(difference, [this](const auto& found) { check_difference(found.get()); });
}

void replayed_client::check_difference(const tl::updates_Difference* difference) {
  ASSERT_NE(difference, nullptr);
  if (const auto* empty = tl::as<tl::updates_differenceEmpty>(static_cast<const tl::object*>(difference))) {
    EXPECT_NEAR(empty->date, seconds_now(), clock_slack);
  }
  if (!differences_may_be_cut) {
    EXPECT_EQ(tl::as<tl::updates_differenceTooLong>(static_cast<const tl::object*>(difference)), nullptr);
  }
}

void replayed_client::load_chats(std::int32_t folder, std::int32_t limit) {
  tl::fn::messages_getPinnedDialogs pinned;
  pinned.folder_id = folder;
  ask<tl::fn::messages_getPinnedDialogs>(need::answer, pinned, [](const auto& dialogs) {
    ASSERT_NE(dialogs->state, nullptr);
    EXPECT_GE(dialogs->state->pts, 1);
  });
  tl::fn::messages_getDialogs wanted;
  wanted.exclude_pinned = true;
  wanted.folder_id = folder;
  wanted.offset_peer = tl::make<tl::inputPeerEmpty>();
  wanted.limit = limit;
  must<tl::fn::messages_getDialogs>(wanted, [&](const auto& dialogs) { check_dialogs(dialogs.get(), folder); });
}

void replayed_client::check_dialogs(const tl::messages_Dialogs* dialogs, std::int32_t folder) {
  const auto* whole = tl::as<tl::messages_dialogs>(static_cast<const tl::object*>(dialogs));
  ASSERT_NE(whole, nullptr) << "a new account's list is whole";
  for (const auto& each : whole->dialogs) {
    const auto* one = tl::as<tl::dialog>(each);
    ASSERT_NE(one, nullptr);
    EXPECT_EQ(one->folder_id.value_or(main_list), folder);
    EXPECT_EQ(one->pts.has_value(), one->peer->kind() == tl::peerChannel::kind_id);
    const bool shown = std::any_of(whole->messages.begin(), whole->messages.end(), [&](const auto& message) {
      const auto* found = tl::as<tl::message>(message);
      return found != nullptr && found->id == one->top_message;
    });
    EXPECT_TRUE(shown) << "the top message is missing";
    if (const auto* peer = tl::as<tl::peerUser>(one->peer)) {
      const bool known = std::any_of(whole->users.begin(), whole->users.end(), [&](const auto& some) {
        const auto* found = tl::as<tl::user>(some);
        return found != nullptr && found->id == peer->user_id && found->access_hash.has_value();
      });
      EXPECT_TRUE(known) << "the peer is missing";
    }
  }
}

void replayed_client::get_notify_settings() {
  tl::fn::account_getNotifySettings settings;
  settings.peer = tl::make<tl::inputNotifyUsers>();
  ask(need::tolerated, settings);
  settings.peer = tl::make<tl::inputNotifyChats>();
  ask(need::tolerated, settings);
  settings.peer = tl::make<tl::inputNotifyBroadcasts>();
  ask(need::tolerated, settings);
}

} // namespace godwit::test
