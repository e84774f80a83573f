#include "bench/load/chat_book.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace godwit::bench {
namespace {

constexpr std::size_t digits = 9;
/// Two numbers of nine digits, a space after each.
constexpr std::size_t mark_bytes = 2 * (digits + 1);
constexpr std::string_view words =
  "the ferry leaves at nine and we are late again, bring the blue umbrella and a map; ";

void write_number(char* at, std::uint32_t value) {
  for (std::size_t i = digits; i > 0; --i) {
    at[i - 1] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

} // namespace

std::string chat_text(chat_mark mark, std::size_t bytes) {
  std::string text(mark_bytes, ' ');
  while (text.size() < bytes) {
    text += words.substr(0, bytes - text.size());
  }
  // A text does not end in a space: it would lose it.
  if (text.back() == ' ' && text.size() > mark_bytes) {
    text.back() = '.';
  }
  mark_text(text, mark);
  return text;
}

void mark_text(std::string& text, chat_mark mark) {
  write_number(text.data(), mark.author);
  write_number(text.data() + digits + 1, mark.number);
}

std::optional<chat_mark> read_mark(std::string_view text) {
  std::array<std::uint32_t, 2> values{};
  for (std::uint32_t& value : values) {
    if (text.size() <= digits || text[digits] != ' ' ||
        std::from_chars(text.data(), text.data() + digits, value).ptr != text.data() + digits) {
      return std::nullopt;
    }
    text.remove_prefix(digits + 1);
  }
  return chat_mark{values[0], values[1]};
}

std::int64_t random_id_of(chat_mark mark) {
  // An odd factor maps 64-bit numbers one to one; the author's number is never the highest.
  const std::uint64_t value = (static_cast<std::uint64_t>(mark.author) + 1) << 32 | mark.number;
  return static_cast<std::int64_t>(value * 0x9e3779b97f4a7c15ULL);
}

bool pts_book::hear(std::int32_t pts) {
  if (pts <= known_ || !ahead_.insert(pts).second) {
    return false;
  }
  close_gap();
  return true;
}

void pts_book::advance(std::int32_t pts) {
  known_ = std::max(known_, pts);
  ahead_.erase(ahead_.begin(), ahead_.upper_bound(known_));
  close_gap();
}

void pts_book::close_gap() {
  while (!ahead_.empty() && *ahead_.begin() == known_ + 1) {
    ++known_;
    ahead_.erase(ahead_.begin());
  }
}

std::vector<std::string> faults_of(const chat_account& from, const chat_account& to, std::int32_t last_pts) {
  std::vector<std::string> found;
  const auto tell = [&found](std::uint64_t count, const char* what) {
    if (count != 0) {
      found.push_back(std::to_string(count) + " " + what);
    }
  };
  std::uint64_t lost = 0;
  std::uint64_t unanswered = 0;
  std::vector<std::pair<std::int32_t, std::int32_t>> places;
  for (const chat_message& each : from.sent) {
    lost += each.id != 0 && each.copy == 0 ? 1 : 0;
    unanswered += each.id == 0 && !each.refused ? 1 : 0;
    if (each.id != 0 && each.copy != 0) {
      places.emplace_back(each.id, each.copy);
    }
  }
  std::sort(places.begin(), places.end());
  std::uint64_t disorder = 0;
  for (std::size_t i = 1; i < places.size(); ++i) {
    disorder += places[i].first == places[i - 1].first || places[i].second <= places[i - 1].second ? 1 : 0;
  }
  tell(lost, "messages LOST: acknowledged, and not with the receiver");
  tell(unanswered, "calls without an answer");
  tell(disorder, "messages in another order than their author's");
  tell(to.strange, "messages that nobody sent, or twice there");
  tell(to.catch_ups == 0 ? to.repeated : 0, "updates heard twice");
  if (to.pts.has_gap() || to.pts.known() != last_pts) {
    found.push_back("pts with a gap: known up to " + std::to_string(to.pts.known()) + ", the box is at " +
                    std::to_string(last_pts));
  }
  return found;
}

} // namespace godwit::bench
