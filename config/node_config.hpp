#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What an operator can set, as plain values. node/config fills them; everyone may read their own. The
/// table in config/config_fields.hpp has each key's unit, bounds and meaning; here stand the defaults.
namespace godwit::config {

/// Who may make an account. Values are in the order of their names in the table of fields.
enum class registration_mode : std::uint8_t {
  open,       ///< any number that can receive a code
  invitation, ///< numbers of the list alone
  closed,     ///< nobody new
};

enum class log_format : std::uint8_t { logfmt, json };

/// In the order of godwit::log::level.
enum class log_threshold : std::uint8_t { trace, debug, info, warning, error, off };

struct node_section {
  std::uint64_t id = 1;
  std::string name;
  std::string data;           ///< folder; serve makes it absolute
  std::string key_file;       ///< empty: node.key in the data folder
  std::string control_socket; ///< empty: control.sock in the data folder
  std::uint64_t loops = 0;    ///< 0: one less than the processors, at least 1
  std::uint64_t drain_seconds = 10;
};

struct cluster_section {
  std::string id; ///< 32 hexadecimal digits; empty: whatever the data folder says
  std::string name = "godwit";
  std::uint64_t shards = 16;
};

struct listen_section {
  std::vector<std::string> addresses = {"127.0.0.1"};
  std::uint64_t port = 4430;
  std::vector<std::string> proxy_sources; ///< networks whose connections begin with a PROXY header
  std::uint64_t backlog = 1024;
};

struct peers_section {
  std::string address = "127.0.0.1";
  std::uint64_t port = 4431;
  std::string advertised;         ///< empty: address
  std::vector<std::string> seeds; ///< "address:port"
  std::vector<std::string> fixed; ///< "node=address:port", in place of what the cluster says
  std::uint64_t bulk_bytes_per_second = 16ULL << 20;
};

struct metrics_section {
  std::string address = "127.0.0.1";
  std::uint64_t port = 9430;
};

struct limits_section {
  std::uint64_t connections = 100'000;
  std::uint64_t connections_per_address = 4096;
  std::uint64_t first_packet_seconds = 30;
  std::uint64_t idle_seconds = 300;
  std::uint64_t handshake_threads = 1;
  std::uint64_t handshakes_waiting = 512;
  std::uint64_t handshakes_per_address_minute = 300;
  std::uint64_t calls_per_session_second = 30;
  std::uint64_t calls_per_account_second = 60;
};

struct auth_section {
  registration_mode registration = registration_mode::open;
  std::vector<std::string> invited;
  std::string invited_file;
  bool test_numbers = false;
  std::uint64_t code_digits = 5;
  std::uint64_t code_expiry_seconds = 300;
  std::uint64_t code_attempts = 5;
  std::uint64_t code_resend_seconds = 60;
  std::uint64_t codes_per_number_day = 20;
  std::uint64_t codes_per_address_hour = 60;
  std::string webhook_url;
  std::string webhook_secret;
  std::uint64_t webhook_timeout_ms = 5000;
};

struct storage_section {
  std::uint64_t map_bytes = 16ULL << 30;
  std::uint64_t map_bytes_max = 1ULL << 42;
};

struct log_section {
  log_threshold level = log_threshold::info;
  std::vector<std::string> levels; ///< "component=level"
  log_format format = log_format::logfmt;
  std::string file; ///< empty: standard error
};

struct dc_section {
  std::string address;    ///< empty: the one a client dialled
  std::uint64_t port = 0; ///< 0: listen.port
  std::string country = "DE";
};

struct node_config {
  node_section node;
  cluster_section cluster;
  listen_section listen;
  peers_section peers;
  metrics_section metrics;
  limits_section limits;
  auth_section auth;
  storage_section storage;
  log_section log;
  dc_section dc;
};

/// A field that does not hold what it must.
struct bad_field {
  std::string key;     ///< "listen.port"
  std::string problem; ///< "is 0"
  std::string remedy;  ///< "set it to 1 to 65535"
};

/// The first field, in the order of the table, that is out of bounds, cannot be read, or contradicts
/// another.
std::optional<bad_field> validate(const node_config& values);

/// True when every address of [listen] is one of the loopback: nobody but this machine reaches it.
bool listens_on_loopback_alone(const node_config& values);

} // namespace godwit::config
