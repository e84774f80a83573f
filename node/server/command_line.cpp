#include "node/server/command_line.hpp"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/config_fields.hpp"
#include "node/control/control_client.hpp"
#include "node/server/data_folder.hpp"
#include "node/server/folder_secrets.hpp"
#include "node/server/help_text.hpp"
#include "node/server/invitation.hpp"
#include "node/server/serve.hpp"
#include "node/server/version.hpp"

namespace godwit::node {
namespace {

namespace fs = std::filesystem;

exit_code refuse(exit_code code, const std::string& message) {
  std::fprintf(stderr, "godwit: %s\n", message.c_str());
  return code;
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (text.empty() || text.back() != '\n') {
    std::fputc('\n', stdout);
  }
}

/// What the options of all commands are read into.
struct options {
  std::string config;
  std::string data;
  std::string socket;
  std::vector<std::string> sets;
  std::vector<std::string> words;
  std::string about;
  std::string bundle;
  std::string passphrase_file;
  invitation_request invites;
  std::string output;
  std::uint64_t node = 0;
  bool json = false;
  unsigned timeout_seconds = 600;

  [[nodiscard]] static std::optional<fs::path> path(const std::string& text) {
    return text.empty() ? std::optional<fs::path>() : std::optional<fs::path>(text);
  }
  [[nodiscard]] location where() const { return {.config = path(config), .data = path(data), .sets = sets}; }
};

fs::path absolute(const std::string& text) {
  std::error_code ignored;
  const fs::path path = fs::absolute(text, ignored).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

/// Makes the folder that the options name; what it is for a person or a program is printed.
exit_code run_init(const options& given) {
  if (given.data.empty()) {
    return refuse(exit_code::usage, "name the folder to make with --data FOLDER");
  }
  std::optional<bundle> invited;
  config_sources sources{.file = {}, .environment = godwit_environment(), .sets = {}};
  if (!given.bundle.empty()) {
    auto opened = open_bundle(given.bundle, options::path(given.passphrase_file), wall_clock_now());
    if (!opened) {
      return refuse(opened.error().code, opened.error().message);
    }
    invited = std::move(*opened);
    sources.sets = invited->sets;
  }
  sources.sets.insert(sources.sets.end(), given.sets.begin(), given.sets.end());
  auto loaded = load_config(sources);
  if (!loaded) {
    return refuse(exit_code::config, loaded.error());
  }
  if (std::string& key = loaded->values.node.key_file; !key.empty()) {
    key = absolute(key).string();
  }
  const data_folder folder{absolute(given.data)};
  const auto settings = options::path(given.config);
  auto made = init_data_folder(folder, *loaded, settings, invited ? &*invited : nullptr);
  if (!made) {
    return refuse(made.error().code, made.error().message);
  }
  const auto& who = made->credentials;
  const auto answer = control_record({{"data", folder.root.string()},
                                      {"settings", settings.value_or(folder.settings()).string()},
                                      {"cluster_id", who.cluster_id},
                                      {"node_id", static_cast<std::int64_t>(who.node_id)},
                                      {"authority", certificate_hash(who.ca_pem)},
                                      {"key_file", key_file_of(folder, loaded->values).string()},
                                      {"public_key", folder.public_key().string()},
                                      {"fingerprint", fingerprint_text(made->fingerprint)}});
  print(given.json ? answer.json : answer.text);
  if (!given.json) {
    print("\nStart the node with: godwit serve --" +
          (settings ? "config " + settings->string() : "data " + folder.root.string()));
  }
  return exit_code::ok;
}

exit_code run_invite(const options& given) {
  if (given.output.empty()) {
    return refuse(exit_code::usage, "name the file to write the bundle to");
  }
  const auto found = locate(given.where());
  if (!found) {
    return refuse(found.error().code, found.error().message);
  }
  invitation_request what = given.invites;
  what.output = absolute(given.output);
  what.passphrase_file = options::path(given.passphrase_file);
  what.node = given.node != 0 ? std::optional(given.node) : std::nullopt;
  const auto made = invite(*found, what, wall_clock_now());
  if (!made) {
    return refuse(made.error().code, made.error().message);
  }
  std::string seeds;
  for (const std::string& each : made->seeds) {
    seeds += (seeds.empty() ? "" : ", ") + each;
  }
  std::vector<std::pair<std::string, control_value>> said = {{"bundle", what.output.string()},
                                                             {"node_id", static_cast<std::int64_t>(made->node_id)},
                                                             {"seeds", seeds},
                                                             {"authority", made->authority},
                                                             {"usable_until", date_text(made->expires_at)}};
  if (made->instead_of != 0) {
    said.emplace_back("instead_of", static_cast<std::int64_t>(made->instead_of));
  }
  if (what.passphrase_file) {
    said.emplace_back("passphrase_file", what.passphrase_file->string());
  }
  const auto answer = control_record(said);
  print(given.json ? answer.json : answer.text);
  if (!given.json) {
    print(what.passphrase_file
            ? "\nWith the passphrase the bundle opens every secret of the cluster: send the two by different ways."
            : "\nWhoever has the bundle has every secret of the cluster: move it by a way that nobody else reads.");
    if (made->instead_of != 0) {
      const std::string before = std::to_string(made->instead_of);
      print("Node " + before + " was to take that place before, and does not any more. Remove the bundle of node " +
            before + ": with it a machine would be one node more.");
    }
    print("There: godwit init --data FOLDER --bundle FILE, then godwit serve --data FOLDER, then remove the bundle.");
  }
  return exit_code::ok;
}

/// Serves; with a bundle and no data folder yet, makes it first, so that a unit needs one line.
exit_code run_serve(const options& given) {
  std::error_code ignored;
  const data_folder folder{given.data};
  const bool there = fs::exists(folder.secrets(), ignored) && !fs::exists(folder.unfinished(), ignored);
  if (!given.bundle.empty() && !given.data.empty() && !there) {
    options making = given;
    making.config.clear();
    if (const auto made = run_init(making); made != exit_code::ok) {
      return made;
    }
  }
  return serve(given.where());
}

/// The socket that the options mean, from the settings where they can be read.
expected<fs::path, node_failure> socket_of(const options& given) {
  if (!given.socket.empty()) {
    return fs::path(given.socket);
  }
  location where = given.where();
  if (!where.config && !where.data && std::getenv("GODWIT_NODE_DATA") == nullptr) {
    where.data = ".";
  }
  return locate(where).map([](const located& found) { return control_socket(found); });
}

exit_code run_ctl(const options& given) {
  if (given.words.empty()) {
    return refuse(exit_code::usage, "name a command; `godwit ctl --help` lists them");
  }
  const auto socket = socket_of(given);
  if (!socket) {
    return refuse(socket.error().code, socket.error().message);
  }
  const std::string command = given.words.front();
  std::vector<std::string> arguments(given.words.begin() + 1, given.words.end());
  if (command == "snapshot" && arguments.size() == 1) {
    // Meant from where the caller stands, not from where the node does.
    std::error_code ignored;
    arguments[0] = fs::absolute(arguments[0], ignored).lexically_normal().string();
  }
  const auto answer = control_call(*socket, command, arguments, std::chrono::seconds(given.timeout_seconds));
  if (!answer) {
    return refuse(answer.error().no_node ? exit_code::no_node : exit_code::failure, answer.error().message);
  }
  if (!answer->ok) {
    return refuse(exit_code::failure, answer->text);
  }
  print(given.json ? answer->json : answer->text);
  return exit_code::ok;
}

exit_code run_config(const options& given) {
  if (given.about == "example") {
    print(config::example_text());
    return exit_code::ok;
  }
  if (given.about == "manual") {
    print(config::manual_text());
    return exit_code::ok;
  }
  if (given.about == "defaults") {
    for (const config::field& each : config::fields()) {
      print(each.key() + " = " + config::value_text(each, {}));
    }
    return exit_code::ok;
  }
  if (given.about != "check") {
    return refuse(exit_code::usage, "say godwit config example, defaults, manual or check");
  }
  const auto found = locate(given.where());
  if (!found) {
    return refuse(found.error().code, found.error().message);
  }
  print(given.json ? describe_config_json(found->config) : describe_config(found->config));
  return exit_code::ok;
}

CLI::App* add_command(CLI::App& app, const std::string& name) {
  CLI::App* command = app.add_subcommand(name);
  command->formatter_fn(
    [name](const CLI::App*, std::string, CLI::AppFormatMode) { return std::string(help_text(name)); });
  return command;
}

void add_sources(CLI::App& command, options& into) {
  command.add_option("--config", into.config);
  command.add_option("--data", into.data);
  // One value each time: the words behind it are not its.
  command.add_option("--set", into.sets)->expected(1)->take_all()->allow_extra_args(false);
}

void add_invitation(CLI::App& command, options& into) {
  command.add_option("--node", into.node)->check(CLI::Range(1U, 4095U));
  command.add_option("--replace", into.invites.replaces)->check(CLI::Range(1U, 4095U));
  command.add_option("--address", into.invites.address);
  command.add_option("--seed", into.invites.seeds)->expected(1)->take_all()->allow_extra_args(false);
  command.add_option("--passphrase-file", into.passphrase_file);
  command.add_flag("--json", into.json);
  command.add_option("output", into.output);
}

} // namespace

exit_code run_command_line(int argc, char** argv) {
  options given;
  CLI::App app;
  app.formatter_fn([](const CLI::App*, std::string, CLI::AppFormatMode) { return std::string(help_text("godwit")); });
  app.set_version_flag("--version", std::string(version));
  app.require_subcommand(1);

  CLI::App* init = add_command(app, "init");
  add_sources(*init, given);
  init->add_option("--bundle", given.bundle);
  init->add_option("--passphrase-file", given.passphrase_file);
  init->add_flag("--json", given.json);
  CLI::App* inviting = add_command(app, "invite");
  add_sources(*inviting, given);
  add_invitation(*inviting, given);
  CLI::App* serving = add_command(app, "serve");
  add_sources(*serving, given);
  serving->add_option("--bundle", given.bundle);
  serving->add_option("--passphrase-file", given.passphrase_file);
  CLI::App* ctl = add_command(app, "ctl");
  add_sources(*ctl, given);
  ctl->add_option("--socket", given.socket);
  ctl->add_flag("--json", given.json);
  ctl->add_option("--timeout", given.timeout_seconds)->check(CLI::Range(1U, 86'400U));
  ctl->add_option("words", given.words);
  CLI::App* settings = add_command(app, "config");
  add_sources(*settings, given);
  settings->add_flag("--json", given.json);
  settings->add_option("about", given.about);
  CLI::App* printing = add_command(app, "version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {
    return static_cast<exit_code>(app.exit(done));
  } catch (const CLI::ParseError& error) {
    return refuse(exit_code::usage, std::string(error.what()) + ". See godwit --help.");
  }
  if (*init) {
    return run_init(given);
  }
  if (*serving) {
    return run_serve(given);
  }
  if (*inviting) {
    return run_invite(given);
  }
  if (*ctl) {
    return run_ctl(given);
  }
  if (*settings) {
    return run_config(given);
  }
  if (*printing) {
    print("godwit " + std::string(version));
  }
  return exit_code::ok;
}

} // namespace godwit::node
