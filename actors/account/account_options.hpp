#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "actors/people/people_options.hpp"
#include "config/node_config.hpp"
#include "protocol/crypto/random.hpp"
#include "protocol/crypto/sealing.hpp"
#include "protocol/ids.hpp"

namespace godwit::account {

class code_sender;
class shared_rate_limiter;

/// What accounts and logins are run with: made once at start from the configuration, shared by every
/// entity and flow of the node, never changed after that.
struct account_options {
  config::registration_mode registration = config::registration_mode::open;
  /// Numbers that may sign up where registration is by invitation.
  std::unordered_set<std::uint64_t> invited;
  /// Numbers beginning with 99966 need no parsing, and their code is their sixth digit, repeated.
  bool test_numbers = false;

  std::uint32_t code_digits = 5;
  std::int32_t code_expiry_seconds = 300;
  std::uint32_t code_attempts = 5;
  std::int32_t code_resend_seconds = 60;
  std::uint32_t codes_per_number_day = 20;
  /// Codes that one address asks for, test numbers apart; null: as many as it likes.
  std::shared_ptr<shared_rate_limiter> codes_by_address;

  /// What accounts share of their node. Its key of access hashes is never lost: see docs/formats.md.
  people::people_options people;
  /// Seals authorization keys in their rows; nothing: they are stored in the open, for tests. Never lost.
  std::optional<crypto::sealing_key> record_key;
  /// Two letters, for clients that ask where they are.
  std::string country = "DE";

  /// Outlive every entity. `sender` may be null: codes are then read by the operator alone.
  crypto::random_source* random = nullptr;
  code_sender* sender = nullptr;
};

/// The values of [auth] and [dc]. Keys, interfaces and the numbers of auth.invited_file are the caller's to set.
account_options options_from(const config::auth_section& auth, const config::dc_section& dc);

/// Adds the numbers of a text, one in a line; what is none is passed over. How many there were.
std::size_t invite(account_options& options, std::string_view lines);

/// Whether a number that has no account may get one.
[[nodiscard]] bool may_register(const account_options& options, std::uint64_t number);

} // namespace godwit::account
