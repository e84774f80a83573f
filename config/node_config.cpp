#include "config/node_config.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <variant>

#include "config/config_fields.hpp"
#include "config/ip_address.hpp"
#include "config/peer_text.hpp"

namespace godwit::config {
namespace {

std::optional<bad_field> check_number(const field& which, node_config& values) {
  const field_slot slot = which.slot(values);
  const auto* number = std::get_if<std::uint64_t*>(&slot);
  if (number == nullptr || (**number >= which.min && **number <= which.max)) {
    return std::nullopt;
  }
  return bad_field{which.key(), "is " + std::to_string(**number), "set it to " + bounds_text(which)};
}

std::optional<bad_field> check_cluster(const cluster_section& cluster) {
  if ((cluster.shards & (cluster.shards - 1)) != 0) {
    return bad_field{"cluster.shards", "is " + std::to_string(cluster.shards), "set it to a power of two"};
  }
  const bool hexadecimal = std::all_of(cluster.id.begin(), cluster.id.end(),
                                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (!cluster.id.empty() && (cluster.id.size() != 32 || !hexadecimal)) {
    return bad_field{"cluster.id", "is not a cluster id",
                     "copy the 32 small hexadecimal digits from secrets.toml of the data folder, or leave it out"};
  }
  return std::nullopt;
}

std::optional<bad_field> check_addresses(const node_config& values) {
  static constexpr const char* form = "write a number such as 192.0.2.1 or 2001:db8::1, not a name";
  if (values.listen.addresses.empty()) {
    return bad_field{"listen.addresses", "is empty", "name at least one address"};
  }
  for (const std::string& each : values.listen.addresses) {
    if (!parse_ip(each)) {
      return bad_field{"listen.addresses", "has \"" + each + "\", which is no IP address", form};
    }
  }
  for (const std::string& each : values.listen.proxy_sources) {
    if (!parse_network(each)) {
      return bad_field{"listen.proxy_sources", "has \"" + each + "\", which is no address or network",
                       "write 192.0.2.1 or 192.0.2.0/24, with no bits set behind the prefix"};
    }
  }
  if (!parse_ip(values.metrics.address)) {
    return bad_field{"metrics.address", "is \"" + values.metrics.address + "\", which is no IP address", form};
  }
  if (!values.dc.address.empty() && !parse_ip(values.dc.address)) {
    return bad_field{"dc.address", "is \"" + values.dc.address + "\", which is no IP address", form};
  }
  if (values.metrics.port == values.listen.port) {
    return bad_field{"metrics.port", "is the same as listen.port", "give it a port of its own"};
  }
  return std::nullopt;
}

std::optional<bad_field> check_peers(const node_config& values) {
  static constexpr const char* form = "write a number such as 192.0.2.1 or 2001:db8::1, not a name";
  const peers_section& peers = values.peers;
  const auto address = parse_ip(peers.address);
  if (!address) {
    return bad_field{"peers.address", "is \"" + peers.address + "\", which is no IP address", form};
  }
  const auto advertised = parse_ip(peers.advertised);
  if (!peers.advertised.empty() && (!advertised || advertised->is_any())) {
    return bad_field{"peers.advertised", "is \"" + peers.advertised + "\", which is no address of one machine", form};
  }
  if (address->is_any() && peers.advertised.empty()) {
    return bad_field{"peers.advertised", "is empty while peers.address means every address",
                     "name the address at which the other nodes reach this one"};
  }
  if (peers.port == values.listen.port || peers.port == values.metrics.port) {
    return bad_field{"peers.port", "is the same as listen.port or metrics.port", "give it a port of its own"};
  }
  for (const std::string& each : peers.seeds) {
    if (!parse_host_port(each)) {
      return bad_field{"peers.seeds", "has \"" + each + "\", which is no address and port",
                       "write 192.0.2.1:4431 or [2001:db8::1]:4431"};
    }
  }
  for (const std::string& each : peers.fixed) {
    const auto fixed = parse_fixed_peer(each);
    const auto same = [&](const std::string& other) {
      const auto parsed = parse_fixed_peer(other);
      return fixed && parsed && parsed->node == fixed->node;
    };
    if (!fixed || fixed->node == values.node.id) {
      return bad_field{"peers.fixed", "has \"" + each + "\", which names no other node with address and port",
                       "write 3=192.0.2.1:4431 or 3=[2001:db8::1]:4431, with another number than node.id"};
    }
    if (std::count_if(peers.fixed.begin(), peers.fixed.end(), same) > 1) {
      return bad_field{"peers.fixed", "has node " + std::to_string(fixed->node) + " twice", "keep one of the entries"};
    }
  }
  return std::nullopt;
}

bool is_phone_number(std::string_view text) {
  return text.size() >= 6 && text.size() <= 16 && text.front() == '+' &&
         std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<bad_field> check_auth(const node_config& values) {
  const auth_section& auth = values.auth;
  if (auth.test_numbers && !listens_on_loopback_alone(values)) {
    return bad_field{"auth.test_numbers", "is true while listen.addresses has an address that others can reach",
                     "set it to false, or listen on 127.0.0.1 alone: anyone can sign in with a test number"};
  }
  if (auth.test_numbers && !values.listen.proxy_sources.empty()) {
    return bad_field{"auth.test_numbers", "is true while listen.proxy_sources lets connections of others in",
                     "set it to false, or take no connections of a proxy: anyone can sign in with a test number"};
  }
  if (!std::all_of(auth.invited.begin(), auth.invited.end(), is_phone_number)) {
    return bad_field{"auth.invited", "has an entry that is no phone number", "write + and 5 to 15 digits"};
  }
  const std::string& url = auth.webhook_url;
  const bool web = (url.starts_with("http://") && url.size() > 7) || (url.starts_with("https://") && url.size() > 8);
  if (!url.empty() && !web) {
    return bad_field{"auth.webhook_url", "is neither an http:// nor an https:// address",
                     "name the service that passes codes on, as in https://sms.example.org/code"};
  }
  const bool one_line =
    std::all_of(auth.webhook_secret.begin(), auth.webhook_secret.end(), [](char c) { return c > ' ' && c != '\x7f'; });
  if (!one_line) {
    return bad_field{"auth.webhook_secret", "has spaces or characters beyond ASCII", "use letters and digits"};
  }
  return std::nullopt;
}

std::optional<bad_field> check_log(const log_section& log) {
  const auto names = find_field("log", "level")->choices;
  for (const std::string& each : log.levels) {
    const auto equals = each.find('=');
    if (equals == std::string::npos || equals == 0 ||
        std::find(names.begin(), names.end(), std::string_view(each).substr(equals + 1)) == names.end()) {
      return bad_field{"log.levels", "has \"" + each + "\"",
                       "write component=level with one of " + bounds_text(*find_field("log", "level"))};
    }
  }
  return std::nullopt;
}

std::optional<bad_field> check_rest(const node_config& values) {
  if (values.storage.map_bytes > values.storage.map_bytes_max) {
    return bad_field{"storage.map_bytes", "is more than storage.map_bytes_max", "make it smaller, or that one larger"};
  }
  const std::string& country = values.dc.country;
  if (country.size() != 2 ||
      !std::all_of(country.begin(), country.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return bad_field{"dc.country", "is \"" + country + "\"", "write two capital letters, such as DE"};
  }
  return std::nullopt;
}

} // namespace

bool listens_on_loopback_alone(const node_config& values) {
  const auto& addresses = values.listen.addresses;
  return !addresses.empty() && std::all_of(addresses.begin(), addresses.end(), [](const std::string& each) {
    const auto address = parse_ip(each);
    return address && address->is_loopback();
  });
}

std::optional<bad_field> validate(const node_config& values) {
  node_config copy = values;
  for (const field& each : fields()) {
    if (auto bad = check_number(each, copy)) {
      return bad;
    }
  }
  if (auto bad = check_cluster(values.cluster)) {
    return bad;
  }
  if (auto bad = check_addresses(values)) {
    return bad;
  }
  if (auto bad = check_peers(values)) {
    return bad;
  }
  if (auto bad = check_auth(values)) {
    return bad;
  }
  if (auto bad = check_log(values.log)) {
    return bad;
  }
  return check_rest(values);
}

} // namespace godwit::config
