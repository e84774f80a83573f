#include "actors/people/card_book.hpp"

#include <algorithm>

namespace godwit::people {

card_book::card_book(std::size_t cards_max) : cards_max_(std::max<std::size_t>(cards_max, 1)) {}

card_book::aged_card card_book::look(user_id who) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(who.value());
  if (found == entries_.end()) {
    return {};
  }
  order_.splice(order_.end(), order_, found->second.place);
  return {found->second.card, found->second.said_at};
}

void card_book::put(const command::Card& card, unix_time said_at) {
  if (!card.exists() || card.user() == 0) {
    return; // an account may come into being at any time: that there is none is not remembered
  }
  auto fresh = std::make_shared<const command::Card>(card);
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(card.user());
  if (found != entries_.end()) {
    const command::Card& known = *found->second.card;
    const bool newer = card.version() > known.version() ||
                       (card.version() == known.version() && card.was_online() >= known.was_online());
    if (card.version() >= known.version()) {
      found->second.said_at = std::max(found->second.said_at, said_at);
    }
    if (newer) {
      found->second.card = std::move(fresh);
    }
    order_.splice(order_.end(), order_, found->second.place);
    return;
  }
  if (entries_.size() >= cards_max_) {
    entries_.erase(order_.front().value());
    order_.pop_front();
  }
  const auto place = order_.insert(order_.end(), user_id{card.user()});
  entries_.emplace(card.user(), entry{std::move(fresh), place, said_at});
}

} // namespace godwit::people
