#include "actors/people/name_text.hpp"

#include <algorithm>
#include <cstdlib>

#include <utf8proc.h>

#include "config/limits.hpp"

namespace godwit::people {
namespace {

bool continues(char each) { return (static_cast<unsigned char>(each) & 0xc0U) == 0x80U; }

/// U+0000 to U+001F and U+007F, which no name needs.
bool is_control(char each) { return static_cast<unsigned char>(each) < 0x20 || each == 0x7f; }

bool is_letter(char each) { return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z'); }
bool is_digit(char each) { return each >= '0' && each <= '9'; }

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char each) { return static_cast<unsigned char>(each) < 0x80; });
}

} // namespace

std::string clean_line(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (const char each : text) {
    clean.push_back(is_control(each) ? ' ' : each);
  }
  const auto first = clean.find_first_not_of(' ');
  if (first == std::string::npos) {
    return {};
  }
  return clean.substr(first, clean.find_last_not_of(' ') - first + 1);
}

std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char each) { return !continues(each); }));
}

std::string cut_text(std::string_view text, std::size_t characters_max) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!continues(text[i]) && ++characters > characters_max) {
      return std::string(text.substr(0, i));
    }
  }
  return std::string(text);
}

std::string folded(std::string_view text) {
  std::string result;
  if (is_ascii(text)) {
    result.resize(text.size());
    std::transform(text.begin(), text.end(), result.begin(),
                   [](char each) { return each >= 'A' && each <= 'Z' ? static_cast<char>(each + ('a' - 'A')) : each; });
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

bool has_word_with(std::string_view folded_text, std::string_view folded_prefix) {
  for (std::size_t at = folded_text.find(folded_prefix); at != std::string_view::npos;
       at = folded_text.find(folded_prefix, at + 1)) {
    if (at == 0 || folded_text[at - 1] == ' ') {
      return true;
    }
  }
  return false;
}

std::optional<std::uint64_t> digits_of(std::string_view phone) {
  constexpr std::size_t digits_max = 15; // ITU-T E.164
  std::uint64_t number = 0;
  std::size_t digits = 0;
  for (const char each : phone.substr(0, 64)) {
    if (is_digit(each)) {
      number = number * 10 + static_cast<std::uint64_t>(each - '0');
      if (++digits > digits_max) {
        return std::nullopt;
      }
    }
  }
  return number == 0 ? std::nullopt : std::optional(number);
}

bool is_username(std::string_view text) {
  const auto fits = [](char each) { return is_letter(each) || is_digit(each) || each == '_'; };
  return text.size() >= limits::username_characters_min && text.size() <= limits::username_characters_max &&
         is_letter(text.front()) && std::all_of(text.begin(), text.end(), fits);
}

} // namespace godwit::people
