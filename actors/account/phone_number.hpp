#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace godwit::account {

/// A number beginning with 99966, of 10 to 15 digits: +99966XYYYY and longer ones.
[[nodiscard]] bool is_test_number(std::uint64_t number);

/// Its login code: the sixth digit, five times. Of a test number only.
std::string test_code(std::uint64_t number);

/// The number behind what a person wrote: digits, with the country's code, whatever stands between them. Nothing
/// when no telephone can have it. With `test_numbers`, numbers beginning with 99966 are taken as they are.
std::optional<std::uint64_t> parse_phone_number(std::string_view text, bool test_numbers);

/// Two letters of the country whose numbers begin so; empty when there is none, as for a test number.
std::string country_of_number(std::uint64_t number);

} // namespace godwit::account
