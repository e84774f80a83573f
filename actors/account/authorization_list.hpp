#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "actors/account/entity_logic.hpp"
#include "actors/commands/account_commands.pb.h"
#include "persistence/records/account.pb.h"
#include "protocol/crypto/random.hpp"

namespace godwit::account {

/// The logins of one account: the authority on who may act for it.
///
/// A login is active until it is ended; from that moment it is refused. Then its key is told, and once the key
/// has acknowledged, the row goes: at once, or when the code that it was made with has expired, so that the
/// same code does not make it anew.
class authorization_list {
public:
  using authorization_row = persistence::records::UserAuthorization;

  bool load(std::string_view sub_key, std::string_view value);

  struct authorized {
    authorization_id id;
    bool fresh = false;                    ///< the key had no login before
    std::optional<authorization_id> ended; ///< to make room
  };
  /// Error: phone_code_expired, for a code whose login was ended.
  rpc_result<authorized> authorize(const command::Authorize& what, unix_time now, crypto::random_source& random,
                                   entity_effects& out);

  /// Of an active login of this key, else null.
  [[nodiscard]] const authorization_row* active(authorization_id id, auth_key_id key) const;
  /// False: there is no active login of this id.
  bool end(authorization_id id, unix_time now, entity_effects& out);
  /// The key of an ended login knows.
  void acknowledged(authorization_id id, unix_time now, entity_effects& out);
  /// Notes that the login was used; writes a row once in an hour.
  void touch(authorization_id id, unix_time now, entity_effects& out);
  /// Drops rows whose time is over.
  void sweep(unix_time now, entity_effects& out);

  [[nodiscard]] std::vector<authorization_id> active_ids() const;
  [[nodiscard]] std::vector<authorization_id> ending_ids() const;
  [[nodiscard]] const authorization_row& at(authorization_id id) const { return rows_.at(id.value()); }

private:
  [[nodiscard]] bool code_used(const command::Authorize& what) const;
  authorization_row* of_key(std::uint64_t key, std::int64_t& id);
  std::optional<authorization_id> make_room(unix_time now, entity_effects& out);
  void write(std::int64_t id, const authorization_row& what, entity_effects& out) const;

  std::map<std::int64_t, authorization_row> rows_; ///< by authorization
};

} // namespace godwit::account
