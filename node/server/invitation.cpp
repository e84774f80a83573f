#include "node/server/invitation.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "config/config_fields.hpp"
#include "config/peer_text.hpp"
#include "node/control/control_client.hpp"
#include "node/server/durable_file.hpp"
#include "node/server/folder_lock.hpp"
#include "protocol/crypto/random.hpp"

namespace godwit::node {
namespace {

namespace fs = std::filesystem;

constexpr mode_t secret_mode = 0600;
constexpr std::uint64_t node_max = 4095;

unexpected<node_failure> refuse(exit_code code, std::string message) {
  return unexpected(node_failure{code, std::move(message)});
}

/// What the node that runs in the folder says.
struct cluster_answer {
  std::uint64_t next_node = 0;
  std::vector<std::string> seeds;
  std::uint64_t instead_of = 0; ///< the number that was to replace the same node before
};

/// Nothing: it does not run, or knows nothing yet. A node that cannot be replaced is an error.
expected<std::optional<cluster_answer>, node_failure> ask_node(const located& where, const invitation_request& what,
                                                               std::uint64_t counter) {
  std::vector<std::string> words{std::to_string(what.node.value_or(counter))};
  if (what.replaces) {
    words.push_back(std::to_string(*what.replaces));
    if (what.node) {
      words.emplace_back("exact"); // a mark for another number would stay when this one is refused
    }
  }
  const auto answer = control_call(control_socket(where), "next-node-id", words, std::chrono::seconds(10));
  if (what.replaces && !answer && !answer.error().no_node) {
    return refuse(exit_code::failure, "whether node " + std::to_string(*what.replaces) +
                                        " is to be replaced is not known: " + answer.error().message +
                                        ". See replaced_by in `godwit ctl nodes`, and invite again; the last "
                                        "invitation counts.");
  }
  if (what.replaces && !answer) {
    return refuse(exit_code::no_node, "the node here does not run, and the cluster has to hear which node is replaced. "
                                      "Start it, or invite on another node.");
  }
  if (what.replaces && !answer->ok) {
    return refuse(exit_code::failure, "node " + std::to_string(*what.replaces) + " is not replaced: " + answer->text);
  }
  if (!answer || !answer->ok) {
    return std::nullopt;
  }
  const auto document = nlohmann::json::parse(answer->json, nullptr, false);
  if (!document.is_object() || !document.contains("node") || !document["node"].is_number_unsigned()) {
    return std::nullopt;
  }
  cluster_answer out{document["node"].get<std::uint64_t>(), {}, document.value("instead_of", std::uint64_t{0})};
  if (document.contains("seeds") && document["seeds"].is_string()) {
    std::istringstream list(document["seeds"].get<std::string>());
    for (std::string each; std::getline(list, each, ',');) {
      if (config::parse_host_port(each)) {
        out.seeds.push_back(each);
      }
    }
  }
  return out;
}

/// The first number that this folder has not given out; nothing when the file is damaged.
std::optional<std::uint64_t> read_counter(const data_folder& folder, std::uint64_t own) {
  std::error_code error;
  if (!fs::exists(folder.next_node(), error)) {
    return own + 1;
  }
  const auto text = read_small_file(folder.next_node());
  std::uint64_t value = 0;
  const bool good = text && std::from_chars(text->data(), text->data() + text->size(), value).ec == std::errc{};
  return good && value > 0 ? std::optional(value) : std::nullopt;
}

expected<void, node_failure> check_number(const std::optional<std::uint64_t>& wanted, std::uint64_t free) {
  if (wanted && (*wanted < free || *wanted > node_max)) {
    return refuse(exit_code::usage, "node " + std::to_string(*wanted) + " cannot be given: numbers below " +
                                      std::to_string(free) +
                                      " were given before, and none is given twice. Leave --node out, or name one up "
                                      "to " +
                                      std::to_string(node_max) + ".");
  }
  return {};
}

expected<std::uint64_t, node_failure> choose_number(const invitation_request& what, const node_credentials& own,
                                                    std::uint64_t counter, const std::optional<cluster_answer>& asked) {
  const std::uint64_t free = std::max(counter, asked ? asked->next_node : 0);
  if (auto good = check_number(what.node, free); !good) {
    return unexpected(good.error());
  }
  if (!what.node && !asked && !own.founder) {
    return refuse(exit_code::no_node,
                  "this node does not run, or does not answer, and only it can tell which number is free. Start it, "
                  "or invite on node 1, or choose a number that was never used with --node.");
  }
  const std::uint64_t number = what.node.value_or(free);
  if (number > node_max) {
    return refuse(exit_code::failure, "all " + std::to_string(node_max) + " numbers of nodes were given.");
  }
  return number;
}

bool is_loopback(const std::string& seed) {
  const auto parsed = config::parse_host_port(seed);
  const auto address = parsed ? config::parse_ip(parsed->host) : std::nullopt;
  return address && address->is_loopback();
}

std::vector<std::string> find_seeds(const invitation_request& what, const config::node_config& values,
                                    const std::optional<cluster_answer>& asked) {
  if (!what.seeds.empty()) {
    return what.seeds;
  }
  const config::peers_section& peers = values.peers;
  const config::host_port own{peers.advertised.empty() ? peers.address : peers.advertised,
                              static_cast<std::uint16_t>(peers.port)};
  std::vector<std::string> seeds = {own.text()};
  for (const auto* more : {asked ? &asked->seeds : nullptr, &peers.seeds}) {
    if (more != nullptr) {
      seeds.insert(seeds.end(), more->begin(), more->end());
    }
  }
  std::vector<std::string> out;
  for (const std::string& each : seeds) {
    if (std::find(out.begin(), out.end(), each) == out.end()) {
      out.push_back(each);
    }
  }
  return out;
}

/// As --set takes it; lists have commas between their elements.
struct set_text {
  const config::field& which;

  std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
  std::string operator()(const std::uint64_t* value) const { return std::to_string(*value); }
  std::string operator()(const std::string* value) const { return *value; }
  std::string operator()(const std::vector<std::string>* value) const {
    std::string out;
    for (const std::string& each : *value) {
      out += (out.empty() ? "" : ",") + each;
    }
    return out;
  }
  std::string operator()(config::choice_slot slot) const { return std::string(which.choices[*slot.value]); }
};

/// What has to be the same wherever people sign in.
std::vector<std::string> shared_settings(const loaded_config& from) {
  std::vector<std::string> sets;
  config::node_config values = from.values;
  for (const config::field& each : config::fields()) {
    const bool shared = (each.section == "auth" && !each.path) || each.key() == "dc.country";
    if (shared && from.origins.contains(each.key())) {
      sets.push_back(each.key() + "=" + std::visit(set_text{each}, each.slot(values)));
    }
  }
  return sets;
}

/// The settings that --address stands for; nothing: it is none.
std::optional<std::vector<std::string>> address_settings(const std::string& address, std::uint64_t port) {
  if (address.empty()) {
    return std::vector<std::string>();
  }
  if (const auto ip = config::parse_ip(address); ip && !ip->is_any()) {
    return std::vector<std::string>{"peers.address=" + address, "peers.port=" + std::to_string(port)};
  }
  if (const auto both = config::parse_host_port(address)) {
    return std::vector<std::string>{"peers.address=" + both->host, "peers.port=" + std::to_string(both->port)};
  }
  return std::nullopt;
}

expected<std::string, node_failure> read_passphrase(const fs::path& file) {
  auto text = read_small_file(file);
  if (!text) {
    return refuse(exit_code::failure, text.error());
  }
  text->erase(text->find_last_not_of(" \t\r\n") + 1);
  if (text->size() < passphrase_bytes_min) {
    return refuse(exit_code::failure, file.string() + ": a passphrase has " + std::to_string(passphrase_bytes_min) +
                                        " characters at least. Name a file that is not there yet, and one is drawn.");
  }
  return std::move(*text);
}

expected<std::string, node_failure> passphrase_for(const invitation_request& what) {
  if (!what.passphrase_file) {
    return std::string();
  }
  std::error_code ignored;
  if (fs::exists(*what.passphrase_file, ignored)) {
    return read_passphrase(*what.passphrase_file);
  }
  std::string drawn = draw_passphrase(crypto::system_random());
  if (auto done = write_durably(*what.passphrase_file, drawn + "\n", secret_mode); !done) {
    return refuse(exit_code::failure, done.error());
  }
  return drawn;
}

/// What can be seen without the cluster: an invitation that fails has set nothing aside, and marked no node.
expected<void, node_failure> check_output(const invitation_request& what) {
  std::error_code ignored;
  if (const fs::path folder = what.output.parent_path(); !folder.empty() && !fs::is_directory(folder, ignored)) {
    return refuse(exit_code::failure, folder.string() + " is no folder. Make it, or name another file.");
  }
  if (fs::exists(what.output, ignored)) {
    return refuse(exit_code::failure, what.output.string() + " exists. Remove it, or name another file: each bundle is "
                                                             "for one node.");
  }
  return {};
}

expected<void, node_failure> check_seeds(const invitation_request& what, const std::vector<std::string>& seeds) {
  for (const std::string& each : seeds) {
    if (!config::parse_host_port(each)) {
      return refuse(exit_code::usage,
                    "\"" + each + "\" is no address and port of a node: write 192.0.2.1:4431 or [2001:db8::1]:4431");
    }
  }
  const auto ip = config::parse_ip(what.address);
  const auto both = config::parse_host_port(what.address);
  const bool elsewhere = (ip && !ip->is_loopback()) || (both && !is_loopback(what.address));
  if (elsewhere && std::all_of(seeds.begin(), seeds.end(), is_loopback)) {
    return refuse(exit_code::config, "a node at " + what.address +
                                       " cannot reach this one: peers.address here is for this machine alone. Set "
                                       "peers.address, restart this node, and invite again.");
  }
  return {};
}

} // namespace

expected<invitation, node_failure> invite(const located& where, const invitation_request& what, wall_seconds now) {
  const config::node_config& values = where.config.values;
  const auto own = open_data_folder(where.folder, values);
  if (!own) {
    return unexpected(own.error());
  }
  const auto own_address = address_settings(what.address, values.peers.port);
  if (!own_address) {
    return refuse(exit_code::usage, "--address wants an IP address, with a port or without: 192.0.2.2, 192.0.2.2:4431");
  }
  const auto alone = folder_lock::take(where.folder.root);
  if (!alone) {
    return refuse(exit_code::data_folder, alone.error());
  }
  const auto counter = read_counter(where.folder, own->credentials.node_id);
  if (!counter) {
    return refuse(exit_code::data_folder,
                  where.folder.next_node().string() +
                    " is damaged. Write into it a number that no node of the cluster has or had.");
  }
  auto good = check_number(what.node, *counter);
  if (good) {
    good = check_output(what);
  }
  if (good) {
    good = check_seeds(what, find_seeds(what, values, std::nullopt));
  }
  if (!good) {
    return unexpected(good.error());
  }
  const auto passphrase = passphrase_for(what);
  if (!passphrase) {
    return unexpected(passphrase.error());
  }
  const auto answered = ask_node(where, what, *counter);
  if (!answered) {
    return unexpected(answered.error());
  }
  const std::optional<cluster_answer>& asked = *answered;
  bundle made;
  made.credentials = own->credentials;
  made.seeds = find_seeds(what, values, asked);
  const auto number = choose_number(what, own->credentials, *counter, asked);
  if (!number) {
    return unexpected(number.error());
  }
  made.credentials.node_id = *number;
  made.credentials.founder = false;
  auto certified = make_node_certificate(made.credentials, now);
  if (!certified) {
    return refuse(exit_code::data_folder, certified.error());
  }
  made.credentials.certificate_pem = std::move(certified->certificate_pem);
  made.credentials.key_pem = std::move(certified->key_pem);
  made.cluster_name = values.cluster.name;
  made.sets = shared_settings(where.config);
  made.sets.insert(made.sets.end(), own_address->begin(), own_address->end());
  made.expires_at = now + bundle_seconds;
  // First the number: a bundle whose number is not counted could be given to two nodes.
  auto done = write_durably(where.folder.next_node(), std::to_string(*number + 1) + "\n", secret_mode);
  if (done) {
    done = write_durably(what.output, bundle_text(made, *passphrase, crypto::system_random()), secret_mode);
  }
  if (!done) {
    return refuse(exit_code::failure, done.error());
  }
  return invitation{*number, made.seeds, certificate_hash(made.credentials.ca_pem), made.expires_at,
                    asked ? asked->instead_of : 0};
}

expected<bundle, node_failure> open_bundle(const fs::path& file, const std::optional<fs::path>& passphrase_file,
                                           wall_seconds now) {
  const std::string name = "bundle " + file.string() + " ";
  const auto text = read_small_file(file);
  if (!text) {
    return refuse(exit_code::failure, "bundle: " + text.error());
  }
  const auto label = read_bundle_label(*text);
  std::string passphrase;
  if (label && label->passphrase) {
    if (!passphrase_file) {
      return refuse(exit_code::usage, name + "is sealed under a passphrase. Name the file that holds it with "
                                             "--passphrase-file.");
    }
    auto read = read_passphrase(*passphrase_file);
    if (!read) {
      return unexpected(read.error());
    }
    passphrase = std::move(*read);
  }
  auto opened = read_bundle(*text, passphrase, now);
  if (!opened) {
    return refuse(exit_code::failure, name + opened.error());
  }
  return std::move(*opened);
}

} // namespace godwit::node
