#include "node/identity/bundle.hpp"

#include <array>
#include <optional>
#include <sstream>
#include <toml++/toml.h>

#include "node/identity/hex.hpp"
#include "node/identity/secrets_file.hpp"
#include "protocol/crypto/sealing.hpp"

namespace godwit::node {
namespace {

constexpr std::int64_t bundle_format = 1;
/// Without letters and digits that look alike.
constexpr std::string_view alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
static_assert(alphabet.size() == 32);
constexpr std::size_t passphrase_letters = 26;
constexpr std::size_t group = 5;

struct outside {
  bundle_label label;
  std::string salt;
  std::string sealed;
};

crypto::sealing_key key_of(std::string_view passphrase, std::string_view salt) {
  return crypto::derive_key_slowly(crypto::as_bytes(passphrase), crypto::as_bytes(salt));
}

std::string purpose_of(const bundle_label& label) {
  return "godwit bundle 1\n" + label.cluster_id + "\n" + std::to_string(label.node_id) + "\n" +
         std::to_string(label.expires_at) + (label.passphrase ? "\npassphrase" : "\nopen");
}

toml::array list_of(const std::vector<std::string>& texts) {
  toml::array out;
  for (const std::string& each : texts) {
    out.push_back(each);
  }
  return out;
}

bool read_list(const toml::table& document, std::string_view name, std::vector<std::string>& into) {
  const toml::array* const list = document[name].as_array();
  if (list == nullptr) {
    return false;
  }
  for (const auto& each : *list) {
    if (!each.is_string()) {
      return false;
    }
    into.push_back(each.value_or(std::string()));
  }
  return true;
}

std::string inside_of(const bundle& what) {
  std::ostringstream rest;
  rest << toml::table{{{"certificate", what.credentials.certificate_pem},
                       {"key", what.credentials.key_pem},
                       {"ca_sha256", certificate_hash(what.credentials.ca_pem)},
                       {"cluster_name", what.cluster_name},
                       {"shards", static_cast<std::int64_t>(what.credentials.shards)},
                       {"seeds", list_of(what.seeds)},
                       {"sets", list_of(what.sets)}}};
  return cluster_secrets_text(what.credentials) + rest.str() + "\n";
}

bool read_inside(const std::string& text, bundle& into) {
  try {
    const toml::table document = toml::parse(text);
    into.credentials.certificate_pem = document["certificate"].value_or(std::string());
    into.credentials.key_pem = document["key"].value_or(std::string());
    into.cluster_name = document["cluster_name"].value_or(std::string());
    const auto shards = document["shards"].value_or(std::int64_t{0});
    into.credentials.shards = static_cast<std::uint64_t>(shards);
    return shards > 0 && read_cluster_secrets(text, into.credentials) && read_list(document, "seeds", into.seeds) &&
           read_list(document, "sets", into.sets) &&
           document["ca_sha256"].value_or(std::string()) == certificate_hash(into.credentials.ca_pem);
  } catch (const std::exception&) {
    return false;
  }
}

std::optional<outside> outside_of(std::string_view text) {
  try {
    const toml::table document = toml::parse(text);
    outside out;
    std::array<std::uint8_t, 16> cluster{};
    const auto node = document["node_id"].value_or(std::int64_t{0});
    out.label.cluster_id = document["cluster_id"].value_or(std::string());
    out.label.expires_at = document["expires_at"].value_or(std::int64_t{0});
    out.label.passphrase = document["passphrase"].value_or(true);
    out.label.node_id = static_cast<std::uint64_t>(node);
    const auto salt = from_hex(document["salt"].value_or(std::string_view()));
    const auto sealed = from_hex(document["sealed"].value_or(std::string_view()));
    if (document["godwit_bundle"].value_or(std::int64_t{0}) != bundle_format || node < 1 || !salt || !sealed ||
        !from_hex(out.label.cluster_id, cluster)) {
      return std::nullopt;
    }
    out.salt = *salt;
    out.sealed = *sealed;
    return out;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

} // namespace

std::string draw_passphrase(crypto::random_source& random) {
  std::array<std::uint8_t, passphrase_letters> drawn{};
  random.fill(drawn);
  std::string out;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    out += i != 0 && i % group == 0 ? "-" : "";
    out += alphabet[drawn[i] % alphabet.size()];
  }
  return out;
}

std::string bundle_text(const bundle& what, std::string_view passphrase, crypto::random_source& random) {
  const bundle_label label{what.credentials.cluster_id, what.credentials.node_id, what.expires_at, !passphrase.empty()};
  std::array<std::uint8_t, 16> salt{};
  random.fill(salt);
  std::string inside = inside_of(what);
  const auto key = key_of(passphrase, crypto::as_text(salt));
  const auto sealed = crypto::seal(key, crypto::as_bytes(purpose_of(label)), crypto::as_bytes(inside), random);
  crypto::wipe({reinterpret_cast<std::uint8_t*>(inside.data()), inside.size()});
  const std::string warning =
    label.passphrase ? "# With its passphrase it opens every secret of the cluster. Remove it once the node was made."
                     : "# WHOEVER HAS THIS FILE HAS EVERY SECRET OF THE CLUSTER. Remove it once the node was made.";
  return "# For node " + std::to_string(label.node_id) + " of a Godwit cluster, until " + date_text(label.expires_at) +
         ": godwit init --data FOLDER --bundle THIS_FILE\n" + warning +
         "\ngodwit_bundle = " + std::to_string(bundle_format) + "\ncluster_id = \"" + label.cluster_id +
         "\"\nnode_id = " + std::to_string(label.node_id) + "\nexpires_at = " + std::to_string(label.expires_at) +
         "\npassphrase = " + (label.passphrase ? "true" : "false") + "\nsalt = \"" + to_hex(salt) + "\"\nsealed = \"" +
         to_hex(sealed) + "\"\n";
}

std::optional<bundle_label> read_bundle_label(std::string_view text) {
  const auto read = outside_of(text);
  return read ? std::optional(read->label) : std::nullopt;
}

expected<bundle, std::string> read_bundle(std::string_view text, std::string_view passphrase, wall_seconds now) {
  const auto read = outside_of(text);
  if (!read) {
    return unexpected(std::string("is no bundle of this version of godwit, or was cut off. Copy it again, or make one "
                                  "anew with `godwit invite`."));
  }
  if (now > read->label.expires_at) {
    return unexpected("could be used until " + date_text(read->label.expires_at) + ", and this machine's clock says " +
                      date_text(now) + ". Make one anew with `godwit invite` on a node of the cluster.");
  }
  auto inside = crypto::unseal(key_of(passphrase, read->salt), crypto::as_bytes(purpose_of(read->label)),
                               crypto::as_bytes(read->sealed));
  if (!inside) {
    const char* why = read->label.passphrase ? "the passphrase is not the one that it was made with, or the " : "the ";
    return unexpected("does not open: " + std::string(why) + "file was changed. Copy it again.");
  }
  bundle out;
  out.credentials.cluster_id = read->label.cluster_id;
  out.credentials.node_id = read->label.node_id;
  out.credentials.founder = false;
  out.expires_at = read->label.expires_at;
  const bool good = read_inside(*inside, out);
  crypto::wipe({reinterpret_cast<std::uint8_t*>(inside->data()), inside->size()});
  if (!good) {
    return unexpected(std::string("is incomplete. Make one anew with `godwit invite`."));
  }
  if (const auto bad = certificate_status(out.credentials, now)) {
    return unexpected("has a certificate that cannot be used: " + bad->message);
  }
  return out;
}

} // namespace godwit::node
