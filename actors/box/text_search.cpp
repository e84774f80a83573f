#include "actors/box/text_search.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <utf8proc.h>

#include "config/limits.hpp"

namespace godwit::box {
namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

} // namespace

std::string folded(std::string_view text) {
  std::string result;
  if (is_ascii(text)) {
    result.resize(text.size());
    std::transform(text.begin(), text.end(), result.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    return result;
  }
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t length =
    utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                 &mapped, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD));
  if (length < 0) {
    return std::string(text);
  }
  result.assign(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(length));
  std::free(mapped);
  return result;
}

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
