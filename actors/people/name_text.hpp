#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace godwit::people {

/// A text of one line without control characters and white space at its ends. The text is UTF-8.
std::string clean_line(std::string_view text);

/// Characters of a UTF-8 text.
std::size_t characters_of(std::string_view text);
/// No more than so many characters.
std::string cut_text(std::string_view text, std::size_t characters_max);

/// A text without regard to case, in composed form, for comparisons. Bytes that are not UTF-8 stay as they are.
std::string folded(std::string_view text);
/// Whether one of the words of a folded text begins with a folded prefix; a prefix of several words has to be found as
/// it is.
bool has_word_with(std::string_view folded_text, std::string_view folded_prefix);

/// A phone number as a client writes it: its digits alone. Nothing when there are none, or too many.
std::optional<std::uint64_t> digits_of(std::string_view phone);

/// Latin letters, digits and underscores, a letter first, of a username's length.
bool is_username(std::string_view text);

} // namespace godwit::people
