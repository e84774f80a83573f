#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::bench {

/// A message that an account sent, and what became of it.
struct chat_message {
  std::chrono::steady_clock::time_point sent_at;
  std::int32_t id = 0;   ///< in its author's box; 0: not acknowledged
  std::int32_t copy = 0; ///< in its receiver's box; 0: not there yet
  bool refused = false;
};

/// Who wrote a message and as which of theirs, from its text.
struct chat_mark {
  std::uint32_t author = 0;
  std::uint32_t number = 0;
};

/// A text of this many bytes that tells its mark; the rest is words.
std::string chat_text(chat_mark mark, std::size_t bytes);
/// Rewrites the mark of such a text.
void mark_text(std::string& text, chat_mark mark);
/// Nothing: the text is another one.
std::optional<chat_mark> read_mark(std::string_view text);
/// Not zero, and different for all marks.
std::int64_t random_id_of(chat_mark mark);

/// The pts that a client has heard of, each to be heard once and without gaps.
class pts_book {
public:
  void begin(std::int32_t pts) { known_ = pts; }
  /// False: it was heard before.
  bool hear(std::int32_t pts);
  /// Everything up to here is known by other means.
  void advance(std::int32_t pts);

  /// The last one before the first gap.
  [[nodiscard]] std::int32_t known() const { return known_; }
  [[nodiscard]] bool has_gap() const { return !ahead_.empty(); }

private:
  void close_gap();

  std::int32_t known_ = 0;
  std::set<std::int32_t> ahead_;
};

/// What one account of a pair knows.
struct chat_account {
  std::vector<chat_message> sent;
  pts_book pts;
  std::int32_t first_pts = 0;
  /// Changes of the box that are no messages of this load.
  std::uint32_t other_changes = 0;
  /// Differences that it fetched.
  std::uint32_t catch_ups = 0;
  /// A pts or message that came a second time, or one that nobody sent.
  std::uint32_t repeated = 0;
  std::uint32_t strange = 0;
};

/// The faults of a pair, one sentence each, of what the accounts heard up to now; `last_pts`: of the box of `to`,
/// as the server tells it. Empty: all that `from` sent is with `to`, in order, exactly once.
std::vector<std::string> faults_of(const chat_account& from, const chat_account& to, std::int32_t last_pts);

} // namespace godwit::bench
