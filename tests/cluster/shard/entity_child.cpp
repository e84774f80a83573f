// A node's shards with one counter per slot of a board, until it is killed.
//
//   godwit_entity_child FOLDER BOARD count|grow|check
//
// Compares every counter with the board first: not less than what was acknowledged, not more than what was ever
// asked for. `count` goes on counting for ever; `grow` does so without
// trimming its log. Exits with 0, with 3 and the finding on stderr when a promise was
// broken, with 4 when the storage refused.

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>

#include "cluster/shard/router.hpp"
#include "cluster/shard/shard_set.hpp"
#include "persistence/lmdb/storage.hpp"
#include "tests/cluster/shard/asker.hpp"
#include "tests/cluster/shard/counter_entity.hpp"
#include "tests/persistence/kill/board.hpp"
#include "tests/support/thread_loop.hpp"

namespace {

using namespace godwit::cluster; // NOLINT: the subject
using namespace godwit::persistence;
using godwit::test::board;
using godwit::test::command;
using godwit::test::counter_entity;
using godwit::test::thread_loop;

constexpr std::uint16_t shards = 4;

[[noreturn]] void end(int code, const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  _exit(code);
}

std::unique_ptr<lmdb::storage> open(const std::filesystem::path& folder, storage_events& events) {
  if (!std::filesystem::exists(folder / "lock")) {
    const auto made = lmdb::storage::create(folder, {node_id{1}, shards});
    if (!made && made.error().code != persistence_errc::invalid_argument) {
      end(4, made.error().message);
    }
  }
  lmdb::storage_options options;
  options.map_bytes = 1 << 20;
  auto opened = lmdb::storage::open(folder, events, events, options);
  if (!opened) {
    end(4, opened.error().message);
  }
  return std::move(*opened);
}

/// Asks every counter for its number, then keeps one request of each in flight.
void work(caf::actor_system& system, router& to, board& promises, bool count) {
  caf::scoped_actor self{system};
  const caf::actor me = caf::actor_cast<caf::actor>(self);
  std::uint32_t checked = 0;
  for (std::uint32_t slot = 0; slot < board::slots; ++slot) {
    to.send(command(slot, "get", me, slot));
  }
  while (count || checked < board::slots) {
    self->receive([&](const entity_reply& reply) {
      const auto slot = static_cast<std::uint32_t>(reply.token);
      const bool counting = checked == board::slots;
      if (reply.status != reply_status::ok) {
        // Too many entities at this moment. What was asked may have happened: it is asked for once more.
        promises.proposed[slot] += counting ? 1 : 0;
        to.send(command(slot, counting ? "log" : "get", me, slot));
        return;
      }
      const std::uint64_t number = std::stoull(reply.body);
      if (!counting) {
        ++checked;
        promises.starts += checked == board::slots ? 1 : 0;
        if (number < promises.acknowledged[slot] || number > promises.proposed[slot]) {
          end(3, "slot " + std::to_string(slot) + " has " + reply.body + ", acknowledged " +
                   std::to_string(promises.acknowledged[slot]) + ", asked " + std::to_string(promises.proposed[slot]));
        }
        if (checked == board::slots && count) {
          for (std::uint32_t each = 0; each < board::slots; ++each) {
            ++promises.proposed[each];
            to.send(command(each, "log", me, each));
          }
        }
        return;
      }
      promises.acknowledged[slot] = number;
      ++promises.answers;
      ++promises.proposed[slot];
      to.send(command(slot, "log", me, slot));
    });
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    end(2, "usage: godwit_entity_child FOLDER BOARD count|grow|check");
  }
  board& promises = board::map(argv[2]);
  storage_events events([&](storage_health health, const storage_error& why) {
    if (health == storage_health::failed) {
      end(4, why.message);
    }
    ++(health == storage_health::good ? promises.recoveries : promises.refusals);
  });
  const bool grow = std::strcmp(argv[3], "grow") == 0;
  const std::unique_ptr<lmdb::storage> storage = open(argv[1], events);
  caf::actor_system_config config;
  caf::actor_system system{config};
  thread_loop one(system);
  thread_loop two(system);
  home_loop* const loops[] = {&one, &two};
  shard_set_options options;
  options.shards = shards;
  options.replica.trailing_entries = grow ? 1'000'000'000 : 64;
  options.replica.trailing_bytes = grow ? std::size_t{1} << 40 : options.replica.trailing_bytes;
  options.state.flush_interval_ms = 10;
  options.host.request_timeout_ms = 1000;
  options.host.entities_max = 12; // of 16 that each shard has, so that they come and go
  shard_set set(system, loops, storage->log(), storage->state(), events, counter_entity::factories(),
                std::move(options));
  if (const auto started = set.start(); !started) {
    end(3, started.error().message);
  }
  work(system, set.router(), promises, grow || std::strcmp(argv[3], "count") == 0);
  set.stop();
  return 0;
}
