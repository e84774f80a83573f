#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "actors/account/account_options.hpp"
#include "actors/account/entity_logic.hpp"
#include "actors/commands/account_commands.pb.h"
#include "persistence/records/account.pb.h"

namespace godwit::account {

/// One phone number: whose it is, and the login codes on their way to it.
///
/// A code belongs to the key that asked for it. A wrong guess is a committed row before it is answered, so that
/// no crash gives a guess back. The right code, repeated by the same key, is right again until it expires: the
/// answer may have been lost.
///
/// A number is reserved for an account before the account is made, and confirmed when it has it. In between the
/// account is asked whether it has the number. The reservation of a sign-up is never given to another account:
/// whoever proves the code next goes on with it, and so no two accounts get one number.
class phone_logic final : public entity_logic {
public:
  phone_logic(cluster::entity_id self, const account_options& options) : self_(self), options_(options) {}

  [[nodiscard]] std::vector<records_table> tables() const override;
  bool load(records_table table, std::string_view sub_key, std::string_view value) override;
  void handle(const logic_request& request, unix_time now, entity_effects& out) override;
  void replied(std::uint64_t token, const rpc_result<std::string>& what, unix_time now, entity_effects& out) override;
  [[nodiscard]] bool busy() const override { return !asking_.empty(); }

private:
  using answer = rpc_result<std::string>;

  /// A command that waits for what the holder of the claim says.
  struct waiting {
    std::uint64_t ticket = 0;
    command::PhoneCommand what;
  };

  void run(std::uint64_t ticket, const command::PhoneCommand& what, bool asked, unix_time now, entity_effects& out);
  answer request_code(std::uint64_t number, const command::RequestCode& what, unix_time now, entity_effects& out);
  void send_code(std::uint64_t number, const std::string& code, code_kind kind, unix_time now,
                 entity_effects& out) const;
  answer resend_code(std::uint64_t number, const command::ResendCode& what, unix_time now, entity_effects& out);
  answer cancel_code(const command::CancelCode& what, unix_time now, entity_effects& out);
  answer check_code(const command::CheckCode& what, unix_time now, entity_effects& out);
  answer reserve_claim(const command::ReserveClaim& what, unix_time now, entity_effects& out);
  answer reserve_for_sign_up(const command::ReserveClaim& what, unix_time now, entity_effects& out);
  answer confirm_claim(const command::ConfirmClaim& what, entity_effects& out);
  answer release_claim(const command::ReleaseClaim& what, entity_effects& out);
  [[nodiscard]] answer pending_codes(unix_time now) const;

  /// Whether the command has to wait for the holder of a reservation.
  [[nodiscard]] bool must_ask(const command::PhoneCommand& what, unix_time now) const;
  void settle(bool owned, unix_time now, entity_effects& out);
  void set_claim(std::int64_t user, std::uint32_t state, std::int32_t expires_at, entity_effects& out);
  [[nodiscard]] answer claim_answer() const;

  void forget_expired(unix_time now, entity_effects& out);
  /// Counts one more code; false at the bound of a day.
  bool count_code(unix_time now, entity_effects& out);
  persistence::records::PhoneCode* find_code(std::uint64_t key, std::string_view hash, unix_time now);
  [[nodiscard]] std::string new_code(std::uint64_t number) const;
  [[nodiscard]] std::string new_hash() const;
  [[nodiscard]] std::int64_t new_user_id() const;

  cluster::entity_id self_;
  const account_options& options_;
  std::optional<persistence::records::PhoneClaim> claim_;
  persistence::records::PhoneCodes asked_for_;
  std::map<std::uint64_t, persistence::records::PhoneCode> codes_; ///< by key
  std::map<std::uint64_t, waiting> asking_;                        ///< by token
  std::uint64_t last_token_ = 0;
};

} // namespace godwit::account
