#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "actors/commands/people_commands.pb.h"
#include "actors/people/presence_book.hpp"
#include "protocol/ids.hpp"

namespace godwit::people {

using card_ptr = std::shared_ptr<const command::Card>;

/// The cards that a node knows, by account; the newest version of each wins. Bounded: the one that rested longest
/// goes first. Safe from every thread.
class card_book {
public:
  explicit card_book(std::size_t cards_max);

  /// Null: not known here.
  [[nodiscard]] card_ptr find(user_id who) { return look(who).card; }
  struct aged_card {
    card_ptr card;    ///< null: not known here
    unix_time at = 0; ///< when its account said it
  };
  [[nodiscard]] aged_card look(user_id who);
  /// Keeps it unless a newer version is there. `said_at`: when its account said it, 0 if that is not known: then it is
  /// asked for again when it is used.
  void put(const command::Card& card, unix_time said_at = 0);

private:
  struct entry {
    card_ptr card;
    std::list<user_id>::iterator place;
    unix_time said_at = 0;
  };

  std::mutex mutex_;
  std::size_t cards_max_;
  std::unordered_map<std::int64_t, entry> entries_;
  std::list<user_id> order_; ///< longest unused first
};

} // namespace godwit::people
