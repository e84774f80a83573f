#include "actors/account/phone_number.hpp"

#include <phonenumbers/phonenumberutil.h>

namespace godwit::account {
namespace {

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

/// Beyond this nothing is a number; the library would look at 250.
constexpr std::size_t text_bytes_max = 64;
/// ITU-T E.164.
constexpr std::size_t digits_max = 15;

std::string digits_of(std::string_view text) {
  std::string digits;
  for (const char each : text) {
    if (each >= '0' && each <= '9') {
      digits.push_back(each);
    }
  }
  return digits;
}

} // namespace

bool is_test_number(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return digits.size() >= 10 && digits.size() <= digits_max && digits.starts_with("99966");
}

std::string test_code(std::uint64_t number) { return std::string(5, std::to_string(number).at(5)); }

std::optional<std::uint64_t> parse_phone_number(std::string_view text, bool test_numbers) {
  if (text.size() > text_bytes_max) {
    return std::nullopt;
  }
  const std::string digits = digits_of(text);
  if (digits.empty() || digits.size() > digits_max || digits.front() == '0') {
    return std::nullopt;
  }
  const std::uint64_t number = std::stoull(digits);
  if (test_numbers && is_test_number(number)) {
    return number;
  }
  // Clients send the country's code, with or without the plus.
  PhoneNumber parsed;
  const PhoneNumberUtil& util = *PhoneNumberUtil::GetInstance();
  if (util.Parse("+" + digits, "ZZ", &parsed) != PhoneNumberUtil::NO_PARSING_ERROR || !util.IsValidNumber(parsed)) {
    return std::nullopt;
  }
  std::string normal;
  util.Format(parsed, PhoneNumberUtil::E164, &normal);
  return std::stoull(digits_of(normal));
}

std::string country_of_number(std::uint64_t number) {
  PhoneNumber parsed;
  const PhoneNumberUtil& util = *PhoneNumberUtil::GetInstance();
  if (util.Parse("+" + std::to_string(number), "ZZ", &parsed) != PhoneNumberUtil::NO_PARSING_ERROR) {
    return {};
  }
  std::string region;
  util.GetRegionCodeForNumber(parsed, &region);
  return region == "ZZ" ? std::string{} : region;
}

} // namespace godwit::account
