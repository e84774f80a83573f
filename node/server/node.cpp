#include "node/server/node.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "cluster/base/log.hpp"
#include "cluster/shard/router.hpp"
#include "cluster/shard/shard_counters.hpp"
#include "config/cluster_limits.hpp"
#include "node/server/folder_secrets.hpp"
#include "node/server/node_metrics.hpp"
#include "node/server/node_parts.hpp"

namespace godwit::node {
namespace {

using steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

log::component node_log{"node"};

/// How often the end of something is looked for.
constexpr auto poll = 5ms;
/// What sessions get to end in when nobody drained them, and when the drain's time is over.
constexpr auto session_end_max = 1s;
/// How long a node that ends waits for others to lead what it led.
constexpr auto hand_over_max = 3s;
/// Whom nobody heard for three beats is not waited for any more, though the link may come to life again.
constexpr std::uint64_t beats_missed_ms = 3 * limits::peer_beat_ms;
/// A loop that has not come round for so long is stuck.
constexpr auto stuck_after = 10s;

} // namespace

/// Whether the others can go on without this node.
bool node::parts::has_successors() const {
  const std::size_t voters = links->voters().size();
  const auto others = links->peers();
  const auto up = std::count_if(others.begin(), others.end(), [](const cluster::peer_status& each) { return each.up; });
  return voters > 1 && static_cast<std::size_t>(up) * 2 > voters;
}

operator_access node::parts::access() {
  return {.system = *system,
          .router = links->router(),
          .state = storage->state(),
          .gateway = *gateway,
          .test_numbers = config.auth.test_numbers,
          .cluster = {.self = storage->settings().node,
                      .map = [this] { return links->map(); },
                      .peers = [this] { return links->peers(); },
                      .shards = [this] { return shards->status(); },
                      .leaders = &links->leaders(),
                      .seeds = [this] { return links->seeds(); },
                      .ending = {}}};
}

/// Voters that this node has a link to, itself among them if it votes.
std::size_t node::parts::voters_reached() const {
  const std::vector<cluster::node_id> voters = links->voters();
  const auto votes = [&voters](cluster::node_id each) {
    return std::find(voters.begin(), voters.end(), each) != voters.end();
  };
  const auto others = links->peers();
  return static_cast<std::size_t>(votes(links->self()) ? 1 : 0) +
         static_cast<std::size_t>(
           std::count_if(others.begin(), others.end(),
                         [&votes](const cluster::peer_status& each) { return each.up && votes(each.node); }));
}

/// Why shards cannot be asked, in words for an operator; empty: not for want of other nodes.
std::string node::parts::away_text() const {
  const std::string trouble = links->trouble();
  const std::size_t voters = links->voters().size();
  const std::size_t up = voters_reached();
  if (up * 2 <= voters) {
    return "a majority of the nodes is away: " + std::to_string(up) + " of " + std::to_string(voters) +
           " reach one another. Start the others, or mend the network between them; nothing is lost meanwhile" +
           (trouble.empty() ? "" : " (" + trouble + ")");
  }
  return trouble;
}

health node::parts::cluster_status() const {
  if (watch->compared()) {
    if (std::string wrong = watch->trouble(); !wrong.empty()) {
      return {false, std::move(wrong)};
    }
  }
  const bool ready = shards->ready();
  if (!ready) {
    if (std::string away = away_text(); !away.empty()) {
      return {false, std::move(away)};
    }
  }
  if (std::string wrong = watch->trouble(); !wrong.empty()) {
    return {false, std::move(wrong)};
  }
  if (!ready) {
    const std::uint16_t leaderless = links->leaderless();
    return {false, leaderless == 0 ? std::string("a shard that is to be led here is not ready yet")
                                   : std::to_string(leaderless) + " shards have no leader yet"};
  }
  return serving.load() ? health{true, "ok"} : health{false, "starting"};
}

void node::parts::collect(metric_writer& out) const {
  std::int64_t lane_oldest = 0;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    collect_edge(out, *loops[i]);
    collect_gateway(out, gateway->loop(i));
    collect_shards(out, shards->counters(i));
    lane_oldest = std::max(lane_oldest, shards->counters(i).lane_oldest.value());
  }
  collect_lane_age(out, lane_oldest);
  links->collect(out);
  watch->collect(out);
  collect_handshakes(out, gateway->pool());
  collect_storage(out, storage->usage(), events);
  if (webhook) {
    const code_webhook::counters& counted = webhook->counted();
    constexpr std::string_view name = "webhook_codes_total";
    out.counter(name, "Login codes for the provider, by what became of them.", counted.delivered.value(),
                {{"result", "delivered"}});
    out.counter(name, "", counted.failed.value(), {{"result", "failed"}});
    out.counter(name, "", counted.dropped.value(), {{"result", "dropped"}});
    out.counter("webhook_retries_total", "Deliveries tried again.", counted.retried.value());
  }
}

node::node(node_services services) : parts_(std::make_unique<parts>(std::move(services))) {}

node::~node() { stop(); }

expected<void, node_failure> node::start() {
  auto started = parts_->open_storage();
  for (const auto step : {&parts::prepare_accounts, &parts::start_shards, &parts::start_gateway, &parts::bind}) {
    if (started) {
      started = ((*parts_).*step)();
    }
  }
  if (!started) {
    return started;
  }
  parts_->commands = std::make_unique<operator_commands>(parts_->services.control, parts_->access());
  parts_->metrics = parts_->services.metrics.add([this](metric_writer& out) { parts_->collect(out); });
  parts_->began.store(true);
  return {};
}

expected<bool, node_failure> node::open_when_ready() {
  if (parts_->serving.load()) {
    return true;
  }
  if (!parts_->shards->ready() || !parts_->watch->trouble().empty()) {
    return false;
  }
  if (auto marked = parts_->mark_begun(); !marked) {
    return unexpected(marked.error());
  }
  if (auto listening = parts_->listen(); !listening) {
    return unexpected(listening.error());
  }
  parts_->serving.store(true);
  log::info(node_log, "serving",
            {{"port", parts_->listeners.front().port()},
             {"shards", parts_->links->router().shards()},
             {"loops", parts_->loops.size()}});
  return true;
}

health node::status() const {
  if (parts_->draining.load()) {
    return {false, "draining"};
  }
  if (!parts_->began.load()) {
    return {false, "starting"};
  }
  switch (parts_->events.health()) {
  case cluster::storage_health::no_space: return {false, "the disk is full"};
  case cluster::storage_health::failed: return {false, "the disk failed"};
  case cluster::storage_health::good: break;
  }
  return parts_->cluster_status();
}

void node::part_with_clients() {
  if (!parts_->serving.load()) {
    return;
  }
  std::set<cluster::node_id> heard{parts_->links->self()};
  for (const cluster::peer_status& each : parts_->links->peers()) {
    if (each.up && each.silent_ms <= beats_missed_ms) {
      heard.insert(each.node);
    }
  }
  // Who has a vote, and not who is to have one: while nodes are added or replaced that takes as long as their rows do.
  std::vector<persistence::configuration> groups;
  for (cluster::shard_status& each : parts_->shards->status()) {
    groups.push_back(std::move(each.members));
  }
  if (parts_->parting.look(steady::now(), hears_most(groups, heard))) {
    parts_->gateway->close_connections();
  }
}

bool node::only_voter() const {
  if (!parts_->began.load()) {
    return false;
  }
  const auto voters = parts_->links->voters();
  return voters.size() == 1 && voters.front() == parts_->links->self();
}

void node::end_commands() {
  if (parts_->commands != nullptr) {
    parts_->commands->hurry();
  }
}

void node::renew_certificate() {
  if (!parts_->watch->trouble().empty()) {
    return; // it would carry dates of a clock that is wrong
  }
  node_credentials renewed = parts_->credentials;
  const auto done =
    godwit::node::renew_certificate({parts_->config.node.data}, parts_->config, renewed, wall_clock_now());
  const auto shown = done && *done ? parts_->links->show_certificate(renewed) : expected<void, std::string>{};
  if (!done || !shown) {
    log::error(node_log, "certificate_not_renewed", {{"why", done ? shown.error() : done.error()}});
  } else if (*done) {
    parts_->credentials = std::move(renewed);
    log::info(node_log, "certificate_renewed");
  }
}

std::string node::discovery() const { return parts_->began.load() ? parts_->links->discovery() : std::string("[]\n"); }

health node::alive() const {
  return !parts_->began.load() || parts_->tree->loops_alive(stuck_after) ? health{true, "ok"}
                                                                         : health{false, "a loop does not come round"};
}

void node::drain(steady::time_point deadline) {
  parts_->draining.store(true);
  for (listener& each : parts_->listeners) {
    each.stop();
  }
  if (parts_->gateway == nullptr) {
    return;
  }
  parts_->gateway->begin_stop();
  const auto wait_for = [&](const auto& done, steady::time_point end) {
    while (!done() && steady::now() < end) {
      std::this_thread::sleep_for(poll);
    }
  };
  if (parts_->has_successors()) {
    // Without waiting for elections: those who are not connected to this node notice nothing.
    parts_->shards->resign(true);
    wait_for([&] { return parts_->shards->shards_ready() == 0; }, std::min(deadline, steady::now() + hand_over_max));
  }
  const auto stopped = [&] { return parts_->gateway->stopped(); };
  wait_for(stopped, deadline);
  parts_->gateway->end_now();
  wait_for(stopped, steady::now() + session_end_max);
}

void node::stop() {
  parts_->serving.store(false);
  parts_->began.store(false);
  parts_->metrics = {};
  parts_->commands.reset();
  parts_->listeners.clear();
  if (parts_->gateway != nullptr) {
    drain(steady::now() + session_end_max);
  }
  parts_->tree.reset();
  parts_->watch.reset();
  if (parts_->shards != nullptr) {
    parts_->shards->begin_stop();
    parts_->links->close_requests();
    parts_->shards->stop();
    parts_->links->stop();
  }
  for (const auto& loop : parts_->loops) {
    loop->stop();
  }
  parts_->setting.reset();
  parts_->gateway.reset();
  parts_->shards.reset();
  parts_->links.reset();
  parts_->loops.clear();
  parts_->homes.clear();
  parts_->system.reset();
  parts_->storage.reset();
  parts_->webhook.reset();
}

expected<void, std::string> node::snapshot(const std::filesystem::path& target) {
  if (!parts_->serving.load()) {
    return unexpected(std::string("the node does not serve yet"));
  }
  return parts_->storage->snapshot(target).map_error([](const auto& error) { return error.message; });
}

} // namespace godwit::node
