#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "actors/box/text_entities.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/absent.hpp"
#include "protocol/tl/api/channels.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/messages_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "tests/actors/box/row_author.hpp"

namespace godwit::box::testing {
namespace {

using get_history = tl::fn::messages_getHistory;
using search = tl::fn::messages_search;

constexpr std::int64_t me = 101;
constexpr std::int64_t ann = 102;
constexpr std::int64_t bob = 103;

/// What an answer of type messages.Messages holds.
struct page {
  std::vector<message_id> ids;
  std::vector<const tl::Message*> messages;
  std::set<std::int64_t> users;
  std::int32_t count = -1; ///< -1: all of it
  bool inexact = false;
  std::int32_t next_rate = 0;
  tl::box<tl::messages_Messages> answer;
  std::string error;
};

message_id id_of(const tl::Message* message) {
  if (const auto* plain = tl::as<tl::message>(message)) {
    return plain->id;
  }
  return tl::as<tl::messageService>(message) != nullptr ? tl::as<tl::messageService>(message)->id : 0;
}

page take(rpc_result<tl::box<tl::messages_Messages>> answer) {
  page taken;
  if (!answer) {
    taken.error = text_of(answer.error());
    return taken;
  }
  taken.answer = std::move(*answer);
  const auto fill = [&](const auto& view) {
    for (const auto& each : view.messages) {
      taken.messages.push_back(each.get());
      taken.ids.push_back(id_of(each.get()));
    }
    for (const auto& each : view.users) {
      taken.users.insert(tl::as<tl::user>(each) != nullptr ? tl::as<tl::user>(each)->id : 0);
    }
  };
  if (const auto* whole = tl::as<tl::messages_messages>(taken.answer)) {
    fill(*whole);
  } else if (const auto* slice = tl::as<tl::messages_messagesSlice>(taken.answer)) {
    fill(*slice);
    taken.count = slice->count;
    taken.inexact = slice->inexact;
    taken.next_rate = slice->next_rate.value_or(0);
  }
  return taken;
}

class MessageReadingTest : public ::testing::Test {
protected:
  MessageReadingTest() {
    world.add(me, "Me");
    world.add(ann, "Ann");
    world.add(bob, "Bob");
  }

  page history(std::int64_t peer, std::int32_t limit, message_id offset_id = 0, std::int32_t add_offset = 0,
               layer_t layer = newest_layer) {
    get_history call;
    call.peer = world.peer(me, peer);
    call.limit = limit;
    call.offset_id = offset_id;
    call.add_offset = add_offset;
    return take(world.call(me, call, layer));
  }
  page find(std::int64_t peer, const std::string& text, const std::function<void(search&)>& more = {}) {
    search call;
    call.peer = world.peer(me, peer);
    call.q = text;
    call.filter = tl::make<tl::inputMessagesFilterEmpty>();
    call.limit = 50;
    if (more) {
      more(call);
    }
    return take(world.call(me, call));
  }

  box_world world;
  row_author author{world, me};
};

// A page says how many there are, the whole dialog does not have to; whoever is named is introduced.
TEST_F(MessageReadingTest, AHistoryIsWholeOrAPageOfSoMany) {
  for (int i = 0; i < 5; ++i) {
    author.add(ann, {.out = i == 2});
    author.add(bob);
  }
  const page all = history(ann, 100);
  EXPECT_EQ(all.ids, (std::vector<message_id>{9, 7, 5, 3, 1}));
  EXPECT_EQ(all.count, -1);
  EXPECT_EQ(all.users, (std::set<std::int64_t>{me, ann}));
  const page some = history(ann, 2, 7);
  EXPECT_EQ(some.ids, (std::vector<message_id>{5, 3}));
  EXPECT_EQ(some.count, 5);
  EXPECT_EQ(history(ann, 2, 3).users, std::set<std::int64_t>{ann});
  EXPECT_EQ(history(ann, 0).count, 5);
  EXPECT_EQ(history(ann, -3).count, 5);
  EXPECT_EQ(history(me, 10).count, -1);
}

// A limit is cut to a page, whatever a client asks for; an offset that would have to pass over too much is refused.
TEST_F(MessageReadingTest, LimitsAndOffsetsAreBounded) {
  for (int i = 0; i < 150; ++i) {
    author.add(ann);
  }
  EXPECT_EQ(history(ann, 1'000'000'000).ids.size(), 100u);
  EXPECT_TRUE(history(ann, 100, 0, 1'000'000'000).ids.empty());
  const auto rows = static_cast<message_id>(limits::search_rows_max);
  for (message_id i = 0; i < rows + 50; ++i) {
    author.add(bob);
  }
  EXPECT_EQ(history(bob, 10, 0, rows + 30).error, "OFFSET_INVALID");
  EXPECT_EQ(history(bob, 10, 0, rows - 30).ids.size(), 10u);
}

// The walk that clients make, by the last message of each page, sees every message once, in both directions.
TEST_F(MessageReadingTest, WalkingThroughAHistorySeesEverythingOnce) {
  std::vector<message_id> sent;
  for (int i = 0; i < 257; ++i) {
    author.add(bob);
    sent.push_back(author.add(ann));
  }
  std::vector<message_id> seen;
  for (page each = history(ann, 30); !each.ids.empty(); each = history(ann, 30, each.ids.back())) {
    seen.insert(seen.end(), each.ids.begin(), each.ids.end());
  }
  EXPECT_EQ(std::vector<message_id>(seen.rbegin(), seen.rend()), sent);
  seen.clear();
  for (page each = history(ann, 30, 1, -30); !each.ids.empty(); each = history(ann, 30, each.ids.front() + 1, -30)) {
    seen.insert(seen.end(), each.ids.rbegin(), each.ids.rend());
  }
  EXPECT_EQ(seen, sent);
}

// What a message can hold is readable at every layer, to the last byte; the call throws otherwise.
TEST_F(MessageReadingTest, EveryLayerCanReadEveryMessage) {
  persistence::records::Message full;
  full.set_date(world.now);
  full.set_edit_date(world.now + 5);
  full.set_text("a text of some length for its entities");
  for (int kind = 1; kind <= 20; ++kind) {
    auto* entity = full.add_entity();
    entity->set_kind(static_cast<std::uint32_t>(kind));
    entity->set_offset(kind);
    entity->set_length(2);
    entity->set_text("https://example.org");
    entity->set_number(ann);
  }
  full.mutable_reply_to()->set_id(1);
  full.mutable_reply_to()->set_has_quote(true);
  full.mutable_reply_to()->set_quote("text");
  full.mutable_forward()->set_from(bob);
  full.mutable_forward()->set_date(world.now);
  full.mutable_forward()->set_saved_from(ann);
  full.mutable_forward()->set_saved_id(4);
  full.set_silent(true);
  full.set_edit_hide(true);
  full.set_invert_media(true);
  persistence::records::Message elsewhere = full;
  elsewhere.mutable_reply_to()->set_id(0);
  elsewhere.mutable_reply_to()->set_from(bob);
  elsewhere.mutable_reply_to()->set_date(world.now);
  elsewhere.mutable_forward()->clear_from();
  elsewhere.mutable_forward()->set_from_name("Somebody");
  persistence::records::Message pin;
  pin.set_out(true);
  pin.mutable_action()->set_pin_message(true);
  pin.mutable_reply_to()->set_id(1);
  for (const auto& each : {full, elsewhere, pin}) {
    const message_id id = author.add(ann);
    world.rows(me)[{records_table::message, message_key(user_id{ann}, id)}] = each.SerializeAsString();
  }
  for (layer_t layer = 133; layer <= 229; ++layer) {
    const page all = history(ann, 100, 0, 0, layer);
    ASSERT_EQ(all.ids, (std::vector<message_id>{3, 2, 1})) << layer;
    ASSERT_EQ(all.users, (std::set<std::int64_t>{me, ann, bob})) << layer;
    const auto* first = tl::as<tl::message>(all.messages[2]);
    ASSERT_EQ(first->fwd_from->saved_from_msg_id, 4) << layer;
    ASSERT_EQ(tl::as<tl::messageReplyHeader>(first->reply_to)->quote, layer >= 166) << layer;
    ASSERT_EQ(tl::as<tl::peerUser>(first->from_id)->user_id, ann) << layer;
    ASSERT_EQ(tl::as<tl::message>(all.messages[1])->reply_to == nullptr, layer < 166) << layer;
    ASSERT_NE(tl::as<tl::messageActionPinMessage>(tl::as<tl::messageService>(all.messages[0])->action), nullptr);
  }
}

// Single messages come in the order in which they were asked for; those that are not there as what they are.
TEST_F(MessageReadingTest, SingleMessagesAreAnsweredOneByOne) {
  author.add(ann, {.text = "one"});
  author.add(bob, {.text = "two"});
  const message_id answer = author.add(ann, {.text = "three"});
  auto row = *world.message(me, ann, answer);
  row.mutable_reply_to()->set_id(1);
  world.rows(me)[{records_table::message, message_key(user_id{ann}, answer)}] = row.SerializeAsString();
  tl::fn::messages_getMessages call;
  for (const message_id id : {2, 99, 1, 2, 0, -1}) {
    auto wanted = tl::make<tl::inputMessageID>();
    wanted->id = id;
    call.id.push_back(std::move(wanted));
  }
  auto reply = tl::make<tl::inputMessageReplyTo>();
  reply->id = answer;
  call.id.push_back(std::move(reply));
  call.id.push_back(tl::make<tl::inputMessagePinned>());
  const page found = take(world.call(me, call));
  EXPECT_EQ(found.ids, (std::vector<message_id>{2, 0, 1, 2, 0, 0, 1, 0}));
  ASSERT_NE(tl::as<tl::messageEmpty>(found.messages[1]), nullptr);
  EXPECT_EQ(tl::as<tl::messageEmpty>(found.messages[1])->id, 99);
  EXPECT_EQ(found.users, (std::set<std::int64_t>{ann, bob}));
  call.id.clear();
  EXPECT_TRUE(take(world.call(me, call)).ids.empty());
  for (std::size_t i = 0; i <= limits::ids_per_read_max; ++i) {
    call.id.push_back(tl::make<tl::inputMessageID>());
  }
  EXPECT_EQ(take(world.call(me, call)).error, "LIMIT_INVALID");
}

// A search knows no case, in any script, nor order of words; and it counts.
TEST_F(MessageReadingTest, ASearchFindsWordsWhateverTheirCase) {
  author.add(ann, {.text = "The Quick brown FOX"});
  author.add(ann, {.out = true, .text = "Straße und ÄPFEL"});
  author.add(bob, {.text = "quick"});
  author.add(ann, {.text = "Привет, Мир"});
  EXPECT_EQ(find(ann, "fox QUICK").ids, std::vector<message_id>{1});
  EXPECT_EQ(find(ann, "STRASSE").ids, std::vector<message_id>{2});
  EXPECT_EQ(find(ann, "äpfel").ids, std::vector<message_id>{2});
  EXPECT_EQ(find(ann, "мир ПРИВЕТ").ids, std::vector<message_id>{4});
  EXPECT_TRUE(find(ann, "fox hound").ids.empty());
  EXPECT_EQ(find(ann, "  ").ids, (std::vector<message_id>{4, 2, 1}));
  const auto from = [&](std::int64_t who) {
    return find(ann, "", [&](search& call) { call.from_id = world.peer(me, who); });
  };
  EXPECT_EQ(from(me).ids, std::vector<message_id>{2});
  EXPECT_EQ(from(ann).ids, (std::vector<message_id>{4, 1}));
  EXPECT_TRUE(from(bob).ids.empty());
  const page one = find(ann, "", [](search& call) { call.limit = 1; });
  EXPECT_EQ(one.ids, std::vector<message_id>{4});
  EXPECT_EQ(one.count, 3);
  EXPECT_FALSE(one.inexact);
  EXPECT_TRUE(find(ann, std::string(10'000, 'x')).ids.empty());
}

// Filters: what is pinned, what has a link; nothing has a picture. Dates are borders that are not crossed.
TEST_F(MessageReadingTest, AFilterLeavesWhatItSays) {
  author.add(ann, {.date = 1000});
  author.add(ann, {.date = 2000, .pinned = true});
  const message_id linked = author.add(ann, {.text = "see example.org", .date = 3000});
  auto row = *world.message(me, ann, linked);
  row.add_entity()->set_kind(static_cast<std::uint32_t>(text_entity_kind::url));
  world.rows(me)[{records_table::message, message_key(user_id{ann}, linked)}] = row.SerializeAsString();
  const auto with = [&](tl::box<tl::MessagesFilter> filter) {
    return find(ann, "", [&](search& call) { call.filter = std::move(filter); });
  };
  EXPECT_EQ(with(tl::make<tl::inputMessagesFilterPinned>()).ids, std::vector<message_id>{2});
  EXPECT_EQ(with(tl::make<tl::inputMessagesFilterUrl>()).ids, std::vector<message_id>{3});
  EXPECT_TRUE(with(tl::make<tl::inputMessagesFilterPhotos>()).ids.empty());
  const auto between = [&](unix_time after, unix_time before) {
    return find(ann, "",
                [&](search& call) {
                  call.min_date = after;
                  call.max_date = before;
                })
      .ids;
  };
  EXPECT_EQ(between(1000, 3000), std::vector<message_id>{2});
  EXPECT_EQ(between(999, 2001), (std::vector<message_id>{2, 1}));
  EXPECT_EQ(between(2000, 0), std::vector<message_id>{3});
  EXPECT_TRUE(between(3000, 1000).empty());

  tl::fn::messages_getSearchCounters call;
  call.peer = world.peer(me, ann);
  call.filters.push_back(tl::make<tl::inputMessagesFilterUrl>());
  call.filters.push_back(tl::make<tl::inputMessagesFilterPinned>());
  call.filters.push_back(tl::make<tl::inputMessagesFilterVoice>());
  const auto counters = world.call(me, call);
  ASSERT_TRUE(counters);
  ASSERT_EQ(counters->size(), 3u);
  EXPECT_EQ((*counters)[0]->count, 1);
  EXPECT_EQ((*counters)[1]->count, 1);
  EXPECT_EQ((*counters)[2]->count, 0);
  EXPECT_NE(tl::as<tl::inputMessagesFilterVoice>((*counters)[2]->filter), nullptr);
}

// A search of everything goes through all dialogs by the numbers of the box, page after page.
TEST_F(MessageReadingTest, ASearchOfEverythingSeesEveryDialog) {
  std::vector<message_id> wanted;
  for (int i = 0; i < 40; ++i) {
    author.add(i % 3 == 0 ? bob : ann, {.text = "hay"});
    wanted.insert(wanted.begin(), author.add(i % 2 == 0 ? bob : ann, {.text = "a Needle"}));
  }
  tl::fn::messages_searchGlobal call;
  call.q = "needle";
  call.filter = tl::make<tl::inputMessagesFilterEmpty>();
  call.offset_peer = tl::make<tl::inputPeerEmpty>();
  call.limit = 7;
  std::vector<message_id> seen;
  for (page each = take(world.call(me, call)); !each.ids.empty(); each = take(world.call(me, call))) {
    seen.insert(seen.end(), each.ids.begin(), each.ids.end());
    ASSERT_EQ(each.count, 40);
    call.offset_id = each.ids.back();
    call.offset_rate = each.next_rate;
  }
  EXPECT_EQ(seen, wanted);
  call.q = "";
  EXPECT_EQ(take(world.call(me, call)).error, "SEARCH_QUERY_EMPTY");
  call.q = "needle";
  call.groups_only = true;
  EXPECT_TRUE(take(world.call(me, call)).ids.empty());
}

// A search that finds nothing in a long box looks at a bounded number of messages, and says that it does not know.
TEST_F(MessageReadingTest, ASearchThatFindsNothingIsBounded) {
  for (std::size_t i = 0; i < limits::search_rows_max + 2000; ++i) {
    author.add(ann, {.text = i == 0 ? "needle" : "hay"});
  }
  const auto cost = [&](const tl::fn::function& call) {
    entity_effects out;
    world.at(me).box->call({.ticket = 1, .layer = newest_layer, .asker = {}, .now = world.now}, call, out);
    counting_reader reader(world.rows(me));
    out.queries.at(0).read(reader);
    entity_effects more;
    out.queries.at(0).then(world.now, more);
    return reader.visited;
  };
  search in_dialog;
  in_dialog.peer = world.peer(me, ann);
  in_dialog.q = "needle";
  in_dialog.filter = tl::make<tl::inputMessagesFilterEmpty>();
  in_dialog.limit = 10;
  EXPECT_LE(cost(in_dialog), 2 * limits::search_rows_max + 2);
  const page found = take(world.call(me, in_dialog));
  EXPECT_TRUE(found.ids.empty());
  EXPECT_TRUE(found.inexact);
  tl::fn::messages_searchGlobal anywhere;
  anywhere.q = "needle";
  anywhere.limit = 10;
  EXPECT_LE(cost(anywhere), 2 * limits::search_rows_max + 200);
}

// Who is addressed with a number that does not fit is not found, by whatever call.
TEST_F(MessageReadingTest, AWrongAccessHashIsRefused) {
  author.add(ann);
  get_history call;
  auto wrong = tl::make<tl::inputPeerUser>();
  wrong->user_id = ann;
  wrong->access_hash = 12345;
  call.peer = std::move(wrong);
  call.limit = 10;
  EXPECT_EQ(take(world.call(me, call)).error, "PEER_ID_INVALID");
  call.peer = tl::make<tl::inputPeerEmpty>();
  EXPECT_EQ(take(world.call(me, call)).error, "PEER_ID_INVALID");
  const page found = find(ann, "", [](search& each) {
    auto from = tl::make<tl::inputPeerUser>();
    from->user_id = bob;
    each.from_id = std::move(from);
  });
  EXPECT_EQ(found.error, "FROM_PEER_INVALID");
}

} // namespace
} // namespace godwit::box::testing
