#include "actors/box/text_search.hpp"

#include <algorithm>
#include <utility>

#include "actors/people/name_text.hpp"
#include "config/limits.hpp"

namespace godwit::box {
using people::folded;

text_search::text_search(std::string_view query) {
  const std::string all = folded(query);
  constexpr std::string_view spaces = " \t\r\n";
  std::size_t begin = all.find_first_not_of(spaces);
  while (begin != std::string::npos && words_.size() < limits::search_words_max) {
    const std::size_t end = std::min(all.find_first_of(spaces, begin), all.size());
    std::string word(all, begin, end - begin);
    if (std::find(words_.begin(), words_.end(), word) == words_.end()) {
      words_.push_back(std::move(word));
    }
    begin = all.find_first_not_of(spaces, end);
  }
}

bool text_search::fits(std::string_view text) const {
  if (words_.empty()) {
    return true;
  }
  const std::string all = folded(text);
  return std::all_of(words_.begin(), words_.end(),
                     [&](const std::string& word) { return all.find(word) != std::string::npos; });
}

} // namespace godwit::box
