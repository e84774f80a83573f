#include "tests/cluster/shard/lane_world.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "cluster/shard/lane_rows.hpp"
#include "cluster/shard/messages.hpp"

namespace godwit::test {

using namespace cluster; // NOLINT: the subject
using persistence::records::table;

namespace {

/// Visits every write of a log: key and, unless erased, value.
void walk(const log_replica::durable_log& log, const std::function<void(const row_write&)>& visit) {
  for (const std::string& each : log) {
    std::string batch;
    append_mutation(batch, each);
    batch_reader reader(batch);
    for (row_write write; reader.next(write);) {
      visit(write);
    }
    EXPECT_TRUE(reader.ok());
  }
}

std::uint16_t sender_shard(std::string_view body) {
  return static_cast<std::uint16_t>(std::stoull(std::string(body)) % lane_world::count);
}

bool is_of(const row_write& write, table_id which) {
  return write.key.front() == static_cast<char>(which.value()) && write.value;
}
bool is_of(const row_write& write, table which) { return is_of(write, table_id{static_cast<std::uint8_t>(which)}); }

} // namespace

lane_world::lane_world(const host_limits& limits) : limits_(limits), factories_(lane_entity::factories(&entities)) {
  for (std::uint16_t i = 0; i < count; ++i) {
    nodes_.push_back(std::make_unique<shard_node>());
    nodes_.back()->loop = std::make_unique<stepped_loop>(system_);
  }
  me_ = system_.spawn<asker>(own_, &heard);
  for (std::uint16_t i = 0; i < count; ++i) {
    start(i);
    lead(i);
  }
  run();
}

lane_world::~lane_world() {
  for (std::uint16_t i = 0; i < count; ++i) {
    if (!at(i).ended) {
      caf::anon_send_exit(at(i).host, caf::exit_reason::kill);
    }
  }
  run();
  for (std::uint16_t i = 0; i < count; ++i) {
    EXPECT_TRUE(at(i).ended) << "a host did not end";
    at(i).host = nullptr;
  }
  caf::anon_send_exit(me_, caf::exit_reason::kill);
  me_ = nullptr;
  run();
  EXPECT_EQ(counters.lane_depth.value(), 0);
  EXPECT_EQ(counters.lane_waiting.value(), 0);
}

void lane_world::start(std::uint16_t shard) {
  shard_node& node = at(shard);
  node.replica = std::make_unique<log_replica>(node.log);
  node.ended = false;
  shard_host::setup setup;
  setup.shard = shard_id{shard};
  setup.shards = count;
  setup.factories = &factories_;
  setup.router = this;
  setup.counters = &counters;
  setup.limits = limits_;
  setup.ended = [&node](bool) { node.ended = true; };
  node.host = system_.spawn<shard_host>(*node.loop, *node.replica, std::move(setup));
}

void lane_world::ask(std::uint64_t user, std::string what, request_type type) {
  asked.push_back(user);
  const entity_request_ptr request = command(user, std::move(what), me_, asked.size());
  request->type = type;
  send(request);
}

void lane_world::send(entity_request_ptr request) {
  const shard_node& node = at(shard_of(request->to.id, count).value());
  caf::anon_send(node.host, std::move(request));
}

void lane_world::send_lane(lane_message what) {
  if (what.from.value() != mute_ && !(intercept && intercept(what))) {
    deliver(what);
  }
}

void lane_world::deliver(const lane_message& what) { caf::anon_send(at(what.to.value()).host, what); }

void lane_world::run() {
  // A loop may be given work by one that comes after it: at rest is who did nothing in a whole pass.
  const auto turns = [this] {
    std::uint64_t sum = own_.counters().resumes.load();
    for (const auto& each : nodes_) {
      sum += each->loop->counters().resumes.load();
    }
    return sum;
  };
  for (bool more = true; more;) {
    const std::uint64_t before = turns();
    more = own_.step();
    for (const auto& each : nodes_) {
      more = each->loop->step() || more;
    }
    more = more || turns() != before;
  }
}

void lane_world::settle() {
  for (bool more = true; more;) {
    run();
    more = false;
    for (const auto& each : nodes_) {
      if (each->replica->open() > 0) {
        each->replica->commit();
        more = true;
      }
    }
  }
}

void lane_world::advance(std::uint32_t ms) {
  own_.advance(ms);
  for (const auto& each : nodes_) {
    each->loop->advance(ms);
  }
  run();
}

bool lane_world::drain() {
  for (int i = 0; i < 200; ++i) {
    settle();
    bool empty = counters.lane_depth.value() == 0 && counters.lane_waiting.value() == 0;
    for (std::uint16_t from = 0; empty && from < count; ++from) {
      for (std::uint16_t to = 0; empty && to < count; ++to) {
        empty = sent(from, to).size() <= received(from, to).size();
      }
    }
    if (empty) {
      return true;
    }
    advance(500);
  }
  return false;
}

void lane_world::lead(std::uint16_t shard, std::size_t kept) { at(shard).replica->lead(++at(shard).term, kept); }

void lane_world::restart(std::uint16_t shard, std::size_t kept) {
  shard_node& node = at(shard);
  node.replica->crash(kept);
  mute_ = shard;
  caf::anon_send_exit(node.host, caf::exit_reason::kill);
  while (node.loop->step() || !node.ended) {
  }
  node.host = nullptr;
  mute_ = count;
  start(shard);
  lead(shard);
}

void lane_world::stop(std::uint16_t shard) { caf::anon_send(at(shard).host, shard_stop{}); }

// --- what came of it ----------------------------------------------------------------------------------

std::vector<std::string> lane_world::sent(std::uint16_t from, std::uint16_t to) const {
  std::vector<std::string> out;
  walk(nodes_[from]->log, [&](const row_write& write) {
    if (is_of(write, table::lane_outbox) && lane_place_of(write.key)->lane == shard_id{to}) {
      out.push_back(read_outbox(write.key, *write.value)->body);
    }
  });
  return out;
}

std::vector<std::string> lane_world::received(std::uint16_t from, std::uint16_t to) const {
  std::vector<std::string> out;
  walk(nodes_[to]->log, [&](const row_write& write) {
    if (is_of(write, lane_received_table) && sender_shard(*write.value) == from) {
      out.emplace_back(*write.value);
    } else if (is_of(write, table::lane_refused) && lane_place_of(write.key)->lane == shard_id{from}) {
      out.push_back(read_outbox(write.key, *write.value)->body);
    }
  });
  return out;
}

std::size_t lane_world::rows(std::uint16_t shard, table which) const {
  std::set<std::string> keys;
  walk(nodes_[shard]->log, [&](const row_write& write) {
    if (write.key.front() != static_cast<char>(which)) {
      return;
    }
    if (write.value) {
      keys.emplace(write.key);
    } else {
      keys.erase(std::string(write.key));
    }
  });
  return keys.size();
}

std::string lane_world::violation() const {
  for (std::uint16_t from = 0; from < count; ++from) {
    for (std::uint16_t to = 0; to < count; ++to) {
      const auto out = sent(from, to);
      const auto in = received(from, to);
      const auto [a, b] = std::mismatch(out.begin(), out.end(), in.begin(), in.end());
      if (a != out.end() || b != in.end()) {
        return "lane " + std::to_string(from) + " to " + std::to_string(to) + ": of " + std::to_string(out.size()) +
               " deliveries and " + std::to_string(in.size()) + " that came, number " +
               std::to_string(a - out.begin() + 1) + " differs: " + (a != out.end() ? *a : "none") + ", " +
               (b != in.end() ? *b : "none");
      }
    }
  }
  std::string wrong;
  std::map<std::pair<char, std::uint64_t>, std::uint64_t> last; // by table and entity
  std::map<std::uint64_t, std::uint64_t> sent_by;
  for (const auto& node : nodes_) {
    walk(node->log, [&](const row_write& write) {
      if (!is_of(write, lane_sent_table) && !is_of(write, lane_received_table)) {
        return;
      }
      std::uint64_t who = 0;
      for (const char each : write.key.substr(1, 8)) {
        who = who << 8 | static_cast<unsigned char>(each);
      }
      const std::uint64_t number = std::stoull(std::string(write.key.substr(row_key_prefix_bytes)));
      if (number != ++last[{write.key.front(), who}] && wrong.empty()) {
        wrong = "user " + std::to_string(who) + " wrote number " + std::to_string(number) + " in the wrong place";
      }
      if (is_of(write, lane_sent_table)) {
        sent_by[who] = number;
      }
    });
  }
  for (const entity_reply& each : heard) {
    const std::uint64_t who = asked[each.token - 1];
    if (wrong.empty() && each.status == reply_status::ok && !each.body.empty() &&
        std::stoull(each.body) > sent_by[who]) {
      wrong = "user " + std::to_string(who) + " was answered " + each.body + " and wrote less";
    }
  }
  return wrong;
}

// --- schedules ------------------------------------------------------------------------------------------

namespace {

class schedule {
public:
  schedule(std::uint64_t seed, bool faults) : random_(seed), world_(small_limits(seed)), faults_(faults) {
    drop_ = below(3) == 0 ? 0 : below(20);
    world_.intercept = [this](const lane_message& what) { return disturb(what); };
  }

  schedule_result run() {
    const std::uint64_t steps = 300 + below(300);
    for (std::uint64_t i = 0; i < steps; ++i) {
      step();
    }
    // From here on nothing is lost.
    world_.intercept = nullptr;
    for (const lane_message& each : std::exchange(late_, {})) {
      world_.deliver(each);
    }
    for (std::uint16_t i = 0; i < lane_world::count; ++i) {
      world_.at(i).replica->room = 1'000'000;
    }
    schedule_result out;
    out.restarts = restarts_;
    const bool empty = world_.drain();
    world_.advance(10'000);
    world_.settle();
    out.violation = world_.violation();
    if (out.violation.empty() && !empty) {
      out.violation = "left on their way: " + std::to_string(world_.counters.lane_depth.value()) + " sent, " +
                      std::to_string(world_.counters.lane_waiting.value()) + " waiting";
    }
    for (std::uint16_t from = 0; from < lane_world::count; ++from) {
      for (std::uint16_t to = 0; to < lane_world::count; ++to) {
        out.deliveries += world_.received(from, to).size();
      }
    }
    return out;
  }

private:
  static host_limits small_limits(std::uint64_t seed) {
    host_limits out;
    out.entity_restarts_max = 1'000'000;
    out.lane_silence_ms = 500;
    out.lane_tick_ms = 200;
    out.lane_retry_ms = 50;
    if (seed % 2 == 0) {
      out.lane_window_items = 4;
      out.lane_queue_items = 6;
      out.lane_page_rows = 3;
      out.lane_erased_at_once = 5;
    }
    if (seed % 3 == 0) {
      out.entity_idle_ms = 200;
      out.entities_max = 3;
    }
    out.delivery_attempts_max = seed % 5 == 0 ? 2 : 1000;
    return out;
  }

  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  std::uint16_t some_shard() { return static_cast<std::uint16_t>(below(lane_world::count)); }

  bool disturb(const lane_message& what) {
    if (below(100) < drop_) {
      return true;
    }
    if (below(100) < drop_) {
      late_.push_back(what); // and now
    }
    if (below(100) < 2 * drop_) {
      late_.push_back(what);
      return true;
    }
    return false;
  }

  void step() {
    log_replica& replica = *world_.at(some_shard()).replica;
    switch (below(20)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      std::string what = "send";
      for (std::uint64_t i = 0, end = 1 + below(4); i < end; ++i) {
        what += ' ' + std::to_string(below(users_));
      }
      world_.ask(below(users_), what);
      break;
    }
    case 4: world_.advance(static_cast<std::uint32_t>(below(400))); break;
    case 5: replica.commit(1 + below(3)); break;
    case 6:
    case 7:
    case 8: replica.commit(); break;
    case 9: rare(replica); break;
    case 10:
      if (!late_.empty()) {
        const auto which = late_.begin() + static_cast<std::ptrdiff_t>(below(late_.size()));
        world_.deliver(*which);
        late_.erase(which);
      }
      break;
    case 11: replica.room = below(4) == 0 ? 1 + below(4) : 1'000'000; break;
    case 12:
      if (faults_) {
        const std::uint64_t from = below(users_);
        world_.entities.faults[std::to_string(from) + ":" + std::to_string(1 + below(40))] =
          1 + static_cast<int>(below(3));
      }
      break;
    default: world_.at(some_shard()).loop->step(); break;
    }
  }

  void rare(log_replica& replica) {
    const std::uint16_t shard = some_shard();
    const std::size_t kept = below(world_.at(shard).replica->open() + 1);
    switch (below(8)) {
    case 0:
    case 1:
    case 2: world_.lead(shard, kept); break;
    case 3: replica.lose(1 + below(3)); break;
    case 4:
    case 5:
      world_.restart(shard, kept);
      ++restarts_;
      break;
    default: break;
    }
  }

  static constexpr std::uint64_t users_ = 24;
  std::mt19937_64 random_;
  lane_world world_;
  const bool faults_;
  std::uint64_t drop_ = 0;
  std::vector<lane_message> late_;
  std::size_t restarts_ = 0;
};

} // namespace

schedule_result run_schedule(std::uint64_t seed, bool faults_in_entities) {
  return schedule(seed, faults_in_entities).run();
}

} // namespace godwit::test
