#pragma once

#include <cstddef>
#include <cstdint>

#include "config/server_limits.hpp"

/// Bounds of accounts, their people and their boxes. The unit is in the name; sizes without one are bytes.
namespace godwit::limits {

// --- accounts -------------------------------------------------------------------------------------

/// Logins of one account that can be used at once; a further one ends the one that rested longest.
inline constexpr std::size_t authorizations_per_user_max = 100;
/// Sessions that listen to one account.
inline constexpr std::size_t listeners_per_user_max = 400;
/// Temporary keys that stand for one permanent key at once; a further one takes the place of the oldest in
/// its list.
inline constexpr std::size_t temporary_keys_per_key_max = 64;
/// Commands of one phone number that wait for an account's answer.
inline constexpr std::size_t phone_questions_max = 64;
/// How long an account knows which copy of a call it took last, and of how many: as long as a message id is good.
inline constexpr std::int32_t call_copy_seconds = 300;
inline constexpr std::size_t call_copies_max = 1024;
/// Calls of one account that wait for other accounts, and accounts that one such call may name.
inline constexpr std::size_t user_questions_max = 64;
inline constexpr std::size_t users_per_call_max = 200;
/// Cards of accounts that a node keeps.
inline constexpr std::size_t cards_in_memory_max = 100'000;
/// Keys that are looked at for their expiry whenever one is made.
inline constexpr std::size_t keys_swept_per_creation = 16;
/// Bytes of a first or a last name, and its characters.
inline constexpr std::size_t name_bytes_max = 256;
inline constexpr std::size_t name_characters_max = 64;
/// Bytes kept of each thing that a client says about its device.
inline constexpr std::size_t device_text_bytes_max = 128;
/// Addresses whose requests for login codes are counted.
inline constexpr std::size_t code_addresses_max = 65'536;

// --- people ---------------------------------------------------------------------------------------

/// Accounts whose relation one account keeps in memory; those that calls wait for come on top.
inline constexpr std::size_t relations_in_memory_max = 256;
/// Relations that changed last, and stay known for readers that began before.
inline constexpr std::size_t relations_changed_kept_max = 1024;
/// Contacts and blocked accounts of one account.
inline constexpr std::size_t contacts_max = 10'000;
inline constexpr std::size_t blocked_max = 10'000;
/// Phone numbers that one account looks up in a day, wrong ones beside a contact among them.
inline constexpr std::size_t phones_looked_up_per_day = 5000;
/// Contacts that one call imports, and that one deletes.
inline constexpr std::size_t contacts_imported_max = 200;
inline constexpr std::size_t contacts_deleted_max = 1000;
/// Answers to one search among contacts.
inline constexpr std::size_t contacts_found_max = 100;
/// The blocked of one page.
inline constexpr std::size_t blocked_page_max = 200;
/// Cards that one account asks for at once; further ones wait.
inline constexpr std::size_t card_questions_max = 64;
/// How long one waits for a card whose account is out of reach: with what is known by then lists and updates go out.
inline constexpr std::uint32_t card_patience_ms = 1000;
/// How long one waits to hear whose a phone number or username is.
inline constexpr std::uint32_t owner_patience_ms = 10'000;
/// A card that is older is asked for again when somebody is about to show it, and how many at once.
inline constexpr std::int32_t card_fresh_seconds = 60;
inline constexpr std::size_t card_refreshes_max = 16;
/// Changes of its card that an account tells others of in a minute; the last one of more is told later.
inline constexpr std::uint32_t card_changes_per_minute = 5;
/// Accounts that are told that one is online, and relations that are looked at for them.
inline constexpr std::size_t presence_peers_max = 500;
inline constexpr std::size_t presence_rows_max = 5000;
/// Changes of presence that others are told in a minute.
inline constexpr std::uint32_t presence_changes_per_minute = 20;
/// Accounts of which a node knows whether they are online.
inline constexpr std::size_t presences_max = 500'000;
/// Of these, changes that wait to be told to other nodes, and those of one envelope.
inline constexpr std::size_t presence_news_max = 100'000;
inline constexpr std::size_t presence_part_max = 1000;
/// Accounts that the rules of one privacy setting name, and its rules.
inline constexpr std::size_t privacy_users_max = 1000;
inline constexpr std::size_t privacy_rules_max = 20;
/// Characters of a username; and of what an account says about itself.
inline constexpr std::size_t username_characters_min = 5;
inline constexpr std::size_t username_characters_max = 32;
inline constexpr std::size_t about_characters_max = 70;
/// Characters of a note beside a contact.
inline constexpr std::size_t contact_note_characters_max = 128;
/// Commands of one username that wait for an account's answer.
inline constexpr std::size_t username_questions_max = 64;

// --- boxes ----------------------------------------------------------------------------------------

/// Dialogs that the box of one account keeps in memory.
inline constexpr std::size_t dialogs_in_memory_max = 128;
/// Changes of one box that wait for the one that reads: more than one session may ask for at once.
inline constexpr std::size_t box_operations_max = 256;
/// Changes that waited share a mutation until it has so many bytes; a single one may write three times that.
inline constexpr std::size_t box_mutation_bytes = 1 << 20;
/// How long a random_id is remembered, today among them.
inline constexpr std::int32_t sent_days = 31;
/// random_ids of one account that a filter in memory knows, two bytes each; who sends more pays a reading for each.
inline constexpr std::size_t sent_filter_numbers_max = 1 << 18;
/// Rows of forgotten random_ids that one message removes.
inline constexpr std::size_t sent_rows_removed_max = 500;
/// How long a call without random_id that was executed is not executed again for a client whose session was lost,
/// and the calls of one account that this is remembered of.
inline constexpr std::int32_t repeated_call_seconds = 60;
inline constexpr std::size_t repeated_calls_max = 256;
/// Messages of one forwardMessages.
inline constexpr std::size_t forwarded_messages_max = 100;
/// The account's card that goes with what it tells a peer: a larger one, with long lists of its privacy, is asked for by
/// whoever lacks it.
inline constexpr std::size_t delivered_card_bytes_max = 1024;
/// Deliveries in a row that go before a client's change that waits.
inline constexpr std::size_t box_arrivals_in_a_row_max = 16;
/// Characters that a reply quotes.
inline constexpr std::size_t quote_characters_max = 1024;

static_assert(4 * box_mutation_bytes <= mutation_bytes_max);
static_assert(session_calls_max < box_operations_max);

/// Messages of one page, dialogs of one page, and ids that one call may name.
inline constexpr std::int32_t messages_per_page_max = 100;
inline constexpr std::int32_t dialogs_per_page_max = 500;
inline constexpr std::size_t ids_per_read_max = 200;
/// Bytes at which a page of messages or dialogs ends, as estimated: with one thing more it is far below kept_bytes_max,
/// beyond which no answer is sent.
inline constexpr std::size_t page_bytes_max = 3 << 19;
/// Drafts in one list of all.
inline constexpr std::size_t drafts_listed_max = 500;
/// Messages that one search looks at for its page, and again for its count; and that an offset passes over.
inline constexpr std::size_t search_rows_max = 5000;
/// The same in bytes: long texts take long to search.
inline constexpr std::size_t search_bytes_max = 2 << 20;
inline constexpr std::size_t search_query_bytes_max = 4096;
/// Words of a query that are looked for; further ones are not.
inline constexpr std::size_t search_words_max = 16;
/// Searches of one account that wait for the one that reads.
inline constexpr std::size_t searches_waiting_max = 8;
inline constexpr std::size_t search_filters_max = 32;
/// One slice of a difference: changes that move the pts, about how many bytes and accounts, and changes beside one pts.
inline constexpr std::size_t difference_updates_max = 500;
inline constexpr std::size_t difference_bytes_max = 1 << 20;
inline constexpr std::size_t difference_people_max = 1000;
inline constexpr std::size_t difference_beside_max = 1000;
/// How far a session may be behind to be told what it missed.
inline constexpr std::int32_t replay_updates_max = 100;

// --- texts ----------------------------------------------------------------------------------------

/// Characters of a message, of Unicode (message_length_max of the API's configuration).
inline constexpr std::size_t message_characters_max = 4096;
/// Entities of a message; further ones are dropped.
inline constexpr std::size_t message_entities_max = 100;
/// The address of a link that has a text of its own.
inline constexpr std::size_t link_bytes_max = 2048;
/// Addresses and the like of all entities of a message together: a message is a row, and many make a page.
inline constexpr std::size_t entity_texts_bytes_max = 8192;
/// The name of a listing's language.
inline constexpr std::size_t listing_language_bytes_max = 64;
/// Characters behind @, # and / that are still marked.
inline constexpr std::size_t mention_characters_min = 4;
inline constexpr std::size_t mention_characters_max = 32;
inline constexpr std::size_t hashtag_characters_max = 256;
inline constexpr std::size_t command_characters_max = 64;

/// How long a message can be edited (edit_time_limit of the API's configuration).
inline constexpr std::int32_t message_edit_seconds_max = 172'800;
/// Ids of one deleteMessages, and messages that one deleteHistory or unpinAllMessages takes before it is called again.
inline constexpr std::size_t messages_changed_max = 1000;
/// Rows of other dates that one deleteHistory passes over.
inline constexpr std::size_t messages_passed_max = 10'000;

/// Dialogs that stay on top (pinned_dialogs_count_max of the API's configuration).
inline constexpr std::size_t pinned_dialogs_max = 5;
/// Peers whose dialogs ring in a way of their own; all are in memory.
inline constexpr std::size_t notify_exceptions_max = 1000;
/// The name of a sound, and what a device says of it.
inline constexpr std::size_t sound_text_bytes_max = 128;
/// Peers of whom a box remembers that they have no draft.
inline constexpr std::size_t draftless_peers_max = 1024;
/// Drafts that one operation of clearAllDrafts takes away, and marks that one answer tells of.
inline constexpr std::size_t drafts_cleared_max = 500;
inline constexpr std::size_t unread_marks_listed_max = 1000;
/// What somebody is doing while typing, as bytes.
inline constexpr std::size_t typing_bytes_max = 256;
/// Peers that an account tells of its typing in one second, and of whose typing it is told.
inline constexpr std::size_t typing_peers_per_second_max = 32;

} // namespace godwit::limits
