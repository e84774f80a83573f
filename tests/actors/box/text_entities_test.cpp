#include "actors/box/text_entities.hpp"

#include <gtest/gtest.h>

#include "actors/box/text_marks.hpp"
#include "actors/people/name_text.hpp"
#include "config/limits.hpp"
#include "tests/actors/box/message_calls.hpp"

namespace godwit::box::testing {
namespace {

using entity_list = std::vector<tl::box<tl::MessageEntity>>;

class text_entities_test : public ::testing::Test {
protected:
  text_entities_test() {
    world.add(1);
    world.add(2);
  }
  rpc_result<formatted_text> take(const std::string& text) { return take_text(text, given, *world.at(1).people); }
  rpc_errc refused(const std::string& text) {
    const auto taken = take(text);
    EXPECT_FALSE(taken);
    return taken ? rpc_errc::rpc_call_fail : taken.error().errc;
  }
  template <class Entity>
  Entity& give(std::int32_t offset, std::int32_t length) {
    auto entity = tl::make<Entity>();
    entity->offset = offset;
    entity->length = length;
    Entity& made = *entity;
    given.push_back(std::move(entity));
    return made;
  }
  box_world world;
  entity_list given;
};

/// What is marked in a text by itself, one entity after the other: its letter and what it spans.
std::string marks(const std::string& text) {
  text_entity_list entities;
  mark_text(text, limits::message_entities_max, entities);
  std::string all;
  for (const auto& entity : entities) {
    // The texts of these tests have no character of two units in front of a mark.
    std::size_t begin = 0;
    std::size_t end = text.size();
    std::size_t units = 0;
    for (std::size_t at = 0; at <= text.size(); ++at) {
      if (at == text.size() || (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) {
        if (units == static_cast<std::size_t>(entity.offset())) {
          begin = at;
        }
        if (units == static_cast<std::size_t>(entity.offset() + entity.length())) {
          end = at;
        }
        ++units;
      }
    }
    constexpr std::string_view letters = "??@#/ue";
    all +=
      (all.empty() ? "" : " ") + std::string(1, letters[entity.kind()]) + "[" + text.substr(begin, end - begin) + "]";
  }
  return all;
}

/// Nothing that would be seen is nothing: also behind characters that take no room.
TEST_F(text_entities_test, EmptyTextsAreRefused) {
  for (const char* text : {"", " ", " \n\t ", "\xC2\xA0", "\xE2\x80\x8B\xE2\x80\x8D", "\xE3\x80\x80\xE2\x80\xA8"}) {
    EXPECT_EQ(refused(text), rpc_errc::message_empty) << text;
  }
}

TEST_F(text_entities_test, WhiteSpaceAtBothEndsIsCut) {
  EXPECT_EQ(take("  a b \n").value().text, "a b");
  EXPECT_EQ(take("\xC2\xA0x\xE3\x80\x80").value().text, "x");
  EXPECT_EQ(take("as it is").value().text, "as it is");
}

/// The bound counts characters, however many bytes or units each takes, and not the white space that is cut.
TEST_F(text_entities_test, TextsMayHave4096Characters) {
  for (const std::string one : {"a", "\xC3\xA4", "\xF0\x9F\x98\x80"}) {
    std::string text;
    for (int i = 0; i < 4096; ++i) {
      text += one;
    }
    EXPECT_EQ(take(text + "   ").value().text, text);
    EXPECT_EQ(refused(text + one), rpc_errc::message_too_long);
  }
}

TEST_F(text_entities_test, LengthsAreCountedInUnitsAndCharacters) {
  const std::string text = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80";
  EXPECT_EQ(utf16_length(text), 5U);
  EXPECT_EQ(people::characters_of(text), 4U);
}

TEST_F(text_entities_test, EntitiesOutOfBoundsAreRefused) {
  const auto with = [&](std::int32_t offset, std::int32_t length) {
    given.clear();
    give<tl::messageEntityBold>(offset, length);
    return refused("ab\xF0\x9F\x98\x80"); // four units, the last two of one character
  };
  for (const auto& [offset, length] : std::vector<std::pair<std::int32_t, std::int32_t>>{
         {-1, 2}, {0, -1}, {0, 5}, {4, 1}, {3, 1}, {0, 3}, {2, 1}, {2'147'483'647, 2'147'483'647}, {5, 0}}) {
    EXPECT_EQ(with(offset, length), rpc_errc::entity_bounds_invalid) << offset << " " << length;
  }
  given.clear();
  give<tl::messageEntityBold>(2, 2);
  EXPECT_EQ(take("ab\xF0\x9F\x98\x80").value().entities.size(), 1);
}

/// They move with the text, end where it ends, and those of the white space alone are gone.
TEST_F(text_entities_test, EntitiesFollowTheTextThatIsCut) {
  give<tl::messageEntityItalic>(6, 3);
  give<tl::messageEntityBold>(0, 4);
  give<tl::messageEntityCode>(0, 2);
  give<tl::messageEntityStrike>(5, 0);
  const auto taken = take("  ab cd  ").value();
  EXPECT_EQ(taken.text, "ab cd");
  ASSERT_EQ(taken.entities.size(), 2);
  EXPECT_EQ(taken.entities.Get(0).kind(), static_cast<std::uint32_t>(text_entity_kind::bold));
  EXPECT_EQ(taken.entities.Get(0).offset(), 0);
  EXPECT_EQ(taken.entities.Get(0).length(), 2);
  EXPECT_EQ(taken.entities.Get(1).offset(), 4);
  EXPECT_EQ(taken.entities.Get(1).length(), 1);
}

TEST_F(text_entities_test, EntitiesAreSortedAndOfEachThereIsOne) {
  give<tl::messageEntityBold>(2, 1);
  give<tl::messageEntityItalic>(0, 1);
  give<tl::messageEntityBold>(2, 1);
  give<tl::messageEntityUnderline>(0, 3);
  const auto taken = take("abc").value();
  ASSERT_EQ(taken.entities.size(), 3);
  EXPECT_EQ(taken.entities.Get(0).length(), 3);
  EXPECT_EQ(taken.entities.Get(1).kind(), static_cast<std::uint32_t>(text_entity_kind::italic));
  EXPECT_EQ(taken.entities.Get(2).kind(), static_cast<std::uint32_t>(text_entity_kind::bold));
}

TEST_F(text_entities_test, ThereAreAtMostAHundredEntities) {
  for (std::int32_t i = 0; i < 150; ++i) {
    give<tl::messageEntityBold>(i, 1);
  }
  EXPECT_EQ(take(std::string(150, 'a')).value().entities.size(), 100);
  give<tl::messageEntityBold>(200, 1); // also one that would be dropped has to be right
  EXPECT_EQ(refused(std::string(150, 'a')), rpc_errc::entity_bounds_invalid);
}

TEST_F(text_entities_test, WhatNobodyMayGiveIsDropped) {
  give<tl::messageEntityUnknown>(0, 1);
  give<tl::messageEntityMentionName>(0, 1).user_id = 2;
  EXPECT_EQ(take("abc").value().entities.size(), 0);
}

TEST_F(text_entities_test, MentionsNameAccountsThatMayBeAddressed) {
  give<tl::inputMessageEntityMentionName>(0, 3).user_id = world.user(1, 2);
  const auto taken = take("you").value();
  ASSERT_EQ(taken.entities.size(), 1);
  EXPECT_EQ(taken.entities.Get(0).kind(), static_cast<std::uint32_t>(text_entity_kind::mention_name));
  EXPECT_EQ(taken.entities.Get(0).number(), 2);
  given.clear();
  give<tl::inputMessageEntityMentionName>(0, 3).user_id = world.user(2, 1);
  EXPECT_EQ(refused("you"), rpc_errc::entity_mention_user_invalid);
}

TEST_F(text_entities_test, LinksLeadSomewhere) {
  EXPECT_EQ(link_address("example.com/a"), "http://example.com/a");
  EXPECT_EQ(link_address("https://example.com"), "https://example.com");
  EXPECT_EQ(link_address("tg://user?id=1"), "tg://user?id=1");
  EXPECT_EQ(link_address("http://localhost:80/x"), "http://localhost:80/x");
  EXPECT_EQ(link_address("user@example.com"), "http://user@example.com");
  for (const char* bad : {"", "nothing", "javascript:alert(1)", "javascript://example.com", "http://", "http://a b.com",
                          "a..com", "-a.com", "http://x\ny.com"}) {
    EXPECT_EQ(link_address(bad), "") << bad;
  }
  EXPECT_EQ(link_address("http://example.com/" + std::string(2048, 'a')), "");
  give<tl::messageEntityTextUrl>(0, 1).url = "example.com";
  give<tl::messageEntityTextUrl>(1, 1).url = "nowhere";
  const auto taken = take("ab").value();
  ASSERT_EQ(taken.entities.size(), 1);
  EXPECT_EQ(taken.entities.Get(0).text(), "http://example.com");
}

/// A message is a row, and many of them a page.
TEST_F(text_entities_test, LinksTogetherAreNotEndless) {
  for (std::int32_t i = 0; i < 10; ++i) {
    give<tl::messageEntityTextUrl>(i, 1).url = "http://example.com/" + std::string(1000, 'a');
  }
  EXPECT_EQ(refused("0123456789"), rpc_errc::entities_too_long);
}

TEST_F(text_entities_test, LinksAreMarked) {
  EXPECT_EQ(marks("see example.com."), "u[example.com]");
  EXPECT_EQ(marks("http://a.b/c?d=e#f, and"), "u[http://a.b/c?d=e#f]");
  EXPECT_EQ(marks("(https://en.wiki.org/a_(b))"), "u[https://en.wiki.org/a_(b)]");
  EXPECT_EQ(marks("www.example.com:8080/x!"), "u[www.example.com:8080/x]");
  EXPECT_EQ(marks("tg://resolve?domain=name"), "u[tg://resolve?domain=name]");
  EXPECT_EQ(marks("\xC3\xA4 example.org"), "u[example.org]");
  EXPECT_EQ(marks("file.txt 1.5 a.b ... e.g. mailto: http:// x://y.com/z"), "");
  EXPECT_EQ(marks("1.2.3.4"), "");
}

TEST_F(text_entities_test, AddressesAndNamesAreMarked) {
  EXPECT_EQ(marks("a.b@example.com, me@x"), "e[a.b@example.com]");
  EXPECT_EQ(marks("@name @abc @_____ x@name (@other)"), "@[@name] @[@_____] @[@other]");
  EXPECT_EQ(marks("@" + std::string(33, 'a')), "");
}

TEST_F(text_entities_test, TagsAndCommandsAreMarked) {
  EXPECT_EQ(marks("#tag #1 #a1 x#no #\xD1\x82\xD0\xB5\xD0\xB3"), "#[#tag] #[#a1] #[#\xD1\x82\xD0\xB5\xD0\xB3]");
  EXPECT_EQ(marks("/start now /help@robot"), "/[/start] /[/help@robot]");
  EXPECT_EQ(marks("a/b 1/2 //x /usr/bin </b>"), "");
  EXPECT_EQ(marks("##"), "");
}

/// What the client marked stays; a style around it hides nothing.
TEST_F(text_entities_test, NothingIsMarkedInsideOfCode) {
  give<tl::messageEntityCode>(0, 5);
  EXPECT_EQ(take("/code /more").value().entities.size(), 2);
  given.clear();
  give<tl::messageEntityBold>(0, 5);
  EXPECT_EQ(take("/code /more").value().entities.size(), 3);
  given.clear();
  give<tl::messageEntityUrl>(0, 5);
  EXPECT_EQ(take("/code").value().entities.size(), 1);
}

TEST_F(text_entities_test, MarksCountUnitsOfTheText) {
  const auto taken = take("\xF0\x9F\x98\x80 @somebody").value();
  ASSERT_EQ(taken.entities.size(), 1);
  EXPECT_EQ(taken.entities.Get(0).offset(), 3);
  EXPECT_EQ(taken.entities.Get(0).length(), 9);
}

/// Whatever the text: marks lie within it, in order, apart from each other, and never split a character.
TEST_F(text_entities_test, AnyTextIsMarkedInOrder) {
  const std::vector<std::string> pieces{"@",
                                        "#",
                                        "/",
                                        ".",
                                        ":",
                                        "//",
                                        "a",
                                        "b1",
                                        "_",
                                        "-",
                                        "com",
                                        "http",
                                        " ",
                                        "\n",
                                        "\xD1\x82",
                                        "\xF0\x9F\x98\x80",
                                        "(",
                                        ")",
                                        "\xE2\x80\x8B",
                                        "?",
                                        "%",
                                        "ru"};
  std::uint64_t state = 1;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (int i = 0; i < 30; ++i) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      text += pieces[(state >> 33) % pieces.size()];
    }
    text_entity_list entities;
    mark_text(text, 7, entities);
    ASSERT_LE(entities.size(), 7);
    std::int32_t end = 0;
    for (const auto& entity : entities) {
      ASSERT_GE(entity.offset(), end) << text;
      ASSERT_GT(entity.length(), 0) << text;
      end = entity.offset() + entity.length();
    }
    ASSERT_LE(end, static_cast<std::int32_t>(utf16_length(text))) << text;
  }
}

TEST_F(text_entities_test, DraftsStayAsTheyAre) {
  const auto taken = take_draft_text("  @name ", {}, *world.at(1).people).value();
  EXPECT_EQ(taken.text, "  @name ");
  EXPECT_EQ(taken.entities.size(), 0);
  EXPECT_TRUE(take_draft_text("", {}, *world.at(1).people));
  EXPECT_EQ(take_draft_text(std::string(4097, 'a'), {}, *world.at(1).people).error().errc, rpc_errc::message_too_long);
}

TEST_F(text_entities_test, ALayerSeesWhatItKnows) {
  give<tl::messageEntitySpoiler>(0, 1);
  give<tl::messageEntityPre>(1, 1).language = "c";
  give<tl::messageEntityBlockquote>(2, 1).collapsed = true;
  const auto entities = take("abc").value().entities;
  EXPECT_EQ(entity_views(entities, 135).size(), 2U);
  const auto views = entity_views(entities, newest_layer);
  ASSERT_EQ(views.size(), 3U);
  EXPECT_EQ(tl::as<tl::messageEntityPre>(views[1])->language, "c");
  EXPECT_TRUE(tl::as<tl::messageEntityBlockquote>(views[2])->collapsed);
}

} // namespace
} // namespace godwit::box::testing
