#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/people/presence_book.hpp"

namespace godwit::people {

/// Bodies of envelopes that tell of changes, limits::presence_part_max of them in each.
std::vector<std::string> encode_presence(std::span<const presence_change> changes);
/// Nothing: this is none. Changes that cannot be are left out: of no account, or further ahead than anybody promises to
/// be online.
std::optional<std::vector<presence_change>> decode_presence(std::string_view body, unix_time now);

/// Gathers what accounts of this node say of themselves for the other nodes: the last of each account, and no more than
/// limits::presence_news_max of them; further ones are dropped. Safe from every thread.
class presence_news final : public presence_relay {
public:
  /// `wake`: there is something to take; called once before each take(), from any thread.
  explicit presence_news(std::function<void()> wake) : wake_(std::move(wake)) {}

  void changed(const presence_change& what) override;
  /// As encode_presence, in parts, of everything since the last time.
  [[nodiscard]] std::vector<std::string> take();

private:
  std::function<void()> wake_;
  std::mutex mutex_;
  std::unordered_map<std::int64_t, presence_state> waiting_;
};

} // namespace godwit::people
