// Texts, marks in texts, and names.

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/e2e/wire/bad_chat.hpp"

namespace godwit::test {
namespace {

namespace fn = tl::fn;

constexpr std::int32_t int_max = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t int_min = std::numeric_limits<std::int32_t>::min();

std::string repeated(const std::string& part, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) {
    all += part;
  }
  return all;
}

template <class Entity = tl::messageEntityBold>
tl::box<tl::MessageEntity> marked(std::int32_t offset, std::int32_t length) {
  auto made = tl::make<Entity>();
  made->offset = offset;
  made->length = length;
  return made;
}

// Goal: a text is as long as the characters in it, however many bytes each takes: 4096 arrive whole, of one more
// nothing does.
TEST_F(bad_chat, TextsAreMeasuredInCharacters) {
  auto [ada, bob] = acquainted();
  std::vector<std::string> arrived;
  for (const std::string& one : {std::string("x"), std::string("\xc3\xa9"), std::string("\xe2\x82\xac"),
                                 std::string("\xf0\x9f\x98\x80"), std::string("e\xcc\x81")}) {
    const std::size_t characters = one == "e\xcc\x81" ? 2 : 1;
    const std::string whole = repeated(one, 4096 / characters);
    EXPECT_NE(ada->say(*bob, whole), 0);
    arrived.push_back(whole);
    EXPECT_EQ(ada->error_of(*ada->message(*bob, whole + one)), "MESSAGE_TOO_LONG");
    // Space around it does not count, for it is not kept.
    EXPECT_NE(ada->say(*bob, " \n" + whole + repeated(" ", 5000)), 0);
    arrived.push_back(whole);
    did(3);
  }
  for (const std::size_t size : {std::size_t{100'000}, std::size_t{900'000}}) {
    EXPECT_EQ(ada->error_of(*ada->message(*bob, std::string(size, 'y'))), "MESSAGE_TOO_LONG");
    did(1);
  }
  expect_dialog(*ada, *bob, arrived);
  expect_consistent(*bob, {ada.get()});
}

// Goal: a text in which there is nothing to be seen is none; what looks like an end of a string is a character.
TEST_F(bad_chat, TextsOfNothingAreEmpty) {
  auto [ada, bob] = acquainted();
  const std::int32_t pts = ada->pts();
  for (const std::string& nothing :
       {std::string(), std::string(" "), std::string("\n\r\t \v\f"), std::string(4096, ' '), std::string(1, '\0'),
        std::string("\xc2\xa0"), std::string("\xe2\x80\x83\xe2\x80\xa8\xe2\x80\xa9"),
        std::string("\xe2\x80\x8b\xe2\x80\x8e\xe2\x80\x8f"), std::string("\xef\xbb\xbf")}) {
    EXPECT_EQ(ada->error_of(*ada->message(*bob, nothing)), "MESSAGE_EMPTY") << nothing.size();
    did(1);
  }
  EXPECT_EQ(ada->pts(), pts);
  const std::string odd("a\0b", 3);
  const std::vector<std::string> odd_ones = {odd, "\xe2\x80\xae mirrored", "\xf4\x8f\xbf\xbf", "\xef\xbf\xbf",
                                             repeated("\xcc\x81", 100) + "!"};
  for (const std::string& each : odd_ones) {
    EXPECT_NE(ada->say(*bob, each), 0);
    did(1);
  }
  expect_dialog(*ada, *bob, odd_ones);
}

// Goal: what is no UTF-8 is taken nowhere, and leaves nothing.
TEST_F(bad_chat, TextsThatAreNoUtf8AreRefused) {
  auto [ada, bob] = acquainted();
  const std::int32_t pts = ada->pts();
  for (const std::string& wrong :
       {std::string("\xff\xfe"), std::string("\xc0\xaf"), std::string("\xed\xa0\x80"), std::string("\xed\xbf\xbf"),
        std::string("\xf4\x90\x80\x80"), std::string("\xf5\x80\x80\x80"), std::string("cut \xf0\x9f\x98"),
        std::string("\x80"), std::string("a\xe2\x82"), std::string("\xf0\x80\x80\x80")}) {
    EXPECT_EQ(ada->error_of(*ada->message(*bob, wrong)), "INPUT_REQUEST_INVALID");
    fn::messages_saveDraft draft;
    draft.peer = ada->peer(*bob);
    draft.message = wrong;
    EXPECT_EQ(ada->error_of(draft), "INPUT_REQUEST_INVALID");
    fn::messages_search search;
    search.peer = ada->peer(*bob);
    search.q = wrong;
    search.filter = tl::make<tl::inputMessagesFilterEmpty>();
    EXPECT_EQ(ada->error_of(search), "INPUT_REQUEST_INVALID");
    fn::account_updateProfile profile;
    profile.about = wrong;
    EXPECT_EQ(ada->error_of(profile), "INPUT_REQUEST_INVALID");
    fn::contacts_search people;
    people.q = wrong;
    people.limit = 10;
    EXPECT_EQ(ada->error_of(people), "INPUT_REQUEST_INVALID");
    fn::contacts_resolveUsername name;
    name.username = wrong;
    EXPECT_EQ(ada->error_of(name), "INPUT_REQUEST_INVALID");
    did(6);
  }
  EXPECT_EQ(ada->pts(), pts);
  expect_dialog(*ada, *bob, {});
}

// Goal: marks lie in the text and between its characters, or the message is refused whole; those without extent are
// passed over.
TEST_F(bad_chat, MarksOutsideTheTextAreRefused) {
  auto [ada, bob] = acquainted();
  const std::string text = "a\xf0\x9f\x98\x80z"; // units: a, two of a pair, z
  const std::vector<std::pair<std::int32_t, std::int32_t>> wrong = {{-1, 1},
                                                                    {int_min, 1},
                                                                    {0, -1},
                                                                    {0, int_min},
                                                                    {0, 5},
                                                                    {4, 1},
                                                                    {5, 0},
                                                                    {int_max, 1},
                                                                    {1, int_max},
                                                                    {int_max, int_max},
                                                                    {int_min, int_min},
                                                                    {int_max, int_min},
                                                                    {2, 1},
                                                                    {0, 2},
                                                                    {1, 1},
                                                                    {2, 2},
                                                                    {2, 0}};
  for (const auto& [offset, length] : wrong) {
    auto message = ada->message(*bob, text);
    message->entities.emplace().push_back(marked(offset, length));
    EXPECT_EQ(ada->error_of(*message), "ENTITY_BOUNDS_INVALID") << offset << " " << length;
    // The same among right ones, and of a kind that carries something.
    message->random_id = ada->fresh_random_id();
    message->entities->insert(message->entities->begin(), marked(0, 1));
    message->entities->push_back(marked<tl::messageEntityTextUrl>(offset, length));
    EXPECT_EQ(ada->error_of(*message), "ENTITY_BOUNDS_INVALID") << offset << " " << length;
    did(2);
  }
  std::vector<std::string> arrived;
  for (const auto& [offset, length] :
       std::vector<std::pair<std::int32_t, std::int32_t>>{{0, 0}, {1, 2}, {0, 4}, {4, 0}}) {
    auto message = ada->message(*bob, text);
    message->entities.emplace().push_back(marked(offset, length));
    EXPECT_EQ(ada->error_of(*message), "") << offset << " " << length;
    arrived.push_back(text);
    did(1);
  }
  expect_dialog(*ada, *bob, arrived);
}

// Goal: of thousands of marks some are kept, of texts in marks not more than a message may hold; links that are none
// and marks of kinds that only a server makes are passed over. The message itself arrives.
TEST_F(bad_chat, ThousandsOfMarksAreBounded) {
  auto [ada, bob] = acquainted();
  const std::string text(4000, 'x');
  auto message = ada->message(*bob, text);
  auto& all = message->entities.emplace();
  for (std::int32_t i = 0; i < 4000; ++i) {
    all.push_back(i % 2 == 0 ? marked(i, 1) : marked<tl::messageEntityItalic>(0, i));
  }
  EXPECT_EQ(ada->error_of(*message), "");
  auto links = ada->message(*bob, text);
  links->entities.emplace();
  for (std::int32_t i = 0; i < 100; ++i) {
    auto link = tl::make<tl::messageEntityTextUrl>();
    link->offset = i;
    link->length = 1;
    link->url = "https://example.org/" + std::string(1500, 'q');
    links->entities->push_back(std::move(link));
  }
  EXPECT_EQ(ada->error_of(*links), "ENTITIES_TOO_LONG");
  auto odd = ada->message(*bob, "odd ones");
  odd->entities.emplace();
  for (const std::string& url : {std::string(), std::string("javascript:alert(1)"), std::string(100'000, 'u'),
                                 std::string("\x01\x02"), std::string("https://")}) {
    auto link = tl::make<tl::messageEntityTextUrl>();
    link->length = 3;
    link->url = url;
    odd->entities->push_back(std::move(link));
  }
  auto listing = tl::make<tl::messageEntityPre>();
  listing->length = 3;
  listing->language = std::string(50'000, 'l');
  odd->entities->push_back(std::move(listing));
  auto forged = tl::make<tl::messageEntityMentionName>();
  forged->length = 3;
  forged->user_id = bob->id;
  odd->entities->push_back(std::move(forged));
  odd->entities->push_back(marked<tl::messageEntityUnknown>(0, 3));
  EXPECT_EQ(ada->error_of(*odd), "");
  expect_dialog(*ada, *bob, {text, "odd ones"});
  fn::messages_getHistory page;
  page.peer = bob->peer(*ada);
  page.limit = 100;
  const auto history = bob->ask(page);
  ASSERT_TRUE(history.result) << history.error;
  const auto* whole = tl::as<tl::messages_messages>(*history.result);
  ASSERT_NE(whole, nullptr);
  for (const auto& each : whole->messages) {
    const auto* found = tl::as<tl::message>(each);
    ASSERT_NE(found, nullptr);
    EXPECT_LE(found->entities ? found->entities->size() : 0, 100U);
  }
  did(3);
}

// Goal: names, descriptions and usernames have a length, and what is refused leaves the old one.
TEST_F(bad_chat, HugeNamesAreRefused) {
  auto [ada, bob] = acquainted();
  for (const std::size_t size : {std::size_t{71}, std::size_t{5000}, std::size_t{900'000}}) {
    const std::string huge(size, 'n');
    const auto changed = [&](std::optional<std::string> first, std::optional<std::string> last,
                             std::optional<std::string> about) {
      fn::account_updateProfile profile;
      profile.first_name = std::move(first);
      profile.last_name = std::move(last);
      profile.about = std::move(about);
      did(1);
      return ada->error_of(profile);
    };
    EXPECT_EQ(changed(huge, {}, {}), "FIRSTNAME_INVALID");
    EXPECT_EQ(changed({}, huge, {}), "LASTNAME_INVALID");
    EXPECT_EQ(changed({}, {}, huge), "ABOUT_TOO_LONG");
    EXPECT_EQ(changed("fine", "fine", huge), "ABOUT_TOO_LONG");
    EXPECT_EQ(changed(" \n ", {}, {}), "FIRSTNAME_INVALID");
    fn::account_updateUsername username;
    username.username = huge;
    EXPECT_EQ(ada->error_of(username), "USERNAME_INVALID");
    fn::account_checkUsername check;
    check.username = huge;
    EXPECT_EQ(ada->error_of(check), "USERNAME_INVALID");
    fn::contacts_resolveUsername resolve;
    resolve.username = huge;
    EXPECT_EQ(ada->error_of(resolve), "USERNAME_INVALID");
    fn::contacts_search search;
    search.q = huge;
    search.limit = int_max;
    ada->error_of(search);
    fn::contacts_addContact contact;
    contact.id = ada->user(*bob);
    contact.first_name = huge;
    ada->error_of(contact); // is cut or refused
    did(5);
  }
  fn::users_getFullUser full;
  full.id = tl::make<tl::inputUserSelf>();
  const auto me = ada->ask(full);
  ASSERT_TRUE(me.result) << me.error;
  const auto* user = tl::as<tl::user>((*me.result)->users.at(0));
  ASSERT_NE(user, nullptr);
  EXPECT_EQ(user->first_name.value_or(""), canary::first_name);
  EXPECT_FALSE((*me.result)->full_user->about.has_value());
}

// Goal: a draft is as long as a message may be, and what is refused leaves the old one.
TEST_F(bad_chat, HugeDraftsAreRefused) {
  auto [ada, bob] = acquainted();
  fn::messages_saveDraft draft;
  draft.peer = ada->peer(*bob);
  draft.message = std::string(4096, 'd');
  EXPECT_EQ(ada->error_of(draft), "");
  draft.message = std::string(4097, 'd');
  EXPECT_EQ(ada->error_of(draft), "MESSAGE_TOO_LONG");
  draft.message = "short";
  draft.entities.emplace().push_back(marked(0, 6));
  EXPECT_EQ(ada->error_of(draft), "ENTITY_BOUNDS_INVALID");
  const auto drafts = ada->ask(fn::messages_getAllDrafts());
  ASSERT_TRUE(drafts.result) << drafts.error;
  const auto* list = tl::as<tl::updates>(*drafts.result);
  ASSERT_TRUE(list != nullptr && list->updates_.size() == 1);
  const auto* kept = tl::as<tl::updateDraftMessage>(list->updates_.front());
  ASSERT_NE(kept, nullptr);
  const auto* text = tl::as<tl::draftMessage>(kept->draft);
  ASSERT_NE(text, nullptr);
  EXPECT_EQ(text->message, std::string(4096, 'd'));
  did(3);
}

// Goal: what is searched for is text and nothing else: signs of any language of queries find themselves alone.
TEST_F(bad_chat, MarkupsInASearchAreText) {
  auto [ada, bob] = acquainted();
  const std::vector<std::string> odd = {"100% _sure_", "a*b?c",       "[x-z]{2,}",  "'; drop table x; --",
                                        "<b>bold</b>", "\\d+(a|b)^$", "\"quoted\"", "%s%n%d"};
  std::vector<std::string> said = {"plain words"};
  ada->say(*bob, said.front());
  for (const std::string& each : odd) {
    ada->say(*bob, each);
    said.push_back(each);
  }
  expect_dialog(*ada, *bob, said);
  for (const std::string& each : odd) {
    fn::messages_search search;
    search.peer = bob->peer(*ada);
    search.q = each;
    search.filter = tl::make<tl::inputMessagesFilterEmpty>();
    search.limit = 100;
    const auto found = bob->ask(search);
    ASSERT_TRUE(found.result) << found.error;
    const auto* whole = tl::as<tl::messages_messages>(*found.result);
    ASSERT_NE(whole, nullptr) << each;
    ASSERT_EQ(whole->messages.size(), 1U) << each;
    EXPECT_EQ(tl::as<tl::message>(whole->messages.front())->message_, each);
    did(1);
  }
  for (const std::string& nothing :
       {std::string("%"), std::string(".*"), std::string(5000, 'a'), repeated("a ", 2000), std::string("\0", 1)}) {
    fn::messages_search search;
    search.peer = bob->peer(*ada);
    search.q = nothing;
    search.filter = tl::make<tl::inputMessagesFilterEmpty>();
    search.limit = 100;
    EXPECT_EQ(bob->error_of(search), "");
    did(1);
  }
}

} // namespace
} // namespace godwit::test
