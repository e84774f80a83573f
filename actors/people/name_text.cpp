#include "actors/people/name_text.hpp"

#include <algorithm>

#include "config/limits.hpp"

namespace godwit::people {
namespace {

bool continues(char each) { return (static_cast<unsigned char>(each) & 0xc0U) == 0x80U; }

/// U+0000 to U+001F and U+007F, which no name needs.
bool is_control(char each) { return static_cast<unsigned char>(each) < 0x20 || each == 0x7f; }

bool is_letter(char each) { return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z'); }
bool is_digit(char each) { return each >= '0' && each <= '9'; }

char32_t small(char32_t each) {
  if (each < 0x80) {
    return each >= U'A' && each <= U'Z' ? each + 0x20 : each;
  }
  const bool latin_1 = each >= 0xc0 && each <= 0xde && each != 0xd7;
  const bool greek = each >= 0x391 && each <= 0x3a9 && each != 0x3a2;
  const bool cyrillic = each >= 0x410 && each <= 0x42f;
  if (latin_1 || greek || cyrillic) {
    return each + 0x20;
  }
  if (each >= 0x400 && each <= 0x40f) {
    return each + 0x50;
  }
  if (each >= 0x531 && each <= 0x556) {
    return each + 0x30;
  }
  // Pairs of a capital at an even number, or at an odd one, and its small letter behind it.
  const bool even_pair = (each >= 0x100 && each <= 0x12f) || (each >= 0x132 && each <= 0x137) ||
                         (each >= 0x14a && each <= 0x177) || (each >= 0x460 && each <= 0x481) ||
                         (each >= 0x48a && each <= 0x4bf) || (each >= 0x4d0 && each <= 0x52f);
  const bool odd_pair = (each >= 0x139 && each <= 0x148) || (each >= 0x179 && each <= 0x17e);
  if (even_pair && each % 2 == 0) {
    return each + 1;
  }
  return odd_pair && each % 2 == 1 ? each + 1 : each;
}

void append(std::string& to, char32_t each) {
  const auto byte = [&](std::uint32_t bits) { to.push_back(static_cast<char>(bits)); };
  const auto code = static_cast<std::uint32_t>(each);
  if (code < 0x80) {
    byte(code);
  } else {
    byte(0xc0U | code >> 6);
    byte(0x80U | (code & 0x3fU));
  }
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
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      append(result, small(lead));
    } else if ((lead & 0xe0U) == 0xc0U && i + 1 < text.size()) {
      const auto next = static_cast<unsigned char>(text[++i]);
      append(result, small(static_cast<char32_t>((lead & 0x1fU) << 6 | (next & 0x3fU))));
    } else {
      result.push_back(text[i]); // longer characters have no capitals that matter here
    }
  }
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
