#include "persistence/raft/log_cache.hpp"

#include <map>
#include <random>

#include <gtest/gtest.h>

#include "tests/support/consensus_cluster.hpp"

namespace godwit::tests {
namespace {

using namespace persistence;
using namespace persistence::raft;

// Random appends, replacements, trims, evictions and resets against a map of all entries. What the
// cache gives is right; what it may not forget, it has; terms and changes it never forgets.
TEST(log_cache, AgreesWithAMapOfAllEntries) {
  std::mt19937_64 random{1};
  const auto below = [&random](std::uint64_t n) { return random() % n; };
  constexpr std::size_t bytes_max = 3000;
  log_cache cache{bytes_max};
  std::map<index_t, log_entry> all;
  index_t first = 1;
  index_t evicted = 0; // highest index up to which payloads were given up
  term_t term = 1;
  for (int step = 0; step < 20'000; ++step) {
    const index_t last = first + all.size() - 1;
    switch (below(8)) {
    case 0: { // a new term replaces some of the newest entries
      ++term;
      const index_t from = std::max(first, last + 1 - std::min<index_t>(below(5), all.size()));
      if (from <= evicted) {
        break; // applied entries are not replaced
      }
      all.erase(all.lower_bound(from), all.end());
      all[from] = command(term, "replaced");
      cache.replace(from, std::vector{all[from]});
      break;
    }
    case 1:
      if (below(10) == 0 && !all.empty()) {
        first += below(all.size() + 1);
        all.erase(all.begin(), all.lower_bound(first));
        cache.trim(first);
      }
      break;
    case 2:
      evicted = std::max(evicted, first + below(all.size() + 1) - 1);
      cache.evict(evicted);
      break;
    case 3:
      if (below(500) == 0) {
        first = last + 1 + below(10);
        all.clear();
        evicted = 0;
        cache.reset(first);
      }
      break;
    default: {
      std::vector<log_entry> added;
      for (std::uint64_t n = 1 + below(3); n > 0; --n) {
        added.push_back(below(10) == 0 ? change_to(term, voters(3)) : command(term, std::string(below(200), 'x')));
        all[first + all.size()] = added.back();
      }
      cache.replace(last + 1, added);
    }
    }
    ASSERT_EQ(cache.first(), first);
    ASSERT_EQ(cache.last(), first + all.size() - 1);
    for (const auto& [index, entry] : all) {
      ASSERT_EQ(cache.term_of(index), entry.term) << "index " << index << " after step " << step;
      const log_entry* const found = cache.entry(index);
      if (index > evicted || entry.kind == entry_kind::change) {
        ASSERT_NE(found, nullptr) << "index " << index << " after step " << step;
      }
      if (found != nullptr) {
        ASSERT_EQ(*found, entry);
      }
    }
    ASSERT_EQ(cache.entry(first - 1), nullptr);
    ASSERT_EQ(cache.term_of(cache.last() + 1), 0U);
    if (all.size() > 60) {
      const index_t middle = first + 30;
      all.erase(all.begin(), all.lower_bound(middle));
      first = middle;
      cache.trim(first);
    }
  }
}

// The bound holds for all that may be forgotten.
TEST(log_cache, EvictionStopsAtItsBound) {
  log_cache cache{1000};
  for (index_t index = 1; index <= 100; ++index) {
    cache.replace(index, std::vector{command(1, std::string(100, 'x'))});
  }
  EXPECT_GT(cache.bytes(), 10'000U);
  cache.evict(50);
  EXPECT_EQ(cache.entry(50), nullptr);
  EXPECT_NE(cache.entry(51), nullptr);
  cache.evict(100);
  EXPECT_LE(cache.bytes(), 1000U);
  EXPECT_NE(cache.entry(100), nullptr);
}

} // namespace
} // namespace godwit::tests
