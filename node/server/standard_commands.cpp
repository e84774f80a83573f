#include "node/server/standard_commands.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <unistd.h>

#include "cluster/base/log.hpp"
#include "node/control/control_commands.hpp"
#include "node/server/data_folder.hpp"
#include "node/server/node.hpp"
#include "node/server/serve.hpp"
#include "node/server/version.hpp"

namespace godwit::node {
namespace {

log::component control_log{"control"};

using arguments = std::vector<std::string>;

control_answer health_of(const node& of, const located& where, const identity& who,
                         std::chrono::steady_clock::time_point since) {
  const health ready = of.status();
  const health alive = of.alive();
  const auto up = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - since);
  return control_record({{"ready", ready.good},
                         {"status", ready.text},
                         {"alive", alive.good},
                         {"node", where.config.values.node.name},
                         {"node_id", static_cast<std::int64_t>(who.credentials.node_id)},
                         {"cluster", where.config.values.cluster.name},
                         {"cluster_id", who.credentials.cluster_id},
                         {"version", std::string(version)},
                         {"process", static_cast<std::int64_t>(::getpid())},
                         {"uptime_seconds", static_cast<std::int64_t>(up.count())}});
}

control_answer key_of(const located& where, const identity& who) {
  auto answer = control_record({{"fingerprint", fingerprint_text(who.fingerprint)},
                                {"file", where.folder.public_key().string()},
                                {"pem", who.public_key_pem}});
  // For people the PEM comes last and whole.
  answer.text = "fingerprint  " + fingerprint_text(who.fingerprint) + "\nfile         " +
                where.folder.public_key().string() + "\n" + who.public_key_pem;
  answer.text.erase(answer.text.find_last_not_of('\n') + 1);
  return answer;
}

control_answer log_level(const arguments& given) {
  if (given.size() == 1) {
    return control_failure("usage: godwit ctl log-level [COMPONENT LEVEL]");
  }
  if (given.size() == 2) {
    const auto wanted = log::level_from(given[1]);
    if (!wanted) {
      return control_failure("a level is trace, debug, info, warning, error or off");
    }
    if (!log::set_level(given[0], *wanted)) {
      return control_failure("there is no such component; `godwit ctl log-level` lists them, and `all` is every one");
    }
    log::info(control_log, "log_level_set", {{"of", given[0]}, {"to", given[1]}});
  }
  std::vector<std::vector<control_value>> rows;
  for (const auto& each : log::levels()) {
    rows.push_back({std::string(each.name), std::string(to_string(each.threshold))});
  }
  return control_table({"component", "level"}, rows);
}

} // namespace

/// One copy at a time, on a thread of its own: it takes as long as the disk does.
struct standard_commands::snapshot_worker {
  ~snapshot_worker() { finish(); }

  void finish() {
    const std::lock_guard lock(mutex);
    finished = true;
    if (thread.joinable()) {
      thread.join();
    }
  }

  void start(node& of, const located& where, std::filesystem::path to, control_reply reply) {
    const std::lock_guard lock(mutex);
    if (finished) {
      reply(control_failure("the node is ending"));
      return;
    }
    if (busy.load()) {
      reply(control_failure("a snapshot is under way; wait for its end"));
      return;
    }
    if (thread.joinable()) {
      thread.join();
    }
    busy.store(true);
    thread = std::thread([this, &of, &where, to = std::move(to), reply = std::move(reply)] {
      const auto begin = std::chrono::steady_clock::now();
      const data_folder target{to};
      const bool only = of.only_voter();
      auto done = begin_copy(target);
      if (done) {
        done = of.snapshot(target.storage());
      }
      if (done) {
        done = finish_copy(where.folder, target, only);
      }
      const auto took = std::chrono::steady_clock::now() - begin;
      const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
      if (done) {
        log::info(control_log, "snapshot_made", {{"milliseconds", ms}});
        reply(control_record({{"snapshot", to.string()},
                              {"milliseconds", std::int64_t{ms}},
                              {"use", std::string(only ? "a node starts from it in place of this one"
                                                       : "to look into: the cluster goes on without it, and lets no "
                                                         "copy in for this node; one that is lost is replaced by a "
                                                         "new one (godwit invite)")}}));
      } else {
        log::warning(control_log, "snapshot_failed", {{"why", done.error()}});
        reply(control_failure(done.error()));
      }
      busy.store(false);
    });
  }

  std::mutex mutex;
  bool finished = false;
  std::atomic<bool> busy{false};
  std::thread thread;
};

standard_commands::standard_commands(control_commands& into, node& of, const located& where, const identity& who)
    : snapshots_(std::make_shared<snapshot_worker>()) {
  const auto since = std::chrono::steady_clock::now();
  into.add({.name = "health",
            .usage = "",
            .help = "Tells whether the node serves clients, and who it is.",
            .run = [&of, &where, &who, since](const arguments&, control_reply reply) {
              reply(health_of(of, where, who, since));
            }});
  into.add({.name = "config",
            .usage = "",
            .help = "Prints the effective configuration with the origin of each value; secrets are masked.",
            .run = [&where](const arguments&, control_reply reply) {
              std::string text = describe_config(where.config);
              text.erase(text.find_last_not_of('\n') + 1);
              reply({.ok = true, .text = std::move(text), .json = describe_config_json(where.config)});
            }});
  into.add({.name = "key",
            .usage = "",
            .help = "Prints the server's public key and its fingerprint, which clients are built with.",
            .run = [&where, &who](const arguments&, control_reply reply) { reply(key_of(where, who)); }});
  into.add({.name = "log-level",
            .usage = "[COMPONENT LEVEL]",
            .help = "Lists the levels of the log, or sets one until the node ends; COMPONENT may be all.",
            .arguments_max = 2,
            .run = [](const arguments& given, control_reply reply) { reply(log_level(given)); }});
  into.add({.name = "snapshot",
            .usage = "FOLDER",
            .help = "Copies the data folder into an empty or missing folder of the node's machine while the node runs.",
            .arguments_min = 1,
            .arguments_max = 1,
            .run = [&of, &where, worker = snapshots_](const arguments& given, control_reply reply) {
              const std::filesystem::path to(given[0]);
              if (to.is_relative()) {
                reply(control_failure("name the folder with its whole path"));
                return;
              }
              worker->start(of, where, to, std::move(reply));
            }});
}

standard_commands::~standard_commands() { finish(); }

void standard_commands::finish() { snapshots_->finish(); }

} // namespace godwit::node
