#include <cstdio>
#include <stdexcept>
#include <utility>

#include "bench/load/chat_load.hpp"
#include "bench/load/chat_member.hpp"
#include "bench/load/chat_updates.hpp"

namespace godwit::bench {
namespace {

constexpr std::size_t faults_told = 20;
constexpr std::int32_t history_page = 100;

} // namespace

std::vector<std::string> chat_load::verify() {
  std::vector<std::string> faults;
  std::uint64_t more = 0;
  const auto tell = [&](std::string fault) {
    if (faults.size() < faults_told) {
      faults.push_back(std::move(fault));
    } else {
      ++more;
    }
  };
  for (const auto& [text, count] : refusals_) {
    tell(std::to_string(count) + " times " + text);
  }
  if (farm_.lost() > 0) {
    tell(farm_.last_failure());
    return faults;
  }
  settle();
  for (const auto& each : members_) {
    const chat_account& author = partner_of(*each).book;
    for (std::string& fault : faults_of(author, each->book, each->server_pts)) {
      tell("account " + std::to_string(each->index) + ": " + std::move(fault));
    }
  }
  read_histories();
  for (const auto& each : members_) {
    std::uint64_t expected = 0;
    for (const chat_message& sent : each->book.sent) {
      expected += sent.id != 0 ? 1 : 0;
    }
    for (const chat_message& sent : partner_of(*each).book.sent) {
      expected += sent.copy != 0 ? 1 : 0;
    }
    if (each->in_history != expected || each->wrong_in_history != 0) {
      tell("account " + std::to_string(each->index) + ": its history has " + std::to_string(each->in_history) + " of " +
           std::to_string(expected) + " messages, and " + std::to_string(each->wrong_in_history) +
           " that are lost in it, twice, in another order or nobody's");
    }
  }
  if (more > 0) {
    faults.push_back("and " + std::to_string(more) + " more");
  }
  return faults;
}

void chat_load::settle() {
  for_all("comparing states",
          [this](std::uint32_t index, std::function<void()> done) { learn_state(index, std::move(done)); });
  for_all("fetching what was not heard", [this](std::uint32_t index, std::function<void()> done) {
    member& who = *members_[index];
    bool missing = who.book.pts.known() != who.server_pts || who.book.pts.has_gap();
    for (const chat_message& sent : partner_of(who).book.sent) {
      missing = missing || (sent.id != 0 && sent.copy == 0);
    }
    if (missing) {
      catch_up(who, std::move(done));
    } else {
      done();
    }
  });
}

void chat_load::read_histories() {
  for_all("reading histories",
          [this](std::uint32_t index, std::function<void()> done) { read_history(index, 0, std::move(done)); });
}

void chat_load::read_history(std::uint32_t index, std::int32_t below, std::function<void()> done) {
  member& who = *members_[index];
  tl::fn::messages_getHistory what;
  what.peer = who.input_peer();
  what.offset_id = below;
  what.limit = history_page;
  who.client.call(what, [this, index, below, done = std::move(done)](const mtproto::client_answer& answer) mutable {
    const heard found = answer.is_error ? heard{} : read_history_page(answer.result.bytes());
    if (answer.is_error || found.broken) {
      fail("messages.getHistory " + (answer.is_error ? answer.error_text : "answers another object"));
      return done();
    }
    std::int32_t last = below;
    for (const heard_message& each : found.messages) {
      check_in_history(*members_[index], each, last);
      last = each.id;
    }
    if (found.messages.empty()) {
      return done();
    }
    read_history(index, last, std::move(done));
  });
}

/// `above`: the message before it on the page, which has to be younger; 0: none.
void chat_load::check_in_history(member& who, const heard_message& what, std::int32_t above) {
  const auto mark = read_mark(what.text);
  member& author = what.out ? who : partner_of(who);
  const bool known = mark && mark->author == author.index && mark->number < author.book.sent.size();
  const bool falls = above == 0 || what.id < above;
  if (!known || !falls || what.text.size() != options_.text_bytes) {
    ++who.wrong_in_history;
    return;
  }
  const chat_message& sent = author.book.sent[mark->number];
  if ((what.out ? sent.id : sent.copy) == what.id) {
    ++who.in_history;
  } else if (sent.id != 0) { // one that was not acknowledged may be there all the same
    ++who.wrong_in_history;
  }
}

} // namespace godwit::bench
