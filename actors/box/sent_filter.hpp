#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace godwit::box {

/// A set of numbers that may say it has one that was never added, once in a few hundred: what it does not have was
/// certainly not added. Two bytes for each; its last and largest part is for limits::sent_filter_numbers_max of them, and
/// beyond it errs more often.
class sent_filter {
public:
  /// Room for so many at once: quicker to ask than one that grew there.
  explicit sent_filter(std::size_t numbers = 0);

  void add(std::int64_t number);
  [[nodiscard]] bool may_have(std::int64_t number) const;
  [[nodiscard]] std::size_t bytes() const;

private:
  /// Bits cannot be taken out or spread anew, so that what is full stays and gets a larger one beside it.
  struct layer {
    std::vector<std::uint64_t> words; ///< a power of two of them
    std::size_t room = 0;             ///< numbers that still fit
  };
  void grow(std::size_t numbers);

  std::vector<layer> layers_;
  std::size_t newest_numbers_ = 0; ///< that the newest layer was made for
};

} // namespace godwit::box
