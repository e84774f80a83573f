#include "node/server/help_text.hpp"

namespace godwit::node {
namespace {

constexpr std::string_view program_page = R"(NAME
    godwit - a self-hosted messaging backend for Telegram clients

SYNOPSIS
    godwit init --data FOLDER [--bundle FILE] [--config FILE] [--set KEY=VALUE]...
    godwit invite (--config FILE | --data FOLDER) [--node N] [--address ADDRESS] [--passphrase-file FILE] OUTPUT
    godwit serve (--config FILE | --data FOLDER) [--bundle FILE] [--set KEY=VALUE]...
    godwit ctl [--data FOLDER | --config FILE | --socket FILE] [--json] COMMAND [ARGUMENT]...
    godwit config (example | defaults | check | manual) [--config FILE] [--data FOLDER] [--set KEY=VALUE]...
    godwit version

DESCRIPTION
    init     makes a new cluster in an empty folder, or a further node of one: keys, settings, storage
    invite   makes the bundle that a further node of the cluster begins with
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
    godwit init - make a new cluster, or a further node of one, in an empty folder

SYNOPSIS
    godwit init --data FOLDER [--config FILE] [--set KEY=VALUE]...
    godwit init --data FOLDER --bundle FILE [--passphrase-file FILE] [--config FILE] [--set KEY=VALUE]...

DESCRIPTION
    Makes the data folder of a cluster's first node: an RSA key of 2048 bits, the cluster's id, secrets and
    certificate authority, the node's certificate, an empty storage, and a settings file. With --bundle it is the
    folder of a further node, and id, keys, authority and certificate come from the bundle. Secrets are
    encrypted under the key of node.key_file. Everything is on the disk when the command returns. It prints
    where the public key is, and its fingerprint: clients are built with both.

    A folder that holds anything is refused. Where an earlier init was interrupted, its remains are removed
    and it starts again.

OPTIONS
    --data FOLDER
        The folder to make, or an empty one. Made with mode 0700.
    --bundle FILE
        What godwit invite made on a node of the cluster. For one node, and for seven days.
    --passphrase-file FILE
        Holds the passphrase of the bundle, if it takes one.
    --config FILE
        Where to write the settings, instead of godwit.toml in the folder. Must not exist.
    --set KEY=VALUE
        A setting to write, as section.key=value; may be given several times. cluster.shards has to be
        chosen here: it cannot change later. Overrules what the bundle brings along.
    --json
        Print the result as JSON.

ENVIRONMENT
    GODWIT_SECTION_KEY  a setting, as --set gives it; --set overrules it

FILES
    godwit.toml           settings, mode 0600
    node.key              opens the secrets, mode 0600; not here if node.key_file is set. A file that is there is
                          used, otherwise it is made. Keep a copy.
    secrets.toml          ids, and the cluster's secrets, encrypted; mode 0600. Keep a copy: nothing replaces it.
    node_certificate.pem  the node's certificate, and its private key, encrypted; mode 0600
    server_rsa.pub.pem    public key of the server, PKCS#1
    storage/              what clients store

EXIT STATUS
    0 made; 1 the settings file exists, or the bundle cannot be used; 2 wrong command line; 3 a setting is
    refused; 4 the folder is not empty or cannot be written, or the key file cannot be used

EXAMPLES
    For everyone who can reach this machine:
        godwit init --data /var/lib/godwit --set listen.addresses=0.0.0.0,:: --set dc.address=203.0.113.7
    With the key on another disk:
        godwit init --data /var/lib/godwit --set node.key_file=/etc/godwit/node.key
    A further node:
        godwit init --data /var/lib/godwit --bundle two.bundle --passphrase-file two.pass

SEE ALSO
    godwit invite --help
)";

constexpr std::string_view invite_page = R"(NAME
    godwit invite - make the bundle that a further node of the cluster begins with

SYNOPSIS
    godwit invite (--config FILE | --data FOLDER) [--node N] [--replace N] [--address ADDRESS]
                  [--seed ADDRESS:PORT]... [--passphrase-file FILE] [--json] OUTPUT

DESCRIPTION
    Writes a file for one further node: its number and certificate, the cluster's id, secrets, server key and
    certificate authority, and where the nodes are that it will ask for the rest. On the other machine,
    godwit init --bundle OUTPUT makes the data folder of it, and godwit serve lets the node join.

    The node here may be running, and should be: it knows which number is free. The number of a node is never
    given twice, not even when the node is gone for good.

    Whoever has the bundle has every secret of the cluster, unless there is a passphrase. Move it by a way that
    nobody else reads, and remove it when the node was made. It can be used for seven days.

OPTIONS
    --config FILE, --data FOLDER, --set KEY=VALUE
        The node that invites, as for godwit serve.
    --node N
        The number of the new node, from 2 to 4095; default: the next one.
    --replace N
        Node N was lost, or the disk with its storage/: the new node takes its place in every shard as soon as
        it announces itself, and node N is removed from the cluster for good. The node here has to run, node N
        must not. If node N turns out to live before that, or is started again with the storage/ it had, it
        stays and nothing is replaced. godwit ctl nodes shows a replacement that is not here yet; a further
        invitation in the same place takes the place of the one before.
    --address ADDRESS
        The IP address at which other nodes will reach the new node, with a port (192.0.2.2:4431) or with that
        of this node. It becomes peers.address there; godwit init --set overrules it.
    --seed ADDRESS:PORT
        A node that the new one asks for the cluster; may be given several times. Default: this node, and
        those that it knows.
    --passphrase-file FILE
        Encrypt the bundle under the passphrase in FILE, of 16 characters at least. If there is no such file, a
        passphrase is drawn and written into it, with mode 0600. Move it by another way than the bundle.
    --json
        Print the result as JSON.

EXIT STATUS
    0 made; 1 the bundle cannot be written, or exists; 2 wrong command line, or a number that was given before;
    3 the configuration is refused, or lets no other machine reach this node; 4 the data folder is refused;
    6 the number cannot be chosen because the node does not run

EXAMPLES
    godwit invite --data /var/lib/godwit --address 192.0.2.2 two.bundle
    godwit invite --data /var/lib/godwit --address 192.0.2.3 --passphrase-file three.pass three.bundle
    godwit invite --data /var/lib/godwit --replace 3 --address 192.0.2.3 four.bundle
)";

constexpr std::string_view serve_page = R"(NAME
    godwit serve - run a node

SYNOPSIS
    godwit serve (--config FILE | --data FOLDER) [--set KEY=VALUE]...
    godwit serve --data FOLDER --bundle FILE [--passphrase-file FILE] [--set KEY=VALUE]...

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
    --bundle FILE, --passphrase-file FILE
        If there is no data folder yet, make it from this bundle first, as godwit init does. Once there is one
        the bundle is not looked at.

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
    4 the data folder is empty, half made, in use, foreign or damaged, its key file is missing or wrong, or its
    disk failed; 5 an address or port cannot be listened on

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
  if (command == "invite") {
    return invite_page;
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
