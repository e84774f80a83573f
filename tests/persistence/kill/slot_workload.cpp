#include "tests/persistence/kill/slot_workload.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace godwit::test {

namespace {

constexpr table_id counts{1};
constexpr table_id histories{2};
constexpr int busy_retries = 10'000;

std::string big_endian(std::uint64_t value) {
  std::string out(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) {
    out[i] = static_cast<char>(value >> (56 - 8 * i));
  }
  return out;
}

std::uint64_t number_in(std::string_view value) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8 && i < value.size(); ++i) {
    out = out << 8 | static_cast<unsigned char>(value[i]);
  }
  return out;
}

} // namespace

slot_workload::slot_workload(storage_node& node, board& promises, std::size_t value_bytes)
    : node_(node), board_(promises), padding_(value_bytes, 'p'), shards_(node.shards()) {}

shard_id slot_workload::shard_of(std::uint32_t number) const {
  return shard_id{static_cast<std::uint16_t>(number % shards_)};
}

std::optional<std::string> slot_workload::ready(shard_id shard, term_t term, bool count) {
  for (std::uint32_t number = 0; number < board::slots; ++number) {
    if (shard_of(number) != shard) {
      continue;
    }
    slots_[number].term = 0;
    if (term == 0) {
      continue;
    }
    if (std::optional<std::string> wrong = check(shard, number)) {
      return wrong;
    }
    slots_[number].term = term;
    if (count) {
      propose(number);
    }
  }
  return {};
}

std::optional<std::string> slot_workload::check(shard_id shard, std::uint32_t number) {
  const auto wrong = [&](const std::string& what) {
    return "slot " + std::to_string(number) + " of shard " + std::to_string(shard.value()) + ": " + what;
  };
  // Busy is no finding: the data file may be growing, and then nobody may begin to read.
  auto view = node_.state_of(shard).open_view();
  for (int i = 0; i < busy_retries && !view && view.error().code == persistence_errc::busy; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    view = node_.state_of(shard).open_view();
  }
  if (!view) {
    return wrong(view.error().message);
  }
  const auto first = (*view)->get(row_key(counts, entity_id{number}, "a"));
  const auto second = (*view)->get(row_key(counts, entity_id{number}, "b"));
  if (!first || !second) {
    return wrong((first ? second : first).error().message);
  }
  if (first->has_value() != second->has_value()) {
    return wrong("half a mutation is there");
  }
  const std::uint64_t count = *first ? number_in((*first)->view()) : 0;
  const std::uint64_t twin = *second ? number_in((*second)->view()) : 0;
  const std::uint64_t promised = board_.acknowledged[number];
  const std::uint64_t proposed = board_.proposed[number];
  if (count != twin) {
    return wrong("its two rows hold " + std::to_string(count) + " and " + std::to_string(twin));
  }
  if (count < promised || count > proposed) {
    return wrong("holds " + std::to_string(count) + ", was promised " + std::to_string(promised) + " and proposed " +
                 std::to_string(proposed));
  }
  row_range range;
  range.from = row_key(histories, entity_id{number});
  range.to = prefix_end(range.from);
  range.rows_max = 1000;
  const auto page = (*view)->read(range);
  if (!page) {
    return wrong(page.error().message);
  }
  std::uint64_t expected = count > history ? count - history + 1 : 1;
  for (const row& each : page->rows) {
    if (number_in(each.value.view()) != expected ||
        each.key != row_key(histories, entity_id{number}, big_endian(expected))) {
      return wrong("its history does not hold " + std::to_string(expected));
    }
    ++expected;
  }
  if (expected != count + 1) {
    return wrong("its history ends before " + std::to_string(count));
  }
  slots_[number].count = count;
  return {};
}

void slot_workload::propose(std::uint32_t number) {
  slot& each = slots_[number];
  const std::uint64_t count = each.count + 1;
  const std::string value = big_endian(count) + padding_;
  std::string mutation;
  mutation_writer writer{mutation};
  writer.put(counts, entity_id{number}, "a", value);
  writer.put(counts, entity_id{number}, "b", value);
  writer.put(histories, entity_id{number}, big_endian(count), value);
  if (count > history) {
    writer.erase(histories, entity_id{number}, big_endian(count - history));
  }
  std::uint64_t proposed = board_.proposed[number];
  board_.proposed[number] = std::max(proposed, count);
  each.waiting = node_.propose(shard_of(number), each.term, mutation, number).has_value();
}

void slot_workload::done(shard_id, raft::proposal_token token, raft::proposal_outcome outcome) {
  const auto number = static_cast<std::uint32_t>(token);
  slot& each = slots_[number];
  each.waiting = false;
  if (outcome != raft::proposal_outcome::applied) {
    each.term = 0; // counts on when the shard is ready again
    return;
  }
  ++each.count;
  board_.acknowledged[number] = each.count;
  ++board_.answers;
  // Not from inside the replica's call: the loop comes back for it.
}

void slot_workload::retry() {
  for (std::uint32_t number = 0; number < board::slots; ++number) {
    if (slots_[number].term != 0 && !slots_[number].waiting) {
      propose(number);
    }
  }
}

} // namespace godwit::test
