#include "config/config_fields.hpp"

#include <algorithm>
#include <array>

#include "config/limits.hpp"

namespace godwit::config {
namespace {

using namespace std::string_view_literals;

constexpr std::array registration_names = {"open"sv, "invitation"sv, "closed"sv};
constexpr std::array format_names = {"logfmt"sv, "json"sv};
constexpr std::array level_names = {"trace"sv, "debug"sv, "info"sv, "warning"sv, "error"sv, "off"sv};

constexpr std::uint64_t gib = 1ULL << 30;

// NOLINTNEXTLINE: the one macro keeps each row of the table on its own lines
#define SLOT(member) [](node_config& c) -> field_slot { return &c.member; }
#define CHOICE(member)                                                                                                 \
  [](node_config& c) -> field_slot { return choice_slot{reinterpret_cast<std::uint8_t*>(&c.member)}; }

const std::vector<section>& section_table() {
  static const std::vector<section> table = {
    {"node", "This process and its folder."},
    {"cluster", "What all nodes share. Fixed when the cluster is created."},
    {"listen", "Where clients connect: every TCP transport and WebSocket on one port."},
    {"peers", "Where the other nodes of the cluster connect, and where they are."},
    {"metrics", "HTTP: /metrics for Prometheus, /healthz and /readyz for a supervisor."},
    {"limits", "How much of the node clients may take."},
    {"auth", "Who may sign up, and how login codes reach people."},
    {"storage", "The two environments of the data folder."},
    {"log", "Structured lines, one event each."},
    {"dc", "What clients are told about where they are."},
  };
  return table;
}

std::vector<field> node_fields() {
  return {
    {.section = "node",
     .name = "id",
     .slot = SLOT(node.id),
     .meaning = "Number of this node in its cluster.",
     .min = 1,
     .max = 4095},
    {.section = "node",
     .name = "name",
     .slot = SLOT(node.name),
     .meaning = "Shown in ctl and in metrics; empty: node- and the number."},
    {.section = "node",
     .name = "data",
     .slot = SLOT(node.data),
     .meaning = "The data folder. In a file, relative to the file; empty: the folder the file is in.",
     .path = true},
    {.section = "node",
     .name = "key_file",
     .slot = SLOT(node.key_file),
     .meaning = "The key under which the secrets of the data folder are encrypted; empty: node.key in the folder. On "
                "another disk, a copy of the folder alone opens nothing.",
     .path = true},
    {.section = "node",
     .name = "control_socket",
     .slot = SLOT(node.control_socket),
     .meaning = "Unix socket of `godwit ctl`; empty: control.sock in the data folder. Name another one when the path "
                "of the folder is longer than 90 bytes.",
     .path = true},
    {.section = "node",
     .name = "loops",
     .slot = SLOT(node.loops),
     .unit = "threads",
     .meaning = "Loop threads that own sockets and shards; 0: one less than the processors, at least 1.",
     .min = 0,
     .max = 256},
    {.section = "node",
     .name = "drain_seconds",
     .slot = SLOT(node.drain_seconds),
     .unit = "seconds",
     .meaning = "How long a node that was told to end waits for calls under way.",
     .min = 0,
     .max = 600},
  };
}

std::vector<field> cluster_fields() {
  return {
    {.section = "cluster",
     .name = "id",
     .slot = SLOT(cluster.id),
     .meaning = "32 hexadecimal digits, drawn by `godwit init`. A node refuses a data folder of another cluster; "
                "empty: not compared."},
    {.section = "cluster", .name = "name", .slot = SLOT(cluster.name), .meaning = "Shown in ctl and in metrics."},
    {.section = "cluster",
     .name = "shards",
     .slot = SLOT(cluster.shards),
     .unit = "shards",
     .meaning = "Parts of the key space, a power of two. Read by `godwit init` alone: a data folder keeps its number.",
     .min = 1,
     .max = limits::shards_max},
  };
}

std::vector<field> listen_fields() {
  return {
    {.section = "listen",
     .name = "addresses",
     .slot = SLOT(listen.addresses),
     .meaning = "IPv4 and IPv6 addresses to listen on; 0.0.0.0 and :: are all of a kind."},
    {.section = "listen",
     .name = "port",
     .slot = SLOT(listen.port),
     .meaning = "TCP port for clients.",
     .min = 1,
     .max = 65'535},
    {.section = "listen",
     .name = "proxy_sources",
     .slot = SLOT(listen.proxy_sources),
     .meaning = "Addresses or networks (192.0.2.0/24) of load balancers whose connections begin with a PROXY protocol "
                "header, version 1 or 2. From anywhere else such a header is refused."},
    {.section = "listen",
     .name = "backlog",
     .slot = SLOT(listen.backlog),
     .unit = "connections",
     .meaning = "Connections the kernel holds until the node accepts them.",
     .min = 1,
     .max = 65'535},
  };
}

std::vector<field> peers_fields() {
  return {
    {.section = "peers",
     .name = "address",
     .slot = SLOT(peers.address),
     .meaning = "IP address on which this node takes connections of the other nodes."},
    {.section = "peers",
     .name = "port",
     .slot = SLOT(peers.port),
     .meaning = "TCP port for them.",
     .min = 1,
     .max = 65'535},
    {.section = "peers",
     .name = "advertised",
     .slot = SLOT(peers.advertised),
     .meaning = "IP address at which the other nodes reach this one; empty: peers.address."},
    {.section = "peers",
     .name = "seeds",
     .slot = SLOT(peers.seeds),
     .meaning = "address:port of nodes to ask for the cluster, while this node does not know the others."},
    {.section = "peers",
     .name = "fixed",
     .slot = SLOT(peers.fixed),
     .meaning = "node=address:port, for nodes that this one reaches elsewhere than the cluster says."},
    {.section = "peers",
     .name = "bulk_bytes_per_second",
     .slot = SLOT(peers.bulk_bytes_per_second),
     .unit = "bytes per second",
     .meaning = "At most this much of a shard's rows goes to other nodes that are behind.",
     .min = 1 << 16,
     .max = 1ULL << 40},
  };
}

std::vector<field> metrics_fields() {
  return {
    {.section = "metrics",
     .name = "address",
     .slot = SLOT(metrics.address),
     .meaning = "Address to listen on. Metrics have no password: keep them off the internet."},
    {.section = "metrics", .name = "port", .slot = SLOT(metrics.port), .meaning = "TCP port.", .min = 1, .max = 65'535},
  };
}

std::vector<field> limits_fields() {
  return {
    {.section = "limits",
     .name = "connections",
     .slot = SLOT(limits.connections),
     .unit = "connections",
     .meaning = "Client connections at once; more are closed when they are accepted. The node raises its limit of "
                "open files to the hard limit, which has to be larger.",
     .min = 1,
     .max = 10'000'000},
    {.section = "limits",
     .name = "connections_per_address",
     .slot = SLOT(limits.connections_per_address),
     .unit = "connections",
     .meaning = "Client connections of one address at once; an IPv6 /64 counts as one address. "
                "Loopback has no such limit.",
     .min = 1,
     .max = 10'000'000},
    {.section = "limits",
     .name = "first_packet_seconds",
     .slot = SLOT(limits.first_packet_seconds),
     .unit = "seconds",
     .meaning = "How long a new connection may take until its first whole packet.",
     .min = 1,
     .max = 3600},
    {.section = "limits",
     .name = "idle_seconds",
     .slot = SLOT(limits.idle_seconds),
     .unit = "seconds",
     .meaning = "Silence after which a connection is closed. Clients ping about once a minute.",
     .min = 60,
     .max = 86'400},
    {.section = "limits",
     .name = "handshake_threads",
     .slot = SLOT(limits.handshake_threads),
     .unit = "threads",
     .meaning = "Threads for the expensive steps of key exchanges, beside the loops.",
     .min = 1,
     .max = 64},
    {.section = "limits",
     .name = "handshakes_waiting",
     .slot = SLOT(limits.handshakes_waiting),
     .unit = "handshakes",
     .meaning = "Key exchanges that may wait for such a thread; more are refused.",
     .min = 1,
     .max = 65'536},
    {.section = "limits",
     .name = "handshakes_per_address_minute",
     .slot = SLOT(limits.handshakes_per_address_minute),
     .unit = "per minute",
     .meaning = "Key exchanges of one address. Loopback has no such limit.",
     .min = 1,
     .max = 1'000'000},
    {.section = "limits",
     .name = "calls_per_session_second",
     .slot = SLOT(limits.calls_per_session_second),
     .unit = "per second",
     .meaning = "Calls of one session in the long run; 400 may come at once.",
     .min = 1,
     .max = 1'000'000},
    {.section = "limits",
     .name = "calls_per_account_second",
     .slot = SLOT(limits.calls_per_account_second),
     .unit = "per second",
     .meaning = "Calls of all sessions of one account in the long run; 1200 may come at once.",
     .min = 1,
     .max = 1'000'000},
  };
}

std::vector<field> auth_fields() {
  return {
    {.section = "auth",
     .name = "registration",
     .slot = CHOICE(auth.registration),
     .meaning = "Who may sign up: anyone who can receive a code, the invited alone, or nobody new.",
     .choices = registration_names},
    {.section = "auth",
     .name = "invited",
     .slot = SLOT(auth.invited),
     .meaning = "Phone numbers that may sign up while registration is \"invitation\", with + and country code.",
     .secret = true},
    {.section = "auth",
     .name = "invited_file",
     .slot = SLOT(auth.invited_file),
     .meaning = "File with more of them, one per line; # begins a comment. In a file, relative to the file.",
     .path = true},
    {.section = "auth",
     .name = "test_numbers",
     .slot = SLOT(auth.test_numbers),
     .meaning = "Accepts +99966XYYYY (10 to 15 digits) with the code XXXXX, for tests. Refused unless the node listens "
                "on loopback alone."},
    {.section = "auth",
     .name = "code_digits",
     .slot = SLOT(auth.code_digits),
     .unit = "digits",
     .meaning = "Length of a login code.",
     .min = 5,
     .max = 8},
    {.section = "auth",
     .name = "code_expiry_seconds",
     .slot = SLOT(auth.code_expiry_seconds),
     .unit = "seconds",
     .meaning = "How long a login code is good for.",
     .min = 30,
     .max = 3600},
    {.section = "auth",
     .name = "code_attempts",
     .slot = SLOT(auth.code_attempts),
     .unit = "attempts",
     .meaning = "Wrong attempts until a code is void.",
     .min = 1,
     .max = 20},
    {.section = "auth",
     .name = "code_resend_seconds",
     .slot = SLOT(auth.code_resend_seconds),
     .unit = "seconds",
     .meaning = "How long a client waits until it may ask for the code again.",
     .min = 10,
     .max = 3600},
    {.section = "auth",
     .name = "codes_per_number_day",
     .slot = SLOT(auth.codes_per_number_day),
     .unit = "per day",
     .meaning = "Login codes sent to one phone number.",
     .min = 1,
     .max = 10'000},
    {.section = "auth",
     .name = "codes_per_address_hour",
     .slot = SLOT(auth.codes_per_address_hour),
     .unit = "per hour",
     .meaning = "Login codes asked for by one address. Test numbers do not count.",
     .min = 1,
     .max = 1'000'000},
    {.section = "auth",
     .name = "webhook_url",
     .slot = SLOT(auth.webhook_url),
     .meaning =
       "http:// or https:// address that each login code is posted to, to send it by SMS; empty: codes are read with "
       "`godwit ctl code NUMBER`."},
    {.section = "auth",
     .name = "webhook_secret",
     .slot = SLOT(auth.webhook_secret),
     .meaning = "Key of the HMAC-SHA256 over each body, which goes with it as the header X-Godwit-Signature.",
     .secret = true},
    {.section = "auth",
     .name = "webhook_timeout_ms",
     .slot = SLOT(auth.webhook_timeout_ms),
     .unit = "milliseconds",
     .meaning = "How long one attempt may take.",
     .min = 100,
     .max = 60'000},
  };
}

std::vector<field> storage_fields() {
  return {
    {.section = "storage",
     .name = "map_bytes",
     .slot = SLOT(storage.map_bytes),
     .unit = "bytes",
     .meaning = "Address space of each environment at first. It is a sparse file and grows by itself.",
     .min = gib / 16,
     .max = 1ULL << 46},
    {.section = "storage",
     .name = "map_bytes_max",
     .slot = SLOT(storage.map_bytes_max),
     .unit = "bytes",
     .meaning = "Where growing ends and writes wait for the operator.",
     .min = gib / 16,
     .max = 1ULL << 46},
  };
}

std::vector<field> log_fields() {
  return {
    {.section = "log",
     .name = "level",
     .slot = CHOICE(log.level),
     .meaning = "Lines below it are left out. `godwit ctl log-level` changes it while the node runs.",
     .choices = level_names,
     .while_running = true},
    {.section = "log",
     .name = "levels",
     .slot = SLOT(log.levels),
     .meaning = "Levels of single components: [\"gateway=debug\", \"storage=warning\"].",
     .while_running = true},
    {.section = "log",
     .name = "format",
     .slot = CHOICE(log.format),
     .meaning = "Form of a line.",
     .choices = format_names},
    {.section = "log",
     .name = "file",
     .slot = SLOT(log.file),
     .meaning = "File to append to, opened anew on SIGHUP; empty: standard error. In a file, relative to the file.",
     .path = true},
  };
}

std::vector<field> dc_fields() {
  return {
    {.section = "dc",
     .name = "address",
     .slot = SLOT(dc.address),
     .meaning = "Address that clients are told to connect to; empty: the one each client has dialled."},
    {.section = "dc",
     .name = "port",
     .slot = SLOT(dc.port),
     .meaning = "Port that clients are told; 0: listen.port.",
     .min = 0,
     .max = 65'535},
    {.section = "dc",
     .name = "country",
     .slot = SLOT(dc.country),
     .meaning = "Two letters; what a client proposes as the country of a new phone number."},
  };
}

#undef SLOT
#undef CHOICE

} // namespace

std::span<const section> sections() { return section_table(); }

std::span<const field> fields() {
  static const std::vector<field> table = [] {
    std::vector<field> all;
    for (auto part : {node_fields, cluster_fields, listen_fields, peers_fields, metrics_fields, limits_fields,
                      auth_fields, storage_fields, log_fields, dc_fields}) {
      const auto some = part();
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return table;
}

const field* find_field(std::string_view section, std::string_view name) {
  const auto all = fields();
  const auto found =
    std::find_if(all.begin(), all.end(), [&](const field& f) { return f.section == section && f.name == name; });
  return found == all.end() ? nullptr : &*found;
}

} // namespace godwit::config
