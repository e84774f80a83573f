#include "node/identity/secrets_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <toml++/toml.h>

#include "config/limits.hpp"
#include "node/identity/hex.hpp"

namespace godwit::node {
namespace {

constexpr std::int64_t open_format = 1;
constexpr std::int64_t sealed_format = 2;
constexpr std::string_view sealed_key_line = "sealed_key = ";

/// What is said in the open is sealed along: nobody makes another node of the file.
std::string purpose_of(const node_credentials& who) {
  return "secrets 2\n" + who.cluster_id + "\n" + std::to_string(who.node_id) + "\n" + std::to_string(who.shards) +
         (who.founder ? "\nfounder" : "\njoined");
}

std::string certificate_purpose(const node_credentials& who) {
  return "certificate 1\n" + who.cluster_id + "\n" + std::to_string(who.node_id);
}

std::string pem_entry(std::string_view name, const std::string& pem) {
  return std::string(name) + " = \"\"\"\n" + pem + "\"\"\"\n";
}

bool read_pem(const toml::table& document, std::string_view name, std::string& into) {
  into = document[name].value_or(std::string());
  return into.starts_with("-----BEGIN ");
}

bool read_key(const toml::table& document, std::string_view name, std::array<std::uint8_t, 32>& into) {
  return from_hex(document[name].value_or(std::string_view()), into);
}

std::optional<secrets_file> file_of(const toml::table& document) {
  secrets_file out;
  out.format = document["format"].value_or(std::int64_t{0});
  const auto id = document["node_id"].value<std::int64_t>();
  std::array<std::uint8_t, 16> cluster{};
  out.open.cluster_id = document["cluster_id"].value_or(std::string());
  if (!id || *id < 1 || !from_hex(out.open.cluster_id, cluster)) {
    return std::nullopt;
  }
  out.open.node_id = static_cast<std::uint64_t>(*id);
  if (out.format == open_format) {
    const bool whole = read_key(document, "access_hash_key", out.open.access_hash_key) &&
                       read_key(document, "salt_key", out.open.salt_key);
    return whole ? std::optional(std::move(out)) : std::nullopt;
  }
  const auto founder = document["founder"].value<bool>();
  const auto shards = document["shards"].value_or(std::int64_t{0});
  out.sealed_under = document["sealed_under"].value_or(std::string());
  out.sealed = document["sealed"].value_or(std::string());
  if (!founder || shards < 1 || out.sealed_under.empty() || out.sealed.empty()) {
    return std::nullopt;
  }
  out.open.founder = *founder;
  out.open.shards = static_cast<std::uint64_t>(shards);
  return out;
}

} // namespace

expected<secrets_file, std::string> read_secrets(const std::filesystem::path& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    const int error = errno != 0 ? errno : EIO;
    return unexpected(file.string() + ": cannot be read: " + std::generic_category().message(error) +
                      ". A data folder made by `godwit init` has it; restore it from a copy.");
  }
  std::string text(limits::config_file_bytes_max, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  // What the parser says about a broken file may quote it, so it is not passed on.
  try {
    const toml::table document = toml::parse(text);
    const auto version = document["format"].value<std::int64_t>();
    if (version && (*version < open_format || *version > sealed_format)) {
      return unexpected(file.string() + ": has format " + std::to_string(*version) + "; this program reads formats " +
                        std::to_string(open_format) + " and " + std::to_string(sealed_format) +
                        ". Start the version that wrote it.");
    }
    if (auto read = file_of(document); version && read) {
      return *std::move(read);
    }
  } catch (const std::exception&) {
  }
  return unexpected(file.string() + ": is damaged; restore it from a copy");
}

std::string cluster_secrets_text(const node_credentials& who) {
  return "access_hash_key = \"" + to_hex(who.access_hash_key) + "\"\nsalt_key = \"" + to_hex(who.salt_key) +
         "\"\nrecord_key = \"" + to_hex(who.record_key) + "\"\n" + pem_entry("server_rsa", who.server_rsa_pem) +
         pem_entry("ca", who.ca_pem) + pem_entry("ca_key", who.ca_key_pem);
}

bool read_cluster_secrets(std::string_view text, node_credentials& into) {
  try {
    const toml::table document = toml::parse(text);
    return read_key(document, "access_hash_key", into.access_hash_key) &&
           read_key(document, "salt_key", into.salt_key) && read_key(document, "record_key", into.record_key) &&
           read_pem(document, "server_rsa", into.server_rsa_pem) && read_pem(document, "ca", into.ca_pem) &&
           read_pem(document, "ca_key", into.ca_key_pem);
  } catch (const std::exception&) {
    return false;
  }
}

std::string secrets_text(const node_credentials& who, const folder_key& key, crypto::random_source& random) {
  std::string inside = cluster_secrets_text(who);
  std::string text = "# Who this node is, and the cluster's secrets, encrypted under the key of node.key_file. Keep a\n"
                     "# copy of this file and of that key: without both no client's data is valid any more.\n"
                     "format = " +
                     std::to_string(sealed_format) + "\ncluster_id = \"" + who.cluster_id +
                     "\"\nnode_id = " + std::to_string(who.node_id) + "\nshards = " + std::to_string(who.shards) +
                     "\nfounder = " + (who.founder ? "true" : "false") + "\nsealed_under = \"" + key.name() +
                     "\"\nsealed = \"" + seal_text(key, purpose_of(who), inside, random) + "\"\n";
  crypto::wipe({reinterpret_cast<std::uint8_t*>(inside.data()), inside.size()});
  return text;
}

expected<node_credentials, std::string> unseal_secrets(const secrets_file& read, const folder_key& key,
                                                       const std::filesystem::path& file,
                                                       const std::filesystem::path& key_file) {
  if (read.sealed_under != key.name()) {
    return unexpected(file.string() + " is encrypted under key " + read.sealed_under + ", and " + key_file.string() +
                      " holds key " + key.name() + ". Name the right file as node.key_file.");
  }
  auto inside = unseal_text(key, purpose_of(read.open), read.sealed);
  node_credentials out = read.open;
  const bool good = inside && read_cluster_secrets(*inside, out);
  if (inside) {
    crypto::wipe({reinterpret_cast<std::uint8_t*>(inside->data()), inside->size()});
  }
  if (!good) {
    return unexpected(file.string() + ": is damaged; restore it from a copy");
  }
  return out;
}

std::string certificate_text(const node_credentials& who, const folder_key& key, crypto::random_source& random) {
  return who.certificate_pem + std::string(sealed_key_line) +
         seal_text(key, certificate_purpose(who), who.key_pem, random) + "\n";
}

bool read_certificate_text(const std::string& text, const folder_key& key, node_credentials& who) {
  const auto at = text.find(sealed_key_line);
  if (at == std::string::npos) {
    who.certificate_pem = text;
    who.key_pem.clear();
    return false;
  }
  std::string sealed = text.substr(at + sealed_key_line.size());
  sealed.erase(sealed.find_last_not_of(" \t\r\n") + 1);
  who.certificate_pem = text.substr(0, at);
  who.key_pem = unseal_text(key, certificate_purpose(who), sealed).value_or(std::string());
  return !who.key_pem.empty();
}

} // namespace godwit::node
