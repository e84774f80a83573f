#include "node/server/help_text.hpp"

namespace godwit::node {
namespace {

constexpr std::string_view program_page = R"(NAME
    godwit - a self-hosted messaging backend for Telegram clients

SYNOPSIS
    godwit init --data FOLDER [--config FILE] [--set KEY=VALUE]...
    godwit serve (--config FILE | --data FOLDER) [--set KEY=VALUE]...
    godwit ctl [--data FOLDER | --config FILE | --socket FILE] [--json] COMMAND [ARGUMENT]...
    godwit config (example | defaults | check | manual) [--config FILE] [--data FOLDER] [--set KEY=VALUE]...
    godwit version

DESCRIPTION
    init     makes a new cluster in an empty folder: keys, settings, storage
    serve    runs the node of a data folder
    ctl      asks a running node: health, users, sessions, login codes, key, configuration, snapshot
    config   prints the known settings, or checks a file
    version  prints the version

    Each has its own page: godwit COMMAND --help.

EXIT STATUS
    0  all went well
    1  something failed that has no number of its own
    2  the command line is wrong
    3  the configuration is refused: unknown key, bad value, unreadable file
    4  the data folder is refused or its disk failed: empty, in use, foreign, damaged
    5  an address or port cannot be listened on
    6  ctl: no node answers

EXAMPLES
    A node for this machine alone, and its health:
        godwit init --data /var/lib/godwit
        godwit serve --data /var/lib/godwit &
        godwit ctl --data /var/lib/godwit health
)";

constexpr std::string_view init_page = R"(NAME
    godwit init - make a new cluster in an empty folder

SYNOPSIS
    godwit init --data FOLDER [--config FILE] [--set KEY=VALUE]...

DESCRIPTION
    Makes the data folder of a cluster's first node: an RSA key of 2048 bits, the cluster's id and secrets,
    an empty storage, and a settings file. Everything is on the disk when the command returns. It prints
    where the public key is, and its fingerprint: clients are built with both.

    A folder that holds anything is refused. Where an earlier init was interrupted, its remains are removed
    and it starts again.

OPTIONS
    --data FOLDER
        The folder to make, or an empty one. Made with mode 0700.
    --config FILE
        Where to write the settings, instead of godwit.toml in the folder. Must not exist.
    --set KEY=VALUE
        A setting to write, as section.key=value; may be given several times. cluster.shards has to be
        chosen here: it cannot change later.
    --json
        Print the result as JSON.

ENVIRONMENT
    GODWIT_SECTION_KEY  a setting, as --set gives it; --set overrules it

FILES
    godwit.toml         settings, mode 0600
    server_rsa.pem      private key, mode 0600. Whoever has it can pose as the server: keep it secret.
    server_rsa.pub.pem  public key, PKCS#1
    secrets.toml        ids and keys, mode 0600. Keep a copy: nothing replaces it.
    storage/            what clients store

EXIT STATUS
    0 made; 1 the settings file exists; 2 wrong command line; 3 a setting is refused; 4 the folder is not
    empty or cannot be written

EXAMPLES
    For everyone who can reach this machine:
        godwit init --data /var/lib/godwit --set listen.addresses=0.0.0.0,:: --set dc.address=203.0.113.7
)";

constexpr std::string_view serve_page = R"(NAME
    godwit serve - run a node

SYNOPSIS
    godwit serve (--config FILE | --data FOLDER) [--set KEY=VALUE]...

DESCRIPTION
    Runs the node of a data folder that godwit init made, until a signal ends it. A missing or empty folder
    is refused, so that a disk that is not mounted never becomes a new cluster. Only one process uses a
    folder at a time.

    Clients are served from the moment /readyz answers 200. Under systemd, use Type=notify.

OPTIONS
    --config FILE
        The settings file. The data folder is node.data in it, or the folder it is in.
    --data FOLDER
        The data folder. Without --config, godwit.toml in it is read.
    --set KEY=VALUE
        Overrules a setting, as section.key=value; may be given several times. A list has commas between
        its elements.

SIGNALS
    SIGTERM, SIGINT  takes no more connections, finishes calls under way for at most node.drain_seconds,
                     closes the storage and exits with 0. A second one ends the process at once, which
                     loses nothing that was acknowledged.
    SIGHUP           opens log.file anew, after it was moved away

ENVIRONMENT
    GODWIT_SECTION_KEY  overrules the settings file; --set overrules it. GODWIT_NODE_DATA does what --data
                        does.
    NOTIFY_SOCKET, WATCHDOG_USEC  from systemd

FILES
    See godwit init --help. While the node runs: control.sock in the data folder, for godwit ctl.

EXIT STATUS
    0 ended as asked; 1 failed or was ended by force; 2 wrong command line; 3 the configuration is refused;
    4 the data folder is empty, half made, in use, foreign or damaged, or its disk failed; 5 an address or
    port cannot be listened on

EXAMPLES
    godwit serve --config /etc/godwit.toml
    godwit serve --data /var/lib/godwit --set log.level=debug --set log.levels=storage=warning
)";

constexpr std::string_view ctl_page = R"(NAME
    godwit ctl - ask a running node

SYNOPSIS
    godwit ctl [--data FOLDER | --config FILE | --socket FILE] [--json] COMMAND [ARGUMENT]...

DESCRIPTION
    Sends a command over the Unix socket in the data folder, which the node's user alone can open, and
    prints the answer.

COMMANDS
    help                          lists what this node knows, with its arguments
    health                        whether it serves, and who it is
    key                           public key and fingerprint, for clients
    config                        effective settings and where each comes from; secrets are masked
    users                         accounts
    sessions                      sessions that are connected
    code NUMBER                   the login code that waits for a phone number
    terminate ...                 ends an authorization
    log-level [COMPONENT LEVEL]   lists the log's levels, or sets one until the node ends
    snapshot FOLDER               copies the data folder while the node runs; a node can start from the copy

OPTIONS
    --data FOLDER
        The node's data folder. Default: GODWIT_NODE_DATA, else the current folder.
    --config FILE
        The node's settings file, where it is not in the data folder.
    --socket FILE
        The socket itself.
    --json
        Print the answer as JSON, for programs.
    --timeout SECONDS
        How long to wait for the answer; default 600.

EXIT STATUS
    0 done; 1 the node refused or failed; 2 wrong command line; 3 the settings file is refused; 6 no node
    answers

EXAMPLES
    godwit ctl --data /var/lib/godwit code +99966212345
    godwit ctl --data /var/lib/godwit --json health
)";

constexpr std::string_view config_page = R"(NAME
    godwit config - print or check settings

SYNOPSIS
    godwit config example
    godwit config defaults
    godwit config manual
    godwit config check (--config FILE | --data FOLDER) [--set KEY=VALUE]...

DESCRIPTION
    example   prints a settings file with every key, its meaning, unit, bounds and default
    defaults  prints every key with its default, one line each
    manual    prints the same as a table in Markdown
    check     reads the settings as serve would and prints the effective ones, each with its origin;
              secrets are masked. It does not look into the data folder.

    A file is TOML. Unknown keys and bad values are refused, with file, line and key.

OPTIONS
    --config FILE, --data FOLDER, --set KEY=VALUE
        As for godwit serve.
    --json
        With check: print JSON.

EXIT STATUS
    0 good; 2 wrong command line; 3 refused

EXAMPLES
    godwit config example > godwit.toml
    godwit config check --config godwit.toml
)";

constexpr std::string_view version_page = R"(NAME
    godwit version - print the version

SYNOPSIS
    godwit version
)";

} // namespace

std::string_view help_text(std::string_view command) {
  if (command == "godwit") {
    return program_page;
  }
  if (command == "init") {
    return init_page;
  }
  if (command == "serve") {
    return serve_page;
  }
  if (command == "ctl") {
    return ctl_page;
  }
  if (command == "config") {
    return config_page;
  }
  return command == "version" ? version_page : std::string_view();
}

} // namespace godwit::node
