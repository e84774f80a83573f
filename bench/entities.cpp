// Requests through router, host, entity, replica and log, of one voter: how many per second, and how much CPU
// each takes, with 1, 16 and 256 in flight. Each adds one to a counter and is answered when that is committed.

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <CLI/CLI.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/bench_folder.hpp"
#include "cluster/shard/entity_actor.hpp"
#include "cluster/shard/router.hpp"
#include "cluster/shard/shard_counters.hpp"
#include "cluster/shard/shard_set.hpp"
#include "persistence/lmdb/storage.hpp"
#include "tests/support/thread_loop.hpp"

namespace {

using namespace godwit::cluster; // NOLINT: the subject
using godwit::persistence::node_id;
using godwit::persistence::table_id;
using godwit::test::thread_loop;
namespace lmdb = godwit::persistence::lmdb;
using clock_type = std::chrono::steady_clock;

constexpr table_id rows{200};

/// One row, about as large as a message's, for every request.
class writer_entity final : public entity_actor {
public:
  writer_entity(caf::actor_config& config, home_loop& home, shard_context& shard, entity_ref self)
      : entity_actor(config, home, shard, self) {}

protected:
  std::vector<table_id> tables() const override { return {rows}; }
  void load(const std::vector<loaded_row>&) override {}
  void handle(const entity_request_ptr& request) override {
    mutation().put(rows, self_ref().id, "n", request->body);
    propose();
    reply(request, "ok");
  }
};

/// Keeps `window` requests in flight until it was stopped. On the same loop, as a session is.
class load_actor final : public godwit::cluster::pinned_actor {
public:
  load_actor(caf::actor_config& config, home_loop& home, router& to, std::uint64_t entities, std::size_t window,
             std::uint64_t requests, std::promise<void>& all_done, std::vector<float>& latencies)
      : pinned_actor(config, home),
        to_(to),
        entities_(entities),
        window_(window),
        left_(requests),
        done_(all_done),
        latencies_(latencies),
        sent_(window) {}

  caf::behavior make_behavior() override {
    for (std::size_t i = 0; i < window_; ++i) {
      send_one(i);
    }
    return {[this](const entity_reply& reply) {
      const std::chrono::duration<float, std::micro> took = clock_type::now() - sent_[reply.token];
      latencies_.push_back(took.count());
      if (reply.status != reply_status::ok) {
        std::fprintf(stderr, "a request failed\n");
        std::_Exit(1);
      }
      if (left_ > 0) {
        send_one(reply.token);
      } else if (--window_ == 0) {
        quit();
        done_.set_value();
      }
    }};
  }

private:
  void send_one(std::uint64_t token) {
    --left_;
    auto request = caf::make_counted<entity_request>();
    request->to = {entity_kind::user, entity_id{next_++ % entities_}};
    request->body = body_;
    request->reply_to = caf::actor_cast<caf::actor>(this);
    request->token = token;
    sent_[token] = clock_type::now();
    to_.send(std::move(request));
  }

  router& to_;
  const std::uint64_t entities_;
  std::size_t window_;
  std::uint64_t left_;
  std::promise<void>& done_;
  std::vector<float>& latencies_;
  std::vector<clock_type::time_point> sent_;
  const std::string body_ = std::string(300, 'b');
  std::uint64_t next_ = 0;
};

double cpu_seconds(int who) {
  rusage used{};
  getrusage(who, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Requests to entities, committed by one voter"};
  std::string parent = "/tmp";
  std::uint16_t shards = 16;
  std::uint64_t entities = 1000;
  double seconds = 3;
  app.add_option("--folder", parent, "where the data folder is made")->capture_default_str();
  app.add_option("--shards", shards)->capture_default_str();
  app.add_option("--entities", entities)->capture_default_str();
  app.add_option("--seconds", seconds, "of each window, about")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const godwit::bench::bench_folder folder(parent);
  storage_events events;
  if (!lmdb::storage::create(folder.path() / "data", {node_id{1}, shards})) {
    std::fprintf(stderr, "cannot make a data folder\n");
    return 1;
  }
  auto storage = lmdb::storage::open(folder.path() / "data", events, events);
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", 1);
  caf::actor_system system{config};
  thread_loop loop(system);
  home_loop* const loops[] = {&loop};
  entity_factories factories;
  factories[entity_kind::user] = [](caf::actor_system& in, home_loop& home, shard_context& shard,
                                    entity_ref self) -> caf::actor {
    return in.spawn<writer_entity>(home, shard, self);
  };
  std::promise<void> ready;
  shard_set_options options;
  options.shards = shards;
  options.ready = [&] { ready.set_value(); };
  shard_set set(system, loops, (*storage)->log(), (*storage)->state(), events, factories, std::move(options));
  const auto started = clock_type::now();
  if (!set.start()) {
    std::fprintf(stderr, "the shards do not start\n");
    return 1;
  }
  ready.get_future().wait();
  std::printf("%u shards ready after %.0f ms\n", shards,
              std::chrono::duration<double, std::milli>(clock_type::now() - started).count());
  std::printf("%8s %12s %16s %10s %10s\n", "window", "requests/s", "CPU us/request", "p50 us", "p99 us");
  for (const std::size_t window : {1U, 16U, 256U}) {
    std::uint64_t requests = 500;
    for (int pass = 0; pass < 2; ++pass) { // the first one finds out how many fill the time
      std::promise<void> done;
      std::vector<float> latencies;
      latencies.reserve(requests);
      const double cpu = cpu_seconds(RUSAGE_SELF);
      const auto begin = clock_type::now();
      system.spawn<load_actor>(loop, set.router(), entities, window, std::max<std::uint64_t>(requests, window), done,
                               latencies);
      done.get_future().wait();
      const double took = std::chrono::duration<double>(clock_type::now() - begin).count();
      const double count = static_cast<double>(latencies.size());
      if (pass == 0) {
        requests = static_cast<std::uint64_t>(count / took * seconds);
        continue;
      }
      std::sort(latencies.begin(), latencies.end());
      std::printf("%8zu %12.0f %16.2f %10.0f %10.0f\n", window, count / took,
                  (cpu_seconds(RUSAGE_SELF) - cpu) * 1e6 / count, static_cast<double>(latencies[latencies.size() / 2]),
                  static_cast<double>(latencies[latencies.size() * 99 / 100]));
    }
  }
  const std::uint64_t running = static_cast<std::uint64_t>(set.counters(0).entities[1].value());
  const double idle_cpu = cpu_seconds(RUSAGE_SELF);
  constexpr int idle_seconds = 5;
  std::this_thread::sleep_for(std::chrono::seconds(idle_seconds));
  std::printf("idle with %llu entities: %.2f %% of a core\n", static_cast<unsigned long long>(running),
              (cpu_seconds(RUSAGE_SELF) - idle_cpu) * 100 / idle_seconds);
  set.stop();
  return 0;
}
