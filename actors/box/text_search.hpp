#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace godwit::box {

/// What somebody looks for: words, each of which has to occur in a text, whatever their case, order and place.
class text_search {
public:
  /// Of more than limits::search_words_max words, the first ones.
  explicit text_search(std::string_view query);

  [[nodiscard]] bool empty() const { return words_.empty(); }
  [[nodiscard]] bool fits(std::string_view text) const;

private:
  std::vector<std::string> words_; ///< folded
};

} // namespace godwit::box
