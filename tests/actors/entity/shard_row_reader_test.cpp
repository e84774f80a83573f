#include "actors/entity/shard_row_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "persistence/state/mutation.hpp"
#include "persistence/state/row_key.hpp"

namespace godwit::entity {
namespace {

using persistence::entity_id;
using persistence::row_page;
using persistence::row_range;
using persistence::slice;
using persistence::storage_result;
using persistence::table_id;

constexpr records_table table = records_table::message;
constexpr entity_id self{77};

/// Rows in a map, given out in pages that are smaller than asked for.
class map_view final : public persistence::shard_state::view {
public:
  explicit map_view(std::map<std::string, std::string> rows) : rows_(std::move(rows)) {}

  [[nodiscard]] persistence::index_t index() const override { return 1; }
  storage_result<std::optional<slice>> get(std::string_view key) override {
    const auto found = rows_.find(std::string(key));
    return found != rows_.end() ? std::optional(slice(nullptr, found->second)) : std::nullopt;
  }
  storage_result<row_page> read(const row_range& range) override {
    std::vector<persistence::row> inside;
    for (const auto& [key, value] : rows_) {
      if (key >= range.from && (range.to.empty() || key < range.to)) {
        inside.push_back({key, slice(nullptr, value)});
      }
    }
    if (range.reverse) {
      std::reverse(inside.begin(), inside.end());
    }
    row_page page;
    page.more = inside.size() > 3;
    inside.resize(std::min<std::size_t>(inside.size(), 3));
    page.rows = std::move(inside);
    return page;
  }

private:
  std::map<std::string, std::string> rows_;
};

using visited = std::vector<std::pair<std::string, std::string>>;

row_reader::visitor into(visited& out, std::size_t at_most) {
  return [&out, at_most](std::string_view key, std::string_view value) {
    out.emplace_back(key, value);
    return out.size() < at_most;
  };
}

/// Rows that are applied, rows that are not, and readings of both, drawn from a seed, against one map that holds what
/// should come of them.
TEST(shard_row_reader, SeesProposedRowsOverAppliedOnesInOrderBothWays) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    const auto number = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
    const auto key = [&] { return std::string(1, static_cast<char>('a' + number(20))); };

    std::map<std::string, std::string> expected;
    std::map<std::string, std::string> applied;
    const table_id id{static_cast<std::uint8_t>(table)};
    for (unsigned i = number(20); i > 0; --i) {
      const std::string at = key();
      applied[persistence::row_key(id, self, at)] = expected[at] = "applied" + std::to_string(i);
    }
    // Neighbours that no reading may come upon.
    applied[persistence::row_key(id, entity_id{76}, "z")] = "before";
    applied[persistence::row_key(id, entity_id{78}, "a")] = "behind";

    std::string unapplied;
    for (unsigned mutation = number(4); mutation > 0; --mutation) {
      std::string bytes;
      persistence::mutation_writer writer(bytes);
      for (unsigned i = number(6); i > 0; --i) {
        const std::string at = key();
        if (number(3) == 0) {
          writer.erase(id, self, at);
          expected.erase(at);
        } else {
          expected[at] = "proposed" + std::to_string(i);
          writer.put(id, self, at, expected[at]);
        }
      }
      persistence::append_mutation(unapplied, bytes);
    }

    shard_row_reader reader(std::make_unique<map_view>(applied), self, unapplied);
    for (int round = 0; round < 10; ++round) {
      const std::string from = number(3) == 0 ? "" : key();
      const std::string to = number(3) == 0 ? "" : key();
      const std::size_t at_most = 1 + number(12);
      visited wanted;
      for (const auto& [at, value] : expected) {
        if (at >= from && (to.empty() || at < to)) {
          wanted.emplace_back(at, value);
        }
      }
      visited wanted_back(wanted.rbegin(), wanted.rend());
      wanted.resize(std::min(wanted.size(), at_most));
      wanted_back.resize(std::min(wanted_back.size(), at_most));
      visited forward;
      reader.scan(table, from, to, into(forward, at_most));
      EXPECT_EQ(forward, wanted) << "seed " << seed;
      visited back;
      reader.scan_back(table, from, to, into(back, at_most));
      EXPECT_EQ(back, wanted_back) << "seed " << seed;
      const std::string at = key();
      const auto found = expected.find(at);
      EXPECT_EQ(reader.get(table, at), found == expected.end() ? std::nullopt : std::optional(found->second))
        << "seed " << seed;
    }
  }
}

} // namespace
} // namespace godwit::entity
