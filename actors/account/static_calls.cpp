#include "actors/account/static_calls.hpp"

#include <algorithm>
#include <utility>

#include "actors/account/empty_answers.hpp"
#include "actors/account/user_views.hpp"
#include "protocol/tl/api/call.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/help.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "protocol/tl/api/langpack.hpp"
#include "protocol/tl/api/langpack_fn.hpp"
#include "protocol/tl/api/stickers_fn.hpp"
#include "protocol/tl/methods.hpp"

namespace godwit::account {
namespace {

namespace fn = tl::fn;

rpc_result<std::string> refused(rpc_errc why) { return unexpected(rpc_error{why}); }

/// The largest DC id without the mark of a test DC; beyond, clients make something else of it.
constexpr std::int32_t dc_id_max = 999;

void add_options(tl::config& config, std::int32_t id, const static_context& context) {
  for (const dc_address& each : context.addresses) {
    auto option = tl::make<tl::dcOption>();
    option->id = id;
    option->ipv6 = each.address.find(':') != std::string::npos;
    // TDLib looks for other ports of an address unless it is told.
    option->this_port_only = true;
    option->ip_address = each.address;
    option->port = each.port;
    config.dc_options.push_back(std::move(option));
  }
}

void set_timing(tl::config& config) {
  config.online_update_period_ms = 210'000;
  config.offline_blur_timeout_ms = 5000;
  config.offline_idle_timeout_ms = 30'000;
  config.online_cloud_timeout_ms = 300'000;
  config.notify_cloud_delay_ms = 30'000;
  config.notify_default_delay_ms = 1500;
  config.push_chat_period_ms = 60'000;
  config.call_receive_timeout_ms = 20'000;
  config.call_ring_timeout_ms = 90'000;
  config.call_connect_timeout_ms = 30'000;
  config.call_packet_timeout_ms = 10'000;
}

void set_sizes(tl::config& config) {
  config.chat_size_max = 200;
  config.megagroup_size_max = 200'000;
  config.forwarded_count_max = 100;
  config.push_chat_limit = 2;
  config.saved_gifs_limit = 200;
  config.edit_time_limit = 172'800;
  config.revoke_pm_inbox = true;
  config.revoke_time_limit = 2'147'483'647;
  config.revoke_pm_time_limit = 2'147'483'647;
  config.rating_e_decay = 2'419'200;
  config.stickers_recent_limit = 200;
  config.stickers_faved_limit = 5;
  config.channels_read_media_period = 604'800;
  config.pinned_dialogs_count_max = 5;
  config.pinned_infolder_count_max = 100;
  config.caption_length_max = 1024;
  config.message_length_max = 4096;
}

/// How long clients keep the configuration.
constexpr std::int32_t config_seconds = 3600;

rpc_result<std::string> get_config(const static_context& context) {
  tl::config config;
  // TDLib asks again at once, for ever, when this is not the DC that it dialled.
  std::int32_t dc = context.dc < 0 ? -context.dc : context.dc;
  config.test_mode = dc > 10'000;
  dc = dc > 10'000 ? dc - 10'000 : dc;
  config.this_dc = dc >= 1 && dc <= dc_id_max ? dc : 2;
  config.date = context.date;
  config.expires = context.date + config_seconds;
  for (std::int32_t id = 1; id <= dc_count; ++id) {
    add_options(config, id, context);
  }
  if (config.this_dc > dc_count) {
    add_options(config, config.this_dc, context);
  }
  set_timing(config);
  set_sizes(config);
  config.me_url_prefix = "https://t.me/";
  config.webfile_dc_id = config.this_dc;
  return stored(config, context.layer);
}

rpc_result<std::string> get_app_config(const static_context& context) {
  tl::help_appConfig answer;
  if (!answer.known_at(context.layer)) {
    return stored(tl::jsonObject(), context.layer);
  }
  answer.hash = 1;
  answer.config = tl::make<tl::jsonObject>();
  return stored(answer, context.layer);
}

rpc_result<std::string> get_nearest_dc(const static_context& context) {
  tl::nearestDc answer;
  answer.country = context.country;
  answer.this_dc = answer.nearest_dc = context.dc >= 1 && context.dc <= dc_id_max ? context.dc : 2;
  return stored(answer, context.layer);
}

/// No language is translated here: clients use the texts they were built with.
rpc_result<std::string> language(const std::string& code, std::int32_t version, const static_context& context) {
  tl::langPackDifference answer;
  answer.lang_code = code;
  answer.from_version = version;
  answer.version = version;
  return stored(answer, context.layer);
}

rpc_result<std::string> empty_vector() {
  std::string bytes;
  tl::writer(bytes).write_vector(0);
  return bytes;
}

} // namespace

std::vector<dc_address> addresses_for(const dc_address& dialled, const public_addresses::list& up, std::uint64_t seed) {
  std::vector<dc_address> told{dialled};
  for (const dc_address& each : up) {
    if (std::find(told.begin(), told.end(), each) == told.end()) {
      told.push_back(each);
    }
  }
  for (std::size_t left = told.size() - 1; left > 1; --left) {
    seed = seed * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    std::swap(told[left], told[1 + static_cast<std::size_t>(seed >> 33) % left]);
  }
  told.resize(std::min(told.size(), told_addresses_max));
  return told;
}

rpc_result<std::string> answer_static(std::string_view body, const static_context& context) {
  tl::reader in(body);
  const auto call = tl::fetch_function(in);
  if (!call) {
    const bool unknown = tl::find_method(tl::reader(body).peek_id()) == nullptr;
    return refused(unknown ? rpc_errc::method_invalid : rpc_errc::input_request_invalid);
  }
  const tl::fn::function& what = **call;
  switch (what.kind()) {
  case fn::help_getConfig::kind_id: return get_config(context);
  case fn::help_getAppConfig::kind_id: return get_app_config(context);
  case fn::help_getNearestDc::kind_id: return get_nearest_dc(context);
  case fn::help_getCdnConfig::kind_id: return stored(tl::cdnConfig(), context.layer);
  case fn::help_getAppUpdate::kind_id: return stored(tl::help_noAppUpdate(), context.layer);
  case fn::langpack_getLangPack::kind_id:
    return language(static_cast<const fn::langpack_getLangPack&>(what).lang_code, 0, context);
  case fn::langpack_getDifference::kind_id: {
    const auto& asked = static_cast<const fn::langpack_getDifference&>(what);
    return language(asked.lang_code, asked.from_version, context);
  }
  case fn::langpack_getStrings::kind_id:
  case fn::langpack_getLanguages::kind_id: return empty_vector();
  case fn::messages_getStickerSet::kind_id: return refused(rpc_errc::stickerset_invalid);
  default: break;
  }
  if (auto empty = empty_answer(what, {.layer = context.layer, .date = context.date, .box = nullptr})) {
    return *empty;
  }
  return refused(rpc_errc::method_invalid);
}

} // namespace godwit::account
