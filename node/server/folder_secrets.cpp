#include "node/server/folder_secrets.hpp"

#include <cerrno>
#include <chrono>
#include <system_error>

#include <unistd.h>

#include "node/identity/hex.hpp"
#include "node/identity/key_file.hpp"
#include "node/identity/secrets_file.hpp"
#include "node/server/durable_file.hpp"
#include "node/server/folder_lock.hpp"
#include "persistence/lmdb/storage_format.hpp"
#include "protocol/crypto/random.hpp"
#include "protocol/crypto/rsa.hpp"

namespace godwit::node {
namespace {

namespace fs = std::filesystem;
namespace lmdb = persistence::lmdb;

constexpr mode_t secret_mode = 0600;
constexpr mode_t public_mode = 0644;

/// Client libraries write fingerprints as hexadecimal digits, some with and some without leading zeros, and
/// mtcute both ways: a fingerprint that has none is found by all.
bool every_client_finds(std::uint64_t fingerprint) { return fingerprint >> 60 != 0; }

expected<std::string, std::string> draw_server_key() {
  auto key = crypto::rsa_private_key::generate();
  while (key && !every_client_finds(key->fingerprint())) {
    key = crypto::rsa_private_key::generate();
  }
  if (!key) {
    return unexpected("an RSA key cannot be made: " + std::string(crypto::to_string(key.error())));
  }
  return key->to_pem();
}

/// The authority and the node's own certificate, into `who`.
expected<void, std::string> certify(node_credentials& who, wall_seconds now) {
  auto authority = make_authority(who.cluster_id, now);
  if (!authority) {
    return unexpected(authority.error());
  }
  who.ca_pem = std::move(authority->certificate_pem);
  who.ca_key_pem = std::move(authority->key_pem);
  auto own = make_node_certificate(who, now);
  if (!own) {
    return unexpected(own.error());
  }
  who.certificate_pem = std::move(own->certificate_pem);
  who.key_pem = std::move(own->key_pem);
  return {};
}

expected<folder_key, std::string> make_key_file(const fs::path& file) {
  std::error_code error;
  if (fs::exists(file, error) || error) {
    return read_key_file(file);
  }
  const folder_key key = draw_folder_key(crypto::system_random());
  if (auto done = write_durably(file, key_file_text(key), secret_mode); !done) {
    return unexpected("the key of the folder cannot be kept: " + done.error() +
                      ". Name another place as node.key_file.");
  }
  return key;
}

expected<void, std::string> write_certificate(const data_folder& folder, const folder_key& key,
                                              const node_credentials& who) {
  return write_durably(folder.certificate(), certificate_text(who, key, crypto::system_random()), secret_mode);
}

expected<void, std::string> remove_file(const fs::path& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) {
    return unexpected("removing " + file.string() + ": " + std::generic_category().message(errno));
  }
  return sync_folder(file.parent_path());
}

expected<std::uint64_t, std::string> shards_of(const data_folder& folder) {
  lmdb::environment_options options;
  options.folder = folder.storage() / "log";
  options.create = false;
  auto opened = lmdb::environment::open(options);
  if (!opened) {
    return unexpected(opened.error().message);
  }
  const auto format = lmdb::read_format(**opened, lmdb::environment_kind::log);
  if (!format) {
    return unexpected(format.error().message);
  }
  return format->shard_count;
}

/// Seals what an earlier version left in the open.
expected<node_credentials, std::string> seal_open_folder(const data_folder& folder, const fs::path& key_file,
                                                         const secrets_file& read, wall_seconds now) {
  node_credentials who = read.open;
  auto pem = read_small_file(folder.open_server_key());
  if (!pem) {
    return unexpected(pem.error() + ". Restore it from a copy.");
  }
  who.server_rsa_pem = std::move(*pem);
  if (const auto key = crypto::rsa_private_key::from_pem(who.server_rsa_pem); !key) {
    return unexpected(folder.open_server_key().string() +
                      " cannot be used: " + std::string(crypto::to_string(key.error())) + ". Restore it from a copy.");
  }
  const auto shards = shards_of(folder);
  if (!shards) {
    return unexpected(shards.error());
  }
  who.shards = *shards;
  crypto::system_random().fill(who.record_key);
  if (auto done = certify(who, now); !done) {
    return unexpected(done.error());
  }
  if (auto done = write_credentials(folder, key_file, who); !done) {
    return unexpected(done.error());
  }
  if (auto done = remove_file(folder.open_server_key()); !done) {
    return unexpected(done.error());
  }
  return who;
}

/// What a crash between sealing and the end has left.
expected<void, std::string> remove_open_copy(const data_folder& folder, const node_credentials& who) {
  const auto left = read_small_file(folder.open_server_key());
  return left && *left == who.server_rsa_pem ? remove_file(folder.open_server_key()) : expected<void, std::string>();
}

expected<void, std::string> recertify(const data_folder& folder, const folder_key& key, node_credentials& who,
                                      wall_seconds now) {
  auto made = make_node_certificate(who, now);
  if (!made) {
    return unexpected(made.error());
  }
  who.certificate_pem = std::move(made->certificate_pem);
  who.key_pem = std::move(made->key_pem);
  return write_certificate(folder, key, who);
}

bool is_due(const node_credentials& who, wall_seconds now) {
  const auto facts = read_certificate(who.certificate_pem);
  return facts && renewal_due(*facts, now);
}

expected<void, std::string> open_certificate(const data_folder& folder, const folder_key& key, node_credentials& who,
                                             wall_seconds now) {
  std::error_code error;
  if (!fs::exists(folder.certificate(), error) && !error) {
    return recertify(folder, key, who, now);
  }
  const auto text = read_small_file(folder.certificate());
  if (!text) {
    return unexpected(text.error());
  }
  read_certificate_text(*text, key, who);
  const auto bad = certificate_status(who, now);
  // Made while the clock was ahead. Whoever holds the authority's key makes another; the authority has to be valid.
  const bool early = bad && bad->what == certificate_fault::not_yet_valid;
  if (bad && bad->what != certificate_fault::expired && !early) {
    return unexpected(folder.certificate().string() + ": " + bad->message);
  }
  if (const auto begin = authority_begin(who.ca_pem); early && begin && now < *begin) {
    return unexpected("the cluster's certificate authority is good from " + date_text(*begin) +
                      " on, and this machine's clock says " + date_text(now) + ". Set the clock.");
  }
  return early || is_due(who, now) ? recertify(folder, key, who, now) : expected<void, std::string>();
}

} // namespace

fs::path key_file_of(const data_folder& folder, const config::node_config& values) {
  return values.node.key_file.empty() ? folder.key() : fs::path(values.node.key_file);
}

expected<node_credentials, std::string> draw_credentials(std::uint64_t node_id, std::uint64_t shards,
                                                         wall_seconds now) {
  auto& random = crypto::system_random();
  node_credentials drawn;
  std::array<std::uint8_t, 16> cluster{};
  random.fill(cluster);
  drawn.cluster_id = to_hex(cluster);
  drawn.node_id = node_id;
  drawn.shards = shards;
  random.fill(drawn.access_hash_key);
  random.fill(drawn.salt_key);
  random.fill(drawn.record_key);
  auto key = draw_server_key();
  if (!key) {
    return unexpected(key.error());
  }
  drawn.server_rsa_pem = std::move(*key);
  if (auto done = certify(drawn, now); !done) {
    return unexpected(done.error());
  }
  return drawn;
}

expected<void, std::string> write_credentials(const data_folder& folder, const fs::path& key_file,
                                              const node_credentials& who) {
  const auto key = make_key_file(key_file);
  if (!key) {
    return unexpected(key.error());
  }
  const auto server_key = crypto::rsa_private_key::from_pem(who.server_rsa_pem);
  if (!server_key) {
    return unexpected("the server's key " + std::string(crypto::to_string(server_key.error())));
  }
  auto done = write_durably(folder.public_key(), server_key->public_key().to_pem(), public_mode);
  if (done) {
    done = write_certificate(folder, *key, who);
  }
  if (done) {
    done = write_durably(folder.secrets(), secrets_text(who, *key, crypto::system_random()), secret_mode);
  }
  return done;
}

expected<node_credentials, std::string> open_credentials(const data_folder& folder, const fs::path& key_file,
                                                         wall_seconds now) {
  const auto alone = folder_lock::take(folder.root);
  if (!alone) {
    return unexpected(alone.error());
  }
  const auto read = read_secrets(folder.secrets());
  if (!read) {
    return unexpected(read.error());
  }
  if (read->format == 1) {
    return seal_open_folder(folder, key_file, *read, now);
  }
  const auto key = read_key_file(key_file);
  if (!key) {
    return unexpected(key.error());
  }
  auto who = unseal_secrets(*read, *key, folder.secrets(), key_file);
  if (!who) {
    return who;
  }
  if (const auto rsa = crypto::rsa_private_key::from_pem(who->server_rsa_pem); !rsa) {
    return unexpected(folder.secrets().string() + ": is damaged; restore it from a copy");
  }
  auto done = open_certificate(folder, *key, *who, now);
  if (done) {
    done = remove_open_copy(folder, *who);
  }
  if (!done) {
    return unexpected(done.error());
  }
  return who;
}

expected<bool, std::string> renew_certificate(const data_folder& folder, const config::node_config& values,
                                              node_credentials& who, wall_seconds now) {
  if (!is_due(who, now)) {
    return false;
  }
  const auto alone = folder_lock::take(folder.root);
  if (!alone) {
    return unexpected(alone.error());
  }
  const auto key = read_key_file(key_file_of(folder, values));
  if (!key) {
    return unexpected(key.error());
  }
  if (auto done = recertify(folder, *key, who, now); !done) {
    return unexpected(done.error());
  }
  return true;
}

wall_seconds wall_clock_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace godwit::node
