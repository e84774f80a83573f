#include "actors/account/account_options.hpp"

#include <algorithm>

#include "actors/account/phone_number.hpp"
#include "actors/account/rate_limits.hpp"
#include "config/limits.hpp"

namespace godwit::account {

account_options options_from(const config::auth_section& auth, const config::dc_section& dc) {
  account_options options;
  options.registration = auth.registration;
  options.test_numbers = auth.test_numbers;
  for (const std::string& each : auth.invited) {
    invite(options, each);
  }
  options.code_digits = static_cast<std::uint32_t>(auth.code_digits);
  options.code_expiry_seconds = static_cast<std::int32_t>(auth.code_expiry_seconds);
  options.code_attempts = static_cast<std::uint32_t>(auth.code_attempts);
  options.code_resend_seconds = static_cast<std::int32_t>(auth.code_resend_seconds);
  options.codes_per_number_day = static_cast<std::uint32_t>(auth.codes_per_number_day);
  const auto per_hour = static_cast<std::uint32_t>(auth.codes_per_address_hour);
  options.codes_by_address = std::make_shared<shared_rate_limiter>(
    rate{.burst = per_hour, .per_period = per_hour, .period_seconds = 3600}, limits::code_addresses_max);
  options.country = dc.country;
  return options;
}

std::size_t invite(account_options& options, std::string_view lines) {
  std::size_t count = 0;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    if (const auto number = parse_phone_number(line, options.test_numbers)) {
      options.invited.insert(*number);
      ++count;
    }
  }
  return count;
}

bool may_register(const account_options& options, std::uint64_t number) {
  switch (options.registration) {
  case config::registration_mode::open: return true;
  case config::registration_mode::invitation: return options.invited.contains(number);
  case config::registration_mode::closed: return false;
  }
  return false;
}

} // namespace godwit::account
