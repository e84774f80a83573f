#include "node/server/data_folder.hpp"

#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include "config/config_fields.hpp"
#include "node/identity/secrets_file.hpp"
#include "node/server/durable_file.hpp"
#include "node/server/folder_secrets.hpp"
#include "persistence/lmdb/storage.hpp"
#include "protocol/crypto/rsa.hpp"

namespace godwit::node {
namespace {

namespace fs = std::filesystem;
using persistence::persistence_errc;

constexpr mode_t secret_mode = 0600;
constexpr mode_t public_mode = 0644;

unexpected<node_failure> refuse(std::string message) {
  return unexpected(node_failure{exit_code::data_folder, std::move(message)});
}

std::string text_of(const std::error_code& error) { return error.message(); }

/// Whether nothing of anybody's is in the folder. A new file system has lost+found.
bool holds_nothing(const fs::path& folder, std::error_code& error) {
  for (auto each = fs::directory_iterator(folder, error); !error && each != fs::directory_iterator();
       each.increment(error)) {
    if (each->path().filename() != "lost+found") {
      return false;
    }
  }
  return true;
}

/// Makes the folder, or accepts an empty one, or clears what an attempt that stopped has left.
expected<void, std::string> prepare(const data_folder& folder) {
  std::error_code error;
  if (!fs::exists(folder.root, error)) {
    fs::create_directories(folder.root, error);
    if (!error) {
      fs::permissions(folder.root, fs::perms::owner_all, error);
    }
    if (error) {
      return unexpected("data folder " + folder.root.string() + " cannot be made: " + text_of(error) +
                        ". Name one that this user can make.");
    }
  }
  if (!fs::is_directory(folder.root, error)) {
    return unexpected(folder.root.string() + " is not a folder. Name another one.");
  }
  if (fs::exists(folder.unfinished(), error)) {
    // Made in an empty folder before anything else, and no node has ever run here.
    for (const fs::path& each : {folder.settings(), folder.key(), folder.certificate(), folder.next_node(),
                                 folder.incarnation(), folder.begun(), folder.open_server_key(), folder.public_key(),
                                 folder.secrets(), folder.storage(), folder.unfinished()}) {
      fs::remove_all(each, error);
      fs::remove(each.string() + ".new", error);
    }
  }
  error.clear();
  const bool empty = holds_nothing(folder.root, error);
  if (error) {
    return unexpected("data folder " + folder.root.string() + " cannot be read: " + text_of(error) + ".");
  }
  if (!empty) {
    return unexpected("data folder " + folder.root.string() +
                      " is not empty. `godwit init` makes a new cluster in an empty folder alone; to run the one that "
                      "is here: godwit serve --data " +
                      folder.root.string());
  }
  return write_durably(folder.unfinished(), "", public_mode);
}

/// What was set, and who this is; the rest keeps its default.
std::string settings_text(const data_folder& folder, loaded_config settings, bool elsewhere) {
  for (const char* key : {"cluster.id", "cluster.name", "cluster.shards", "node.id", "listen.addresses", "listen.port",
                          "peers.address", "peers.port", "metrics.address", "metrics.port"}) {
    settings.origins.emplace(key, "");
  }
  settings.origins.erase("node.data");
  if (elsewhere) {
    settings.values.node.data = folder.root.string();
    settings.origins["node.data"] = "";
  }
  std::string text = "# Settings of a Godwit node. `godwit config example` prints every key with its meaning;\n"
                     "# a key that is not here has its default. cluster.shards is fixed.\n";
  for (const config::section& part : config::sections()) {
    std::string lines;
    for (const config::field& each : config::fields()) {
      if (each.section == part.name && settings.origins.contains(each.key())) {
        lines += std::string(each.name) + " = " + config::value_text(each, settings.values, true) + "\n";
      }
    }
    text += lines.empty() ? "" : "\n[" + std::string(part.name) + "]\n" + lines;
  }
  return text;
}

/// The settings of a node that joins: what the cluster has decided is not its own to choose.
expected<void, std::string> take_cluster(loaded_config& settings, const bundle& invited) {
  const node_credentials& who = invited.credentials;
  config::node_config& values = settings.values;
  const auto foreign = [&](const char* key, const std::string& chosen, const std::string& given) {
    return settings.origins.contains(key) && chosen != given;
  };
  if (foreign("node.id", std::to_string(values.node.id), std::to_string(who.node_id)) ||
      foreign("cluster.id", values.cluster.id, who.cluster_id) ||
      foreign("cluster.shards", std::to_string(values.cluster.shards), std::to_string(who.shards))) {
    return unexpected("node.id, cluster.id and cluster.shards come from the bundle: node " +
                      std::to_string(who.node_id) + " of cluster " + who.cluster_id + " with " +
                      std::to_string(who.shards) + " shards. Leave them out.");
  }
  values.node.id = who.node_id;
  values.cluster.shards = who.shards;
  if (!settings.origins.contains("cluster.name")) {
    values.cluster.name = invited.cluster_name;
  }
  if (!settings.origins.contains("peers.seeds")) {
    values.peers.seeds = invited.seeds;
    settings.origins["peers.seeds"] = "";
  }
  return {};
}

expected<void, std::string> make_all(const data_folder& folder, loaded_config settings,
                                     const std::optional<fs::path>& settings_file, const bundle* invited) {
  config::node_config& values = settings.values;
  if (invited != nullptr) {
    if (auto done = take_cluster(settings, *invited); !done) {
      return done;
    }
  }
  const auto who = invited != nullptr ? expected<node_credentials, std::string>(invited->credentials)
                                      : draw_credentials(values.node.id, values.cluster.shards, wall_clock_now());
  if (!who) {
    return unexpected(who.error());
  }
  values.cluster.id = who->cluster_id;
  if (auto done = write_credentials(folder, key_file_of(folder, values), *who); !done) {
    return done;
  }
  const persistence::lmdb::storage_settings made{.node = persistence::node_id(who->node_id),
                                                 .shard_count = static_cast<std::uint16_t>(who->shards)};
  if (auto done = persistence::lmdb::storage::create(folder.storage(), made); !done) {
    return unexpected(done.error().message);
  }
  return write_durably(settings_file.value_or(folder.settings()),
                       settings_text(folder, std::move(settings), settings_file.has_value()), secret_mode);
}

expected<void, std::string> remove_marker(const data_folder& folder) {
  if (::unlink(folder.unfinished().c_str()) != 0) {
    return unexpected("removing " + folder.unfinished().string() + ": " + std::generic_category().message(errno));
  }
  return sync_folder(folder.root);
}

expected<void, std::string> check_shape(const data_folder& folder) {
  const std::string name = "data folder " + folder.root.string();
  std::error_code error;
  if (!fs::is_directory(folder.root, error)) {
    return unexpected(name + " does not exist. Mount its disk, or make a new cluster with `godwit init --data " +
                      folder.root.string() + "`.");
  }
  if (fs::exists(folder.unfinished(), error)) {
    return unexpected(name + " is half made: an init or a snapshot did not end. Run `godwit init` again, or take the "
                             "snapshot again into an empty folder.");
  }
  const bool empty = holds_nothing(folder.root, error);
  if (error) {
    return unexpected(name + " cannot be read: " + text_of(error) + ". Run as the user that owns it.");
  }
  if (empty) {
    return unexpected(name + " is empty. Is its disk mounted? To make a new cluster in it: godwit init --data " +
                      folder.root.string());
  }
  for (const fs::path& each : {folder.secrets(), folder.storage()}) {
    if (!fs::exists(each, error)) {
      return unexpected(
        name + " has no " + each.filename().string() +
        ": it is no data folder, or it lost a part. Put that part back as it was; if others serve, invite a new "
        "node there in place of this one (godwit invite --replace); or name another "
        "folder.");
    }
  }
  return {};
}

expected<identity, std::string> read_identity(const data_folder& folder, const config::node_config& values) {
  auto who = open_credentials(folder, key_file_of(folder, values), wall_clock_now());
  if (!who) {
    return unexpected(who.error());
  }
  const auto key = crypto::rsa_private_key::from_pem(who->server_rsa_pem);
  if (!key) {
    return unexpected("the server's key is " + std::string(crypto::to_string(key.error())));
  }
  const auto public_key = key->public_key();
  return identity{
    .credentials = std::move(*who), .public_key_pem = public_key.to_pem(), .fingerprint = public_key.fingerprint()};
}

/// Whether the folder is the one that the configuration means; looks at nothing that is sealed.
expected<void, std::string> check_owner(const data_folder& folder, const config::node_config& values) {
  const auto read = read_secrets(folder.secrets());
  if (!read) {
    return unexpected(read.error());
  }
  const std::string name = "data folder " + folder.root.string();
  const node_credentials& who = read->open;
  if (!values.cluster.id.empty() && values.cluster.id != who.cluster_id) {
    return unexpected(name + " belongs to cluster " + who.cluster_id + ", the configuration to " + values.cluster.id +
                      ". Name the folder and the settings of one cluster.");
  }
  if (values.node.id != who.node_id) {
    return unexpected(name + " belongs to node " + std::to_string(who.node_id) + ", the configuration says " +
                      std::to_string(values.node.id) + ". Correct node.id, or name the folder of that node.");
  }
  return {};
}

} // namespace

expected<identity, node_failure> init_data_folder(const data_folder& folder, const loaded_config& settings,
                                                  const std::optional<fs::path>& settings_file, const bundle* invited) {
  std::error_code ignored;
  if (settings_file && fs::exists(*settings_file, ignored)) {
    return unexpected(node_failure{exit_code::failure, "settings file " + settings_file->string() +
                                                         " exists. Remove it, or name another one with --config."});
  }
  auto done = prepare(folder);
  if (done) {
    done = make_all(folder, settings, settings_file, invited);
  }
  if (done) {
    done = remove_marker(folder);
  }
  if (!done) {
    return refuse(done.error());
  }
  auto read = read_identity(folder, settings.values);
  if (!read) {
    return refuse(read.error());
  }
  return std::move(*read);
}

expected<identity, node_failure> open_data_folder(const data_folder& folder, const config::node_config& values) {
  auto good = check_shape(folder);
  if (good) {
    good = check_owner(folder, values);
  }
  if (!good) {
    return refuse(good.error());
  }
  auto read = read_identity(folder, values);
  if (!read) {
    return refuse(read.error());
  }
  return std::move(*read);
}

expected<void, std::string> begin_copy(const data_folder& target) { return prepare(target); }

expected<void, std::string> finish_copy(const data_folder& from, const data_folder& target, bool may_replace) {
  const struct {
    fs::path source;
    fs::path copy;
    mode_t mode;
    bool required;
  } files[] = {{from.key(), target.key(), secret_mode, false},
               {from.certificate(), target.certificate(), secret_mode, false},
               {from.public_key(), target.public_key(), public_mode, true},
               {from.next_node(), target.next_node(), secret_mode, false},
               {from.secrets(), target.secrets(), secret_mode, true},
               {from.begun(), target.begun(), secret_mode, false},
               {from.incarnation(), target.incarnation(), secret_mode, false},
               {from.settings(), target.settings(), secret_mode, false}};
  for (const auto& each : files) {
    if (each.source == from.incarnation() && !may_replace) {
      continue;
    }
    auto text = read_small_file(each.source);
    if (!text) {
      if (!each.required) {
        continue;
      }
      return unexpected(text.error());
    }
    auto written = write_durably(each.copy, *text, each.mode);
    crypto::wipe({reinterpret_cast<std::uint8_t*>(text->data()), text->size()});
    if (!written) {
      return written;
    }
  }
  return remove_marker(target);
}

std::string fingerprint_text(std::uint64_t fingerprint) {
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%016" PRIx64, fingerprint);
  return text.data();
}

} // namespace godwit::node
