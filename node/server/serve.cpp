#include "node/server/serve.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include <sys/resource.h>

#include "cluster/base/log.hpp"
#include "config/limits.hpp"
#include "node/control/control_commands.hpp"
#include "node/control/control_server.hpp"
#include "node/log/logging.hpp"
#include "node/metrics/metric_registry.hpp"
#include "node/metrics/metrics_endpoint.hpp"
#include "node/metrics/process_metrics.hpp"
#include "node/server/node.hpp"
#include "node/server/process_signals.hpp"
#include "node/server/service_manager.hpp"
#include "node/server/standard_commands.hpp"
#include "node/server/version.hpp"

namespace godwit::node {
namespace {

using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

log::component server_log{"server"};

/// How often a starting node is asked whether it serves.
constexpr auto ready_poll = 20ms;
/// How often a running one is, to tell systemd and the log of a change.
constexpr auto status_poll = 1000ms;
/// How often the end of a majority is looked for: clients wait meanwhile.
constexpr auto parting_poll = 250ms;
/// How often the log tells what a node waits for that does not serve yet.
constexpr auto waiting_told_every = 10s;
/// How often it is looked whether the node's certificate wants renewing.
constexpr auto renewal_every = 1h;
/// What ending may take beyond the drain.
constexpr auto stop_time_max = 10s;

exit_code refuse(const node_failure& why) {
  std::fprintf(stderr, "godwit: %s\n", why.message.c_str());
  return why.code;
}

log::level level_of(config::log_threshold threshold) { return static_cast<log::level>(threshold); }

/// Error: a component that this program does not have.
expected<void, node_failure> set_levels(const config::log_section& wanted) {
  log::set_level("all", level_of(wanted.level));
  for (const std::string& each : wanted.levels) {
    const auto equals = each.find('=');
    const std::string component = each.substr(0, equals);
    if (!log::set_level(component, log::level_from(each.substr(equals + 1)).value_or(log::level::info))) {
      std::string known;
      for (const auto& one : log::levels()) {
        known += (known.empty() ? "" : ", ") + std::string(one.name);
      }
      return unexpected(node_failure{exit_code::config, "log.levels names the component \"" + component +
                                                          "\"; those of this program are " + known});
    }
  }
  return {};
}

/// As many open files as the system lets this process have.
void raise_file_limit(std::uint64_t connections) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) {
    return;
  }
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  ::getrlimit(RLIMIT_NOFILE, &files);
  constexpr rlim_t others = 256; // of storage, log, metrics
  if (files.rlim_cur < connections + others) {
    log::warning(server_log, "file_limit_low",
                 {{"limit", files.rlim_cur},
                  {"connections", connections},
                  {"remedy", "raise LimitNOFILE of the unit or lower limits.connections"}});
  }
}

/// A running node and everything around it. Members end in the reverse order: first what asks the node,
/// then the node, then what it has borrowed.
class running {
public:
  running(process_signals& signals, const located& where, const identity& who, logging& lines)
      : signals_(signals),
        where_(where),
        lines_(lines),
        node_({.config = where.config.values,
               .credentials = who.credentials,
               .metrics = metrics_,
               .control = commands_,
               .fatal =
                 [&signals](exit_code code, std::string why) {
                   signals.fail({code, std::move(why)});
                 }}),
        standard_(commands_, node_, where, who) {
    const auto started = clock_type::now();
    own_metrics_ = metrics_.add([this, started](metric_writer& out) { collect(out, started); });
  }

  exit_code run() {
    if (auto open = open_doors(); !open) {
      return report(open.error());
    }
    log::info(server_log, "starting",
              {{"version", version},
               {"node", where_.config.values.node.id},
               {"data", where_.config.values.node.data},
               {"metrics_port", endpoint_->port()}});
    if (auto started = node_.start(); !started) {
      return report(started.error());
    }
    auto why = until_ready();
    if (!why && !ended_) {
      why = until_the_end();
    }
    return end(std::move(why));
  }

private:
  using maybe_failure = std::optional<node_failure>;

  /// Metrics and control answer while the node still starts: recovery can take its time.
  expected<void, node_failure> open_doors() {
    const auto& values = where_.config.values;
    auto endpoint = metrics_endpoint::start(
      {.address = values.metrics.address, .port = static_cast<std::uint16_t>(values.metrics.port)},
      {.metrics = [this] { return metrics_.scrape(); },
       .alive = [this] { return node_.alive(); },
       .ready = [this] { return node_.status(); },
       .discovery = [this] { return node_.discovery(); }});
    if (!endpoint) {
      return unexpected(node_failure{exit_code::address, endpoint.error().message});
    }
    endpoint_ = std::move(*endpoint);
    auto control = control_server::start({.socket = control_socket(where_)}, commands_);
    if (!control) {
      return unexpected(node_failure{exit_code::data_folder, control.error()});
    }
    control_ = std::move(*control);
    return {};
  }

  void collect(metric_writer& out, clock_type::time_point started) {
    collect_process_metrics(out);
    out.gauge("build_info", "Always 1.", 1, {{"version", version}});
    out.gauge("ready", "1 while clients are served.", node_.status().good ? 1 : 0);
    out.gauge("uptime_seconds", "Since the process has read its configuration.",
              std::chrono::duration<double>(clock_type::now() - started).count());
    out.counter("log_lines_lost_total", "Log lines that could not be written, or not in time.", lines_.lost());
  }

  /// Handles what came; true when the process has to end.
  bool handle(const process_signals::event& event, maybe_failure& why) {
    if (event.reopen_log) {
      lines_.reopen();
      log::info(server_log, "log_reopened");
    }
    if (event.failure) {
      why = event.failure;
    }
    return event.end || event.failure;
  }

  maybe_failure until_ready() {
    maybe_failure why;
    const auto watchdog = service_manager::watchdog_interval();
    auto told = clock_type::now();
    auto fed_at = told;
    bool notified = false; // systemd knows that it is there
    for (;;) {
      const auto open = node_.open_when_ready();
      if (!open) {
        ended_ = true;
        return open.error();
      }
      const health now = node_.status();
      if (*open && now.good) {
        break;
      }
      if (clock_type::now() - told >= waiting_told_every) {
        told = clock_type::now();
        log::info(server_log, "waiting", {{"for", now.text}});
        // What it waits for is not its own to mend: a supervisor that starts it again would not help.
        service_manager::ready(now.text);
        notified = true;
      }
      // The watchdog runs from the moment that systemd was told.
      if (notified && watchdog && clock_type::now() - fed_at >= *watchdog && node_.alive().good) {
        fed_at = clock_type::now();
        service_manager::still_alive();
      }
      if (handle(signals_.wait(ready_poll), why)) {
        ended_ = true;
        return why;
      }
    }
    log::info(server_log, "ready");
    service_manager::ready("Serving");
    return why;
  }

  maybe_failure until_the_end() {
    maybe_failure why;
    const auto watchdog = service_manager::watchdog_interval();
    const auto pause = std::min<std::chrono::milliseconds>(watchdog.value_or(status_poll), status_poll);
    std::string told = node_.status().text;
    auto renewal = clock_type::now();
    auto looked = renewal;
    while (!handle(signals_.wait(std::min<std::chrono::milliseconds>(pause, parting_poll)), why)) {
      node_.part_with_clients();
      if (clock_type::now() - looked < pause) {
        continue;
      }
      looked = clock_type::now();
      if (watchdog && node_.alive().good) {
        service_manager::still_alive();
      }
      if (clock_type::now() - renewal >= renewal_every) {
        renewal = clock_type::now();
        node_.renew_certificate();
      }
      if (const health now = node_.status(); now.text != told) {
        told = now.text;
        log::info(server_log, "status_changed", {{"ready", now.good}, {"status", now.text}});
        service_manager::status(now.text);
      }
    }
    return why;
  }

  exit_code end(maybe_failure why) {
    const std::chrono::seconds drain_time(where_.config.values.node.drain_seconds);
    signals_.end_at_latest(drain_time + stop_time_max);
    service_manager::stopping();
    if (why) {
      // It has lost what it stands on; there is nothing to wait for.
      log::error(server_log, "failing", {{"why", why->message}});
    } else {
      log::info(server_log, "draining", {{"seconds_max", drain_time.count()}});
      node_.drain(clock_type::now() + drain_time);
    }
    node_.end_commands();
    control_.reset();
    standard_.finish();
    endpoint_.reset(); // it asks the node
    node_.stop();
    log::info(server_log, "ended");
    return why ? refuse(*why) : exit_code::ok;
  }

  exit_code report(const node_failure& why) {
    log::error(server_log, "start_failed", {{"why", why.message}});
    return refuse(why);
  }

  process_signals& signals_;
  const located& where_;
  logging& lines_;
  bool ended_ = false;
  metric_registry metrics_;
  control_commands commands_;
  node node_;
  standard_commands standard_;
  metric_registry::registration own_metrics_;
  std::unique_ptr<metrics_endpoint> endpoint_;
  std::unique_ptr<control_server> control_;
};

} // namespace

exit_code serve(const location& where) {
  process_signals signals;
  auto found = locate(where);
  if (!found) {
    return refuse(found.error());
  }
  const config::node_config& values = found->config.values;
  if (auto set = set_levels(values.log); !set) {
    return refuse(set.error());
  }
  auto who = open_data_folder(found->folder, values);
  if (!who) {
    return refuse(who.error());
  }
  auto lines =
    logging::start({.file = values.log.file,
                    .format = values.log.format == config::log_format::json ? line_format::json : line_format::logfmt,
                    .queue_lines_max = limits::log_queue_lines_max});
  if (!lines) {
    return refuse({exit_code::config, lines.error()});
  }
  raise_file_limit(values.limits.connections);
  return running(signals, *found, *who, **lines).run();
}

} // namespace godwit::node
