#include "bench/mutation_load.hpp"

#include <utility>

namespace godwit::bench {

namespace {

constexpr table_id messages{1};
constexpr table_id others{2};
/// Tags, lengths and key around a row's value.
constexpr std::size_t row_overhead_bytes = 30;

} // namespace

mutation_load::mutation_load(const options& opts, test::storage_node& node) : options_(opts), node_(node) {
  slots_.resize(options_.in_flight);
  for (std::uint32_t i = 0; i < options_.in_flight; ++i) {
    slots_[i].shard = shard_id{static_cast<std::uint16_t>(i % node.shards())};
    slots_[i].user = i / node.shards();
  }
  const std::size_t overhead = row_overhead_bytes + (options_.rows - 1) * (row_overhead_bytes + 16);
  value_.assign(options_.mutation_bytes > overhead ? options_.mutation_bytes - overhead : 1, 'v');
  latencies_.reserve(16 << 20);
}

void mutation_load::ready(shard_id shard, term_t term) {
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].shard == shard) {
      slots_[i].term = term;
      if (term != 0 && slots_[i].idle) {
        idle_.push_back(i);
      }
    }
  }
}

void mutation_load::done(shard_id, raft::proposal_token token, raft::proposal_outcome outcome) {
  const auto number = static_cast<std::uint32_t>(token);
  slots_[number].idle = true;
  if (measuring_ && outcome == raft::proposal_outcome::applied) {
    ++answered_;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - slots_[number].since);
    latencies_.push_back(static_cast<std::uint32_t>(took.count()));
  }
  idle_.push_back(number);
}

void mutation_load::round() {
  for (const std::uint32_t number : std::exchange(idle_, {})) {
    if (slots_[number].term != 0 && slots_[number].idle) {
      propose(number);
    }
  }
}

void mutation_load::propose(std::uint32_t number) {
  slot& each = slots_[number];
  each.user = (each.user + 97) % options_.users;
  ++each.message;
  std::string message_id(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) {
    message_id[i] = static_cast<char>((each.message << 16 | number) >> (56 - 8 * i));
  }
  mutation_.clear();
  mutation_writer writer{mutation_};
  writer.put(messages, entity_id{each.user}, message_id, value_);
  for (std::uint32_t row = 1; row < options_.rows; ++row) {
    writer.put(others, entity_id{each.user}, std::string_view{message_id}.substr(0, row), "0123456789abcdef");
  }
  each.since = clock::now();
  each.idle = !node_.propose(each.shard, each.term, mutation_, number);
  if (each.idle) {
    idle_.push_back(number); // no room: again in the next round
  }
}

void mutation_load::measure() {
  measuring_ = true;
  answered_ = 0;
  latencies_.clear();
}

} // namespace godwit::bench
