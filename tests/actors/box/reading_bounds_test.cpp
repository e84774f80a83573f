#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "actors/box/box_views.hpp"
#include "actors/box/text_entities.hpp"
#include "actors/box/text_search.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/channels.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/messages_fn.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "tests/actors/box/row_author.hpp"

namespace godwit::box::testing {
namespace {

constexpr std::int64_t me = 101;
constexpr std::int64_t ann = 102;
constexpr std::int64_t first_peer = 1000;

/// Half of what a session keeps for its client: so much is sent in any case.
constexpr std::size_t answer_bytes_max = limits::kept_bytes_max / 2;

/// The largest message that can be written: text, links and a quote with all their entities.
persistence::records::Message fat_message(unix_time date) {
  persistence::records::Message message;
  message.set_date(date);
  std::string text;
  for (std::size_t i = 0; i < limits::message_characters_max; ++i) {
    text += "\U0001F600";
  }
  message.set_text(text);
  message.mutable_reply_to()->set_id(1);
  message.mutable_reply_to()->set_has_quote(true);
  message.mutable_reply_to()->set_quote(text.substr(0, 4 * limits::quote_characters_max));
  for (std::size_t i = 0; i < limits::message_entities_max; ++i) {
    auto* entity = message.add_entity();
    entity->set_kind(static_cast<std::uint32_t>(text_entity_kind::text_url));
    entity->set_length(1);
    entity->set_text(std::string(limits::entity_texts_bytes_max / limits::message_entities_max, 'x'));
    auto* quoted = message.mutable_reply_to()->add_quote_entity();
    quoted->set_kind(static_cast<std::uint32_t>(text_entity_kind::bold));
    quoted->set_length(1);
  }
  return message;
}

class ReadingBoundsTest : public ::testing::Test {
protected:
  ReadingBoundsTest() {
    world.add(me, "Me");
    world.add(ann, "Ann");
  }

  message_id add_fat(std::int64_t peer) {
    const message_id id = author.add(peer);
    world.rows(me)[{records_table::message, message_key(user_id{peer}, id)}] = fat;
    return id;
  }
  void add_fat_draft(std::int64_t peer) {
    persistence::records::Message message;
    message.ParseFromString(fat);
    persistence::records::Draft draft;
    draft.set_date(world.now);
    draft.set_text(message.text());
    *draft.mutable_entity() = message.entity();
    *draft.mutable_reply_to() = message.reply_to();
    world.rows(me)[{records_table::draft, peer_key(user_id{peer})}] = draft.SerializeAsString();
  }
  /// The answer, which has to be one that can be sent.
  template <class Function>
  typename Function::result sendable(const Function& what) {
    const auto bytes = world.call_bytes(me, what);
    EXPECT_TRUE(bytes);
    largest = std::max(largest, bytes->size());
    EXPECT_LE(bytes->size(), answer_bytes_max);
    tl::reader in(*bytes);
    return Function::fetch_result(in, newest_layer);
  }
  std::unique_ptr<tl::fn::messages_search> search_for(const std::string& text) {
    auto made = std::make_unique<tl::fn::messages_search>();
    tl::fn::messages_search& call = *made;
    call.peer = world.peer(me, ann);
    call.q = text;
    call.filter = tl::make<tl::inputMessagesFilterEmpty>();
    call.limit = 10;
    return made;
  }
  /// Differences until nothing is left: what they told, and how many there were.
  struct told {
    std::vector<message_id> messages;
    std::vector<std::int64_t> marked; ///< peers of updateDialogUnreadMark
    std::size_t drafts = 0;
    std::size_t deleted = 0;
    std::size_t most_users = 0;
    int answers = 0;
  };
  told differences(unix_time date) {
    told all;
    tl::fn::updates_getDifference call;
    call.pts = 1;
    call.date = date;
    const auto take = [&](const auto& view) {
      for (const auto& each : view.new_messages) {
        all.messages.push_back(tl::as<tl::message>(each)->id);
      }
      for (const auto& each : view.other_updates) {
        if (const auto* mark = tl::as<tl::updateDialogUnreadMark>(each)) {
          all.marked.push_back(tl::as<tl::peerUser>(tl::as<tl::dialogPeer>(mark->peer)->peer)->user_id);
        } else if (const auto* gone = tl::as<tl::updateDeleteMessages>(each)) {
          all.deleted += gone->messages.size();
        }
        all.drafts += tl::as<tl::updateDraftMessage>(each) != nullptr ? 1 : 0;
      }
      all.most_users = std::max(all.most_users, view.users.size());
    };
    for (; all.answers < 1000; ++all.answers) {
      const auto answer = sendable(call);
      if (const auto* slice = tl::as<tl::updates_differenceSlice>(answer)) {
        EXPECT_GT(slice->intermediate_state->pts, call.pts);
        call.pts = slice->intermediate_state->pts;
        call.date = slice->intermediate_state->date;
        take(*slice);
        continue;
      }
      if (const auto* last = tl::as<tl::updates_difference>(answer)) {
        take(*last);
      }
      break;
    }
    return all;
  }

  box_world world;
  row_author author{world, me};
  std::string fat = fat_message(world.now).SerializeAsString();
  std::size_t largest = 0;
};

// A difference is never longer than what can be sent, whatever the messages hold beside their text, and loses none.
TEST_F(ReadingBoundsTest, ADifferenceOfTheLargestMessagesCanBeSent) {
  std::vector<message_id> sent;
  for (int i = 0; i < 200; ++i) {
    sent.push_back(add_fat(ann));
  }
  const told all = differences(world.now);
  EXPECT_EQ(all.messages, sent);
  EXPECT_GT(largest, limits::difference_bytes_max / 3);
}

// The same of deletions by the thousand.
TEST_F(ReadingBoundsTest, ADifferenceOfManyDeletionsCanBeSent) {
  persistence::records::Update update;
  update.set_kind(static_cast<std::uint32_t>(people::update_kind::delete_messages));
  update.set_count(1000);
  for (int i = 0; i < 1000; ++i) {
    update.add_ids(1'000'000 + i);
  }
  constexpr int deletions = 900;
  for (int i = 0; i < deletions; ++i) {
    author.box().set_pts(author.box().pts() + 1000);
    world.rows(me)[{records_table::update, update_key(author.box().pts())}] = update.SerializeAsString();
  }
  world.rows(me)[{records_table::user_box, {}}] = author.box().SerializeAsString();
  EXPECT_EQ(differences(0).deleted, deletions * 1000u);
  EXPECT_LE(largest, limits::difference_bytes_max + (64u << 10));
}

// The same of drafts that were saved beside one pts, of which the newest are told.
TEST_F(ReadingBoundsTest, ADifferenceOfManyDraftsCanBeSent) {
  author.add(ann);
  for (int i = 0; i < 400; ++i) {
    add_fat_draft(first_peer + i);
    author.beside(people::update_kind::draft, first_peer + i, false);
  }
  author.add(ann);
  const told all = differences(world.now);
  EXPECT_GE(all.drafts, 4u);
  EXPECT_EQ(all.messages.size(), 2u);
}

// Nor does a slice name more accounts than some.
TEST_F(ReadingBoundsTest, ADifferenceEndsWhereItNamesTooMany) {
  std::vector<message_id> sent;
  for (int i = 0; i < 60; ++i) {
    persistence::records::Message message;
    message.set_date(world.now);
    for (int each = 0; each < 100; ++each) {
      auto* entity = message.add_entity();
      entity->set_kind(static_cast<std::uint32_t>(text_entity_kind::mention_name));
      entity->set_length(1);
      entity->set_number(first_peer + 100 * i + each);
    }
    sent.push_back(author.add(ann));
    world.rows(me)[{records_table::message, message_key(user_id{ann}, sent.back())}] = message.SerializeAsString();
  }
  const told all = differences(world.now);
  EXPECT_EQ(all.messages, sent);
  EXPECT_LE(all.most_users, limits::difference_people_max + 101);
}

// Of too much beside one pts the newest is told; what is older than the client does not take its place.
TEST_F(ReadingBoundsTest, OfTooMuchBesideOnePtsTheNewestIsTold) {
  author.add(ann);
  constexpr int old = 3000;
  for (int i = 0; i < old; ++i) {
    author.beside(people::update_kind::unread_mark, first_peer + i, true);
  }
  const unix_time since = world.now += 100;
  const int few = 20;
  for (int i = 0; i < few; ++i) {
    author.beside(people::update_kind::unread_mark, first_peer + old + i, true);
  }
  EXPECT_EQ(differences(since).marked.size(), static_cast<std::size_t>(few));
  const std::vector<std::int64_t> all = differences(0).marked;
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back(), first_peer + old + few - 1);
  EXPECT_LE(all.size(), limits::difference_beside_max);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
}

// What lies beside several numbers is told in several slices, and none of it is left out.
TEST_F(ReadingBoundsTest, ManyChangesBesideManyNumbersAreAllTold) {
  std::set<std::int64_t> marked;
  for (int i = 0; i < 3000; ++i) {
    if (i % 500 == 0) {
      author.add(ann);
    }
    author.beside(people::update_kind::unread_mark, first_peer + i, true);
    marked.insert(first_peer + i);
  }
  const told all = differences(0);
  EXPECT_EQ(std::set<std::int64_t>(all.marked.begin(), all.marked.end()), marked);
  EXPECT_GE(all.answers, 2);

  tl::fn::updates_getDifference call;
  call.pts = 1;
  entity_effects out;
  world.at(me).box->call({.ticket = 1, .layer = newest_layer, .asker = {}, .now = world.now}, call, out);
  counting_reader reader(world.rows(me));
  out.queries.at(0).read(reader);
  EXPECT_LE(reader.visited, 2 * limits::difference_beside_max);
}

// What is older than the client and lies beside many numbers is passed over in slices, too.
TEST_F(ReadingBoundsTest, PassingOverWhatLiesBesideIsBounded) {
  for (int i = 0; i < 20'000; ++i) {
    if (i % 500 == 0) {
      author.add(ann);
    }
    author.beside(people::update_kind::unread_mark, first_peer + i, true);
  }
  tl::fn::updates_getDifference call;
  call.pts = 1;
  call.date = world.now + 1;
  entity_effects out;
  world.at(me).box->call({.ticket = 1, .layer = newest_layer, .asker = {}, .now = world.now}, call, out);
  counting_reader reader(world.rows(me));
  out.queries.at(0).read(reader);
  EXPECT_LE(reader.visited, 5 * limits::difference_beside_max);
  const told all = differences(call.date);
  EXPECT_EQ(all.messages.size(), 40u);
  EXPECT_TRUE(all.marked.empty());
}

// A session that catches up in several rounds hears also what lies beside the later ones.
TEST_F(ReadingBoundsTest, AReplayTellsWhatLiesBesideItsLaterRounds) {
  for (int i = 0; i < 40; ++i) {
    add_fat(ann);
  }
  author.beside(people::update_kind::unread_mark, ann, true);
  world.subscribe(me, 7, 1);
  world.run();
  bool heard = false;
  std::size_t pushes = 0;
  for (const auto& each : world.heard(me, 7)) {
    ++pushes;
    if (const auto* updates = tl::as<tl::updates>(each)) {
      heard = heard || std::any_of(updates->updates_.begin(), updates->updates_.end(),
                                   [](const auto& one) { return tl::as<tl::updateDialogUnreadMark>(one) != nullptr; });
    }
  }
  EXPECT_GE(pushes, 2u);
  EXPECT_TRUE(heard);
}

// A history of the largest messages comes in pages that can be sent, in both directions, and none is missed.
TEST_F(ReadingBoundsTest, AHistoryOfTheLargestMessagesCanBeSent) {
  std::vector<message_id> sent;
  for (int i = 0; i < 150; ++i) {
    sent.push_back(add_fat(ann));
  }
  const auto page = [&](message_id offset, std::int32_t add) {
    tl::fn::messages_getHistory call;
    call.peer = world.peer(me, ann);
    call.limit = 100;
    call.offset_id = offset;
    call.add_offset = add;
    const auto answer = sendable(call);
    std::vector<message_id> ids;
    if (const auto* slice = tl::as<tl::messages_messagesSlice>(answer)) {
      EXPECT_EQ(slice->count, 150);
      for (const auto& each : slice->messages) {
        ids.push_back(tl::as<tl::message>(each)->id);
      }
    }
    return ids;
  };
  std::vector<message_id> seen;
  for (auto ids = page(0, 0); !ids.empty(); ids = page(ids.back(), 0)) {
    seen.insert(seen.end(), ids.begin(), ids.end());
  }
  EXPECT_EQ(std::vector<message_id>(seen.rbegin(), seen.rend()), sent);
  seen.clear();
  for (auto ids = page(1, -100); !ids.empty(); ids = page(ids.front() + 1, -100)) {
    seen.insert(seen.end(), ids.rbegin(), ids.rend());
  }
  EXPECT_EQ(seen, sent);

  tl::fn::messages_getMessages single;
  for (std::size_t i = 0; i < limits::ids_per_read_max; ++i) {
    auto wanted = tl::make<tl::inputMessageID>();
    wanted->id = 1;
    single.id.push_back(std::move(wanted));
  }
  const auto answer = sendable(single);
  const auto* some = tl::as<tl::messages_messagesSlice>(answer);
  ASSERT_NE(some, nullptr);
  EXPECT_GE(some->messages.size(), 10u);
  EXPECT_EQ(some->count, 200);
}

// Dialogs with the largest messages and drafts come in pages that can be sent, and all of them come.
TEST_F(ReadingBoundsTest, DialogsWithTheLargestDraftsCanBeSent) {
  constexpr int dialogs = 200;
  for (int i = 0; i < dialogs; ++i) {
    add_fat(first_peer + i);
    add_fat_draft(first_peer + i);
  }
  std::set<std::int64_t> seen;
  tl::fn::messages_getDialogs call;
  call.limit = 500;
  call.offset_peer = tl::make<tl::inputPeerEmpty>();
  for (int pages = 0; pages < dialogs; ++pages) {
    const auto answer = sendable(call);
    const auto* slice = tl::as<tl::messages_dialogsSlice>(answer);
    const auto* whole = tl::as<tl::messages_dialogs>(answer);
    ASSERT_TRUE(slice != nullptr || (whole != nullptr && pages != 0) || seen.size() == dialogs);
    const auto& list = slice != nullptr ? slice->dialogs : whole->dialogs;
    if (list.empty()) {
      break;
    }
    for (const auto& each : list) {
      const auto* dialog = tl::as<tl::dialog>(each);
      EXPECT_TRUE(seen.insert(tl::as<tl::peerUser>(dialog->peer)->user_id).second);
      EXPECT_NE(tl::as<tl::draftMessage>(dialog->draft), nullptr);
      call.offset_id = dialog->top_message;
    }
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(dialogs));

  tl::fn::messages_getPeerDialogs named;
  for (int i = 0; i < dialogs; ++i) {
    auto peer = tl::make<tl::inputDialogPeer>();
    peer->peer = world.peer(me, first_peer + i);
    named.peers.push_back(std::move(peer));
  }
  EXPECT_GE(sendable(named)->dialogs.size(), 5u);
  const auto drafts = sendable(tl::fn::messages_getAllDrafts());
  EXPECT_GE(tl::as<tl::updates>(drafts)->updates_.size(), 10u);
}

// Of very many words the first ones are looked for.
TEST(TextSearchTest, WordsAreBounded) {
  std::string query;
  std::string text;
  for (std::size_t i = 0; i < limits::search_words_max; ++i) {
    query += "word" + std::to_string(i) + " word0 ";
    text += "word" + std::to_string(i) + " ";
  }
  EXPECT_TRUE(text_search(query + " missing").fits(text));
  EXPECT_FALSE(text_search("missing " + query).fits(text));
  EXPECT_FALSE(text_search(query).fits(text.substr(0, text.size() - 3)));
}

// A search reads so many bytes and no more, however few the messages are, and says that it does not know the rest.
TEST_F(ReadingBoundsTest, ASearchOfLongTextsIsBounded) {
  author.add(ann, {.text = "needle"});
  const std::string hay(16'000, 'x');
  constexpr std::size_t many = 2 * limits::search_bytes_max / 16'000;
  for (std::size_t i = 0; i < many; ++i) {
    author.add(ann, {.text = hay});
  }
  const auto found = world.call(me, *search_for("needle"));
  ASSERT_TRUE(found);
  const auto* slice = tl::as<tl::messages_messagesSlice>(*found);
  ASSERT_NE(slice, nullptr);
  EXPECT_TRUE(slice->messages.empty());
  EXPECT_TRUE(slice->inexact);

  entity_effects out;
  world.at(me).box->call({.ticket = 1, .layer = newest_layer, .asker = {}, .now = world.now}, *search_for("x"), out);
  counting_reader reader(world.rows(me));
  out.queries.at(0).read(reader);
  EXPECT_LE(reader.visited, many / 2 + 20);
}

// One search reads at a time; some wait for it, each its turn, and more are refused.
TEST_F(ReadingBoundsTest, SearchesTakeTurns) {
  author.add(ann, {.text = "needle"});
  const auto begin = [&](std::uint64_t ticket) {
    entity_effects out;
    world.at(me).box->call({.ticket = ticket, .layer = newest_layer, .asker = {}, .now = world.now},
                           *search_for("needle"), out);
    return out;
  };
  const auto go_on = [&](entity_effects& from) {
    counting_reader reader(world.rows(me));
    entity_effects out;
    from.queries.at(0).read(reader);
    from.queries.at(0).then(world.now, out);
    return out;
  };
  entity_effects at = begin(1);
  ASSERT_EQ(at.queries.size(), 1u);
  for (std::uint64_t i = 0; i < limits::searches_waiting_max; ++i) {
    const entity_effects waits = begin(2 + i);
    EXPECT_TRUE(waits.queries.empty());
    EXPECT_TRUE(waits.answers.empty());
  }
  const entity_effects refused = begin(100);
  EXPECT_TRUE(refused.queries.empty());
  ASSERT_EQ(refused.answers.size(), 1u);
  for (std::uint64_t i = 0; i < limits::searches_waiting_max; ++i) {
    at = go_on(at);
    ASSERT_FALSE(at.queries.empty()) << i;
  }
  at = go_on(at);
  EXPECT_EQ(begin(200).queries.size(), 1u);
}

// Many accounts are gathered in the time that they take to be read, each once.
TEST(PeopleListTest, EachAccountIsInItOnce) {
  people_list list;
  persistence::records::Message message;
  message.mutable_forward()->set_from(5);
  message.mutable_forward()->set_saved_from(-7);
  list.add(message, user_id{5});
  list.add(user_id{6});
  list.add(user_id{5});
  list.add(user_id{0});
  EXPECT_EQ(list.size(), 2u);
  EXPECT_EQ(list.take(), (std::vector<user_id>{user_id{5}, user_id{6}}));
}

// What the box would answer worse than the part that knows people is left to that part.
TEST(BoxCallsTest, PeerSettingsAreNotTheBoxs) {
  EXPECT_FALSE(user_box::takes(tl::fn::messages_getPeerSettings::kind_id));
}

} // namespace
} // namespace godwit::box::testing
