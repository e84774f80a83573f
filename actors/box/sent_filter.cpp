#include "actors/box/sent_filter.hpp"

#include <algorithm>
#include <bit>

#include "cluster/base/entity.hpp"
#include "config/limits.hpp"

namespace godwit::box {
namespace {

constexpr std::size_t numbers_min = 256;
/// 16 bits a number, 64 bits a word.
constexpr std::size_t numbers_per_word = 4;
/// With 16 bits a number, eleven would err least; eight are nearly as good.
constexpr int bits_per_number = 8;
/// Each layer errs by itself, so that there should be few.
constexpr std::size_t growth = 4;

/// Calls with the places of a number's bits, until that says false.
template <class Visit>
bool each_bit(std::uint64_t hash, std::size_t words, Visit visit) {
  // One hash stands for as many as are needed: Kirsch and Mitzenmacher, "Less Hashing, Same Performance".
  const std::uint64_t step = hash >> 32 | 1;
  for (int i = 0; i < bits_per_number; ++i, hash += step) {
    if (!visit(static_cast<std::size_t>(hash / 64) & (words - 1), std::uint64_t{1} << (hash % 64))) {
      return false;
    }
  }
  return true;
}

} // namespace

sent_filter::sent_filter(std::size_t numbers) { grow(numbers); }

void sent_filter::grow(std::size_t numbers) {
  numbers = std::bit_ceil(std::clamp(numbers, numbers_min, limits::sent_filter_numbers_max));
  layers_.push_back({std::vector<std::uint64_t>(numbers / numbers_per_word), numbers});
  newest_numbers_ = numbers;
}

void sent_filter::add(std::int64_t number) {
  if (layers_.back().room == 0 && newest_numbers_ < limits::sent_filter_numbers_max) {
    grow(growth * newest_numbers_);
  }
  layer& newest = layers_.back();
  newest.room -= newest.room == 0 ? 0 : 1;
  each_bit(cluster::seeded_hash(static_cast<std::uint64_t>(number)), newest.words.size(),
           [&](std::size_t word, std::uint64_t bit) {
             newest.words[word] |= bit;
             return true;
           });
}

bool sent_filter::may_have(std::int64_t number) const {
  const std::uint64_t hash = cluster::seeded_hash(static_cast<std::uint64_t>(number));
  return std::any_of(layers_.begin(), layers_.end(), [&](const layer& each) {
    return each_bit(hash, each.words.size(),
                    [&](std::size_t word, std::uint64_t bit) { return (each.words[word] & bit) != 0; });
  });
}

std::size_t sent_filter::bytes() const {
  std::size_t words = 0;
  for (const layer& each : layers_) {
    words += each.words.size();
  }
  return words * sizeof(std::uint64_t);
}

} // namespace godwit::box
