#include "tests/protocol/tl/golden_objects.hpp"

#include <limits>

#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/call.hpp"
#include "protocol/tl/api/call_fn.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "protocol/tl/api/users.hpp"

namespace godwit::tl {
namespace {

constexpr std::int64_t self_id = 0x0102030405;

box<user> self(bool with_names) {
  auto made = make<user>();
  made->self = made->contact = made->mutual_contact = made->verified = made->premium = true;
  made->restricted = true; // shares its bit with restriction_reason
  made->stories_unavailable = true;
  made->id = self_id;
  made->access_hash = 0x1122334455667788;
  made->first_name = "Ada";
  made->last_name = "Lovelace";
  made->username = "ada";
  made->phone = "9996612345";
  auto photo = make<userProfilePhoto>();
  photo->has_video = true;
  photo->photo_id = 77;
  photo->stripped_thumb = "\x01\x02\x03";
  photo->dc_id = 2;
  made->photo = std::move(photo);
  auto status = make<userStatusOnline>();
  status->expires = 1700000300;
  made->status = std::move(status);
  auto reason = make<restrictionReason>();
  reason->platform = "all";
  reason->reason = "terms";
  reason->text = "why";
  made->restriction_reason.emplace().push_back(std::move(reason));
  made->lang_code = "en";
  if (with_names) {
    auto name = make<username>();
    name->editable = name->active = true;
    name->username_ = "ada";
    made->usernames.emplace().push_back(std::move(name));
  }
  return made;
}

box<user> other() {
  auto made = make<user>();
  made->id = 6;
  made->access_hash = -7;
  made->first_name = "Zo\u00eb \u4e2d\U0001f600";
  made->status = make<userStatusRecently>();
  return made;
}

box<peerNotifySettings> notify() {
  auto made = make<peerNotifySettings>();
  made->show_previews = false;
  made->silent = true;
  made->mute_until = std::numeric_limits<std::int32_t>::max();
  return made;
}

box<updates_state> state() {
  auto made = make<updates_state>();
  made->pts = 1;
  made->date = 1700000000;
  return made;
}

box<authorization> device() {
  auto made = make<authorization>();
  made->current = true;
  made->device_model = "Desktop";
  made->platform = "Linux";
  made->system_version = "12";
  made->api_id = 4;
  made->app_name = "Client";
  made->app_version = "1.2.3";
  made->date_created = 1700000000;
  made->date_active = 1700000100;
  made->ip = "127.0.0.1";
  return made;
}

box<account_authorizations> devices() {
  auto made = make<account_authorizations>();
  made->authorization_ttl_days = 180;
  made->authorizations.push_back(device());
  auto second = device();
  second->current = false;
  second->hash = -5;
  second->unconfirmed = second->encrypted_requests_disabled = true;
  made->authorizations.push_back(std::move(second));
  return made;
}

void set_limits(config& of) {
  of.chat_size_max = 200;
  of.megagroup_size_max = 200000;
  of.forwarded_count_max = 100;
  of.online_update_period_ms = 210000;
  of.offline_blur_timeout_ms = 5000;
  of.offline_idle_timeout_ms = 30000;
  of.online_cloud_timeout_ms = 300000;
  of.notify_cloud_delay_ms = 30000;
  of.notify_default_delay_ms = 1500;
  of.push_chat_period_ms = 60000;
  of.push_chat_limit = 2;
  of.saved_gifs_limit = 200;
  of.edit_time_limit = 172800;
  of.revoke_time_limit = of.revoke_pm_time_limit = std::numeric_limits<std::int32_t>::max();
  of.rating_e_decay = 2419200;
  of.stickers_recent_limit = 200;
  of.stickers_faved_limit = 5;
  of.channels_read_media_period = 604800;
  of.pinned_dialogs_count_max = 5;
  of.pinned_infolder_count_max = 100;
  of.call_receive_timeout_ms = 20000;
  of.call_ring_timeout_ms = 90000;
  of.call_connect_timeout_ms = 30000;
  of.call_packet_timeout_ms = 10000;
  of.caption_length_max = 1024;
  of.message_length_max = 4096;
}

box<config> full_config() {
  auto made = make<config>();
  made->date = 1700000000;
  made->expires = 1700003600;
  made->this_dc = 2;
  for (const bool ipv6 : {false, true}) {
    auto option = make<dcOption>();
    option->static_ = !ipv6;
    option->ipv6 = ipv6;
    option->id = ipv6 ? 4 : 2;
    option->ip_address = ipv6 ? "::1" : "127.0.0.1";
    option->port = 4430;
    made->dc_options.push_back(std::move(option));
  }
  set_limits(*made);
  made->me_url_prefix = "https://t.me/";
  made->webfile_dc_id = 2;
  made->lang_pack_version = 3;
  made->suggested_lang_code = "en";
  return made;
}

box<updates> four_updates() {
  auto made = make<updates>();
  made->updates_.push_back(make<updateLoginToken>());
  auto status = make<updateUserStatus>();
  status->user_id = 6;
  auto offline = make<userStatusOffline>();
  offline->was_online = 1700000200;
  status->status = std::move(offline);
  made->updates_.push_back(std::move(status));
  auto service = make<updateServiceNotification>();
  service->popup = true;
  service->inbox_date = 1700000000;
  service->type = "AUTH_KEY_DROP";
  service->message = "New login";
  service->media = make<messageMediaEmpty>();
  auto bold = make<messageEntityBold>();
  bold->length = 3;
  service->entities.push_back(std::move(bold));
  made->updates_.push_back(std::move(service));
  auto settings = make<updateNotifySettings>();
  auto peer = make<notifyPeer>();
  auto of = make<peerUser>();
  of->user_id = self_id;
  peer->peer = std::move(of);
  settings->peer = std::move(peer);
  settings->notify_settings = notify();
  made->updates_.push_back(std::move(settings));
  made->users.push_back(other());
  made->date = 1700000001;
  made->seq = 9;
  return made;
}

box<users_userFull> profile() {
  auto made = make<users_userFull>();
  auto full = make<userFull>();
  full->blocked = full->phone_calls_available = full->voice_messages_forbidden = true;
  full->id = self_id;
  full->about = "about";
  full->settings = make<peerSettings>();
  full->settings->add_contact = full->settings->block_contact = true;
  full->settings->geo_distance = 12;
  full->notify_settings = notify();
  full->common_chats_count = 3;
  full->ttl_period = 86400;
  full->private_forward_name = "A.";
  made->full_user = std::move(full);
  made->users.push_back(self(false));
  return made;
}

box<jsonObjectValue> entry(std::string key, box<JSONValue> value) {
  auto made = make<jsonObjectValue>();
  made->key = std::move(key);
  made->value = std::move(value);
  return made;
}

box<jsonNumber> number(double value) {
  auto made = make<jsonNumber>();
  made->value = value;
  return made;
}

box<jsonObject> json() {
  auto array = make<jsonArray>();
  array->value.push_back(make<jsonNull>());
  auto yes = make<jsonBool>();
  yes->value = true;
  array->value.push_back(std::move(yes));
  auto text = make<jsonString>();
  text->value = std::string(300, 's');
  array->value.push_back(std::move(text));
  auto made = make<jsonObject>();
  made->value.push_back(entry("n", number(1.5)));
  made->value.push_back(entry("a", std::move(array)));
  return made;
}

box<object> connection(layer_t layer) {
  static std::string call; // a wrapper does not own what it carries
  call.clear();
  writer out(call);
  fn::help_getConfig().store(out, layer);
  auto made = make<fn::initConnection>();
  made->api_id = 4;
  made->device_model = "Desktop";
  made->system_version = "12";
  made->app_version = "1.2.3";
  made->system_lang_code = made->lang_code = "en";
  made->lang_pack = "tdesktop";
  auto params = make<jsonObject>();
  params->value.push_back(entry("tz_offset", number(3600)));
  made->params = std::move(params);
  made->query = call;
  return made;
}

box<object> auth_object(const std::string& name) {
  if (name == "auth_authorization") {
    auto made = make<auth_authorization>();
    made->otherwise_relogin_days = 3;
    made->setup_password_required = true;
    made->user = self(false);
    return made;
  }
  if (name == "auth_sent_code") {
    auto made = make<auth_sentCode>();
    auto type = make<auth_sentCodeTypeApp>();
    type->length = 5;
    made->type = std::move(type);
    made->phone_code_hash = "0123456789abcdef";
    made->next_type = make<auth_codeTypeSms>();
    made->timeout = 60;
    return made;
  }
  auto made = make<fn::auth_signIn>();
  made->phone_number = "9996612345";
  made->phone_code_hash = "0123456789abcdef";
  made->phone_code = "11111";
  return made;
}

box<Peer> peer_of(std::int64_t id) {
  auto made = make<peerUser>();
  made->user_id = id;
  return made;
}

box<object> new_message() {
  auto text = make<message>();
  text->out = text->silent = true;
  text->id = 41;
  text->from_id = peer_of(self_id);
  text->peer_id = peer_of(6);
  text->date = 1700000000;
  text->message_ = "Hello, world";
  auto header = make<messageReplyHeader>();
  header->reply_to_msg_id = 40;
  text->reply_to = std::move(header);
  auto link = make<messageEntityTextUrl>();
  link->offset = 7;
  link->length = 5;
  link->url = "https://example.org/";
  text->entities.emplace().push_back(std::move(link));
  text->edit_date = 1700000005;
  text->ttl_period = 86400;
  auto made = make<updateNewMessage>();
  made->message = std::move(text);
  made->pts = 12;
  made->pts_count = 1;
  return made;
}

box<object> updates_object(const std::string& name) {
  if (name == "update_new_message") {
    return new_message();
  }
  if (name == "updates_state") {
    return state();
  }
  if (name == "updates_difference_empty") {
    auto made = make<updates_differenceEmpty>();
    made->date = 1700000000;
    return made;
  }
  if (name == "update_short") {
    auto made = make<updateShort>();
    made->update = make<updateLoginToken>();
    made->date = 1700000000;
    return made;
  }
  return four_updates();
}

box<contacts_contacts> one_contact() {
  auto made = make<contacts_contacts>();
  auto of = make<contact>();
  of->user_id = 6;
  of->mutual = true;
  made->contacts.push_back(std::move(of));
  made->users.push_back(other());
  return made;
}

box<object> peer_dialogs() {
  auto made = make<messages_peerDialogs>();
  made->state = state();
  return made;
}

} // namespace

box<object> golden_object(const std::string& name, layer_t layer) {
  if (name.starts_with("auth_")) {
    return auth_object(name);
  }
  if (name.starts_with("update")) {
    return updates_object(name);
  }
  if (name == "init_connection") {
    return connection(layer);
  }
  using maker = box<object> (*)();
  static const std::map<std::string, maker> makers = {
    {"config", []() -> box<object> { return full_config(); }},
    {"user", []() -> box<object> { return self(false); }},
    {"user_names", []() -> box<object> { return self(true); }},
    {"account_authorizations", []() -> box<object> { return devices(); }},
    {"users_user_full", []() -> box<object> { return profile(); }},
    {"messages_dialogs", []() -> box<object> { return make<messages_dialogs>(); }},
    {"messages_peer_dialogs", peer_dialogs},
    {"peer_notify_settings", []() -> box<object> { return notify(); }},
    {"json", []() -> box<object> { return json(); }},
    {"contacts", []() -> box<object> { return one_contact(); }},
  };
  const auto found = makers.find(name);
  return found != makers.end() ? found->second() : nullptr;
}

} // namespace godwit::tl
