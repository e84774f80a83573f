#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/commands/people_commands.pb.h"
#include "actors/entity/entity_logic.hpp"
#include "actors/people/account_core.hpp"
#include "actors/people/card_book.hpp"
#include "persistence/records/people.pb.h"
#include "protocol/rpc_error.hpp"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::tl::fn {
struct function;
}

namespace godwit::people {

using entity::continuation;
using entity::records_table;
using persistence::records::Relation;

/// The other accounts, as one account sees them: contacts, blocks, who has it in its contacts, cards; and what it
/// lets others see of itself: profile, username, privacy, presence.
class people {
public:
  explicit people(account_core& core);
  ~people();

  // --- rows ---

  [[nodiscard]] static std::vector<records_table> tables();
  bool load(records_table table, std::string_view sub_key, std::string_view value);
  /// After the last row: a change of username that was under way goes on.
  void resume(unix_time now, entity_effects& out);

  // --- for the other parts of the account ---

  /// Runs `then` when the relations and the cards of these accounts are in memory, at once if they are. A card that does
  /// not come (no such account) is one that does not exist. Ids that are not accounts are passed over. Old cards serve,
  /// and are asked for again in the background: who missed a word about a rule does not miss it for long.
  /// A card whose account is out of reach for that long comes as one of an account that does not exist.
  void with(std::span<const user_id> whom, unix_time now, entity_effects& out, continuation then,
            patience how_long = patience::brief);
  /// Null: not in memory; ask `with` first. What was proposed counts.
  [[nodiscard]] const Relation* relation(user_id whom) const;
  /// A relation that a query of another part read (rows of records_table::user_relation), where it is not in memory;
  /// nothing: there is no row.
  void learn(user_id whom, const std::optional<std::string>& row);
  /// A card that came with a delivery from its account. `said_at`: when that one said it, 0 if that is not known.
  void learn(const command::Card& card, unix_time said_at = 0);
  /// This account's card, for a delivery.
  [[nodiscard]] command::Card own_card(unix_time now) const;
  /// Everything this account may see of another, or of itself. A userEmpty when the card does not exist or is not in
  /// memory.
  [[nodiscard]] tl::box<tl::User> view(user_id whom, unix_time now) const;
  /// Adds the views of all peers to a vector `users` of an answer, each once.
  void add_views(std::vector<tl::box<tl::User>>& users, std::span<const user_id> whom, unix_time now) const;
  /// Whom a client addresses: its own account, or one whose access_hash it shows. Errors: peer_id_invalid,
  /// user_id_invalid.
  [[nodiscard]] rpc_result<user_id> resolve(const tl::InputPeer* peer) const;
  [[nodiscard]] rpc_result<user_id> resolve(const tl::InputUser* user) const;

  // --- requests ---

  /// One call of the API; it is answered now or later under the ticket of `from`. False: it is not about people.
  bool call(const call_context& from, const tl::fn::function& what, entity_effects& out);
  /// The constructors that call() takes.
  [[nodiscard]] static bool takes(std::uint32_t kind);
  /// The sender has, or has no more, this account in its contacts. Answers the ticket with the rows, now or later.
  void relation_changed(std::uint64_t ticket, const command::Delivery& what, unix_time now, entity_effects& out);
  /// Presence and cards of others. Typing is the box's.
  void whispered(const command::Whisper& what, unix_time now, entity_effects& out);
  /// A session came, went, said whether it is online.
  void presence_changed(unix_time now, entity_effects& out);
  /// Whether the account has this username, or is taking it.
  [[nodiscard]] bool owns_username(std::string_view username) const;

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace godwit::people
