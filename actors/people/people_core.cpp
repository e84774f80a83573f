#include "actors/people/people_core.hpp"

#include <algorithm>
#include <iterator>

#include "actors/commands/account_commands.pb.h"
#include "actors/people/access_hash.hpp"
#include "config/limits.hpp"

namespace godwit::people {

namespace {

/// How often a card is asked for that a change has to be judged by, limits::card_patience_ms each time.
constexpr std::uint32_t card_rounds = 10;

bool by_id(user_id left, user_id right) { return left.value() < right.value(); }

} // namespace

/// Accounts that somebody waits for.
struct people_core::asked {
  std::vector<user_id> whom;   ///< each once, in the order of their ids, where it is `pinned`
  std::vector<card_ptr> cards; ///< as whom
  std::size_t missing = 0;     ///< cards, and one for the relations
  bool pinned = false;
  cards_came then;
};

bool is_account_id(std::int64_t id) { return id > 0 && id < std::int64_t{1} << 40; }

cluster::entity_ref user_entity(user_id whom) {
  return {cluster::entity_kind::user, cluster::entity_id{static_cast<std::uint64_t>(whom.value())}};
}

rpc_result<std::string> refused(rpc_errc why, std::int32_t argument) { return unexpected(rpc_error{why, argument}); }

people_core::people_core(account_core& of) : account(of) {
  relations.changed = [this](user_id whom, const Relation& relation) { fans.note(whom, relation); };
}

bool people_core::busy() const { return waiting_ >= limits::user_questions_max; }

std::int64_t people_core::access_hash_of(user_id whom) const {
  return access_hash(account.options.access_hash_key, account.self, whom);
}

// --- others in memory --------------------------------------------------------------------------------

namespace {

const card_ptr& service_card() {
  static const card_ptr card = [] {
    command::Card made;
    made.set_exists(true);
    made.set_user(service_user.value());
    made.set_first_name("Godwit");
    made.set_phone(42777);
    made.set_version(1);
    return std::make_shared<const command::Card>(made);
  }();
  return card;
}

} // namespace

bool people_core::is_other(user_id whom) const {
  return is_account_id(whom.value()) && !is_self(whom) && whom != service_user;
}

const Relation* people_core::relation(user_id whom) const {
  static const Relation none;
  // What is found becomes the youngest, which nobody sees.
  return is_other(whom) ? const_cast<relation_book&>(relations).find(whom) : &none;
}

card_ptr people_core::card(user_id whom) const {
  if (whom == service_user) {
    return service_card();
  }
  if (card_ptr known = account.options.cards->find(whom)) {
    return known;
  }
  if (held_ != nullptr && held_->pinned) {
    const auto found = std::lower_bound(held_->whom.begin(), held_->whom.end(), whom, by_id);
    if (found != held_->whom.end() && *found == whom) {
      return held_->cards[static_cast<std::size_t>(found - held_->whom.begin())];
    }
  }
  return nullptr;
}

void people_core::learn(const command::Card& card, unix_time said_at) const {
  if (is_other(user_id{card.user()})) {
    account.options.cards->put(card, said_at);
  }
}

void people_core::with(std::span<const user_id> whom, unix_time now, entity_effects& out, continuation then,
                       patience how_long) {
  std::vector<user_id> unread;
  bool all_known = true;
  for (const user_id each : whom) {
    if (!is_other(each)) {
      continue;
    }
    const bool known = relations.find(each) != nullptr;
    if (!known) {
      unread.push_back(each);
    }
    if (const auto aged = account.options.cards->look(each); aged.card != nullptr) {
      refresh_card(each, aged.at, now, out);
    } else {
      all_known = all_known && card(each) != nullptr;
    }
    all_known = all_known && known;
  }
  if (all_known) {
    return then(now, out);
  }
  auto what = std::make_shared<asked>();
  what->pinned = true;
  what->then = [run = std::move(then)](const std::vector<card_ptr>&, unix_time later, entity_effects& more) {
    run(later, more);
  };
  std::copy_if(whom.begin(), whom.end(), std::back_inserter(what->whom),
               [this](user_id each) { return is_other(each); });
  std::sort(what->whom.begin(), what->whom.end(), by_id);
  what->whom.erase(std::unique(what->whom.begin(), what->whom.end()), what->whom.end());
  relations.pin(what->whom);
  ++waiting_;
  what->cards.resize(what->whom.size());
  what->missing = 1; // so that nothing runs before all is asked
  if (!unread.empty()) {
    ++what->missing;
    ask_relations(what, std::move(unread), out);
  }
  for (std::size_t place = 0; place < what->whom.size(); ++place) {
    if ((what->cards[place] = card(what->whom[place])) == nullptr) {
      ++what->missing;
      ask_card(what->whom[place], out, how_long == patience::brief ? 1 : card_rounds,
               [this, what, place](const card_ptr& card, unix_time later, entity_effects& more) {
                 what->cards[place] = card;
                 came(what, later, more);
               });
    }
  }
  came(what, now, out);
}

void people_core::with_relation(user_id whom, unix_time now, entity_effects& out, continuation then) {
  if (relation(whom) != nullptr) {
    return then(now, out);
  }
  auto row = std::make_shared<std::optional<std::string>>();
  query([row, whom](entity::row_reader& rows) { *row = rows.get(records_table::user_relation, relation_key(whom)); },
        out,
        [this, row, whom, run = std::move(then)](unix_time later, entity_effects& more) {
          relations.learn(whom, *row); // the youngest stays
          run(later, more);
        });
}

void people_core::with_cards(std::vector<user_id> whom, unix_time now, entity_effects& out, cards_came then) {
  auto what = std::make_shared<asked>();
  what->whom = std::move(whom);
  what->then = std::move(then);
  what->cards.resize(what->whom.size());
  what->missing = 1;
  ++waiting_;
  for (std::size_t place = 0; place < what->whom.size(); ++place) {
    const user_id each = what->whom[place];
    if (!is_other(each) && each != service_user) {
      continue;
    }
    if ((what->cards[place] = card(each)) == nullptr) {
      ++what->missing;
      ask_card(each, out, 1, [this, what, place](const card_ptr& card, unix_time later, entity_effects& more) {
        what->cards[place] = card;
        came(what, later, more);
      });
    }
  }
  came(what, now, out);
}

void people_core::ask_relations(const std::shared_ptr<asked>& what, std::vector<user_id> whom, entity_effects& out) {
  struct page {
    std::vector<user_id> whom;
    std::vector<std::optional<std::string>> rows;
  };
  auto read = std::make_shared<page>();
  read->whom = std::move(whom);
  out.queries.push_back({[read](entity::row_reader& rows) {
                           for (const user_id each : read->whom) {
                             read->rows.push_back(rows.get(records_table::user_relation, relation_key(each)));
                           }
                         },
                         [this, what, read](unix_time now, entity_effects& more) {
                           for (std::size_t i = 0; i < read->whom.size(); ++i) {
                             relations.learn(read->whom[i], read->rows[i]);
                           }
                           came(what, now, more);
                         }});
}

void people_core::came(const std::shared_ptr<asked>& what, unix_time now, entity_effects& out) {
  if (--what->missing != 0) {
    return;
  }
  --waiting_;
  const auto* outer = std::exchange(held_, what.get());
  what->then(what->cards, now, out);
  held_ = outer;
  if (what->pinned) {
    relations.unpin(what->whom);
  }
}

/// Whoever is asked for already, or when much is asked for, is left for another time.
void people_core::refresh_card(user_id whom, unix_time said_at, unix_time now, entity_effects& out) {
  if (now - said_at <= limits::card_fresh_seconds || refreshing_.size() >= limits::card_refreshes_max ||
      questions_ >= limits::card_questions_max || !asking_.try_emplace(whom.value()).second) {
    return;
  }
  refreshing_.insert(whom.value());
  send_question(whom, out);
}

/// `rounds`: how often it is asked for before it counts as out of reach.
void people_core::ask_card(user_id whom, entity_effects& out, std::uint32_t rounds, card_came came) {
  const auto [waiting, fresh] = asking_.try_emplace(whom.value());
  if (rounds > 1) {
    came = [this, whom, rounds, last = std::move(came)](const card_ptr& card, unix_time now, entity_effects& more) {
      if (card != nullptr && !card->exists()) {
        ask_card(whom, more, rounds - 1, last);
      } else {
        last(card, now, more);
      }
    };
  }
  waiting->second.push_back(std::move(came));
  if (!fresh) {
    return;
  }
  if (questions_ < limits::card_questions_max) {
    send_question(whom, out);
  } else {
    not_asked_.push_back(whom);
  }
}

void people_core::send_question(user_id whom, entity_effects& out) {
  ++questions_;
  command::UserCommand question;
  question.mutable_public_card();
  out.commands.push_back({.to = user_entity(whom),
                          .body = question.SerializeAsString(),
                          .token = 0,
                          .then = [this, whom](const rpc_result<std::string>& what, unix_time now,
                                               entity_effects& more) { answered(whom, what, now, more); },
                          .patience_ms = limits::card_patience_ms});
}

void people_core::answered(user_id whom, const rpc_result<std::string>& what, unix_time now, entity_effects& out) {
  --questions_;
  refreshing_.erase(whom.value());
  command::Card said;
  card_ptr found;
  if (!what && what.error().errc == rpc_errc::rpc_call_fail) {
    static const card_ptr out_of_reach = std::make_shared<const command::Card>();
    found = out_of_reach;
  } else if (what && said.ParseFromString(*what) && said.exists()) {
    said.set_user(whom.value());
    account.options.cards->put(said, now);
    found = account.options.cards->find(whom);
    if (found == nullptr) {
      found = std::make_shared<const command::Card>(said);
    }
  }
  if (!not_asked_.empty()) {
    const user_id next = not_asked_.front();
    not_asked_.pop_front();
    send_question(next, out);
  }
  const auto waiting = asking_.extract(whom.value());
  if (!waiting.empty()) {
    for (const card_came& each : waiting.mapped()) {
      each(found, now, out);
    }
  }
}

void people_core::query(std::function<void(entity::row_reader&)> read, entity_effects& out, continuation then) {
  ++waiting_;
  out.queries.push_back({std::move(read), [this, run = std::move(then)](unix_time now, entity_effects& more) {
                           --waiting_;
                           run(now, more);
                         }});
}

} // namespace godwit::people
