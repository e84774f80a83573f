#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "tests/chat_load/seen_updates.hpp"

namespace godwit::chat_load {

/// What a device knows of its account's box, kept by the rules of https://core.telegram.org/api/updates.
class client_box {
public:
  enum class verdict : std::uint8_t {
    applied,
    old, ///< it was known
    gap, ///< something before it is missing: ask for the difference
  };

  [[nodiscard]] bool is_known() const { return pts_ != 0; }
  /// Of updates.getState and updates.getDifference.
  void set_state(std::int32_t pts, std::int32_t qts, std::int32_t date);
  /// An update that was pushed or came with an answer.
  verdict take(const seen_update& what);
  /// An update that has its place already: of a difference.
  void apply(const seen_update& what);
  void learn(const seen_message& what);
  /// All of a dialog is gone.
  void forget_dialog(std::int64_t peer);

  [[nodiscard]] std::int32_t pts() const { return pts_; }
  [[nodiscard]] std::int32_t qts() const { return qts_; }
  [[nodiscard]] std::int32_t date() const { return date_; }
  [[nodiscard]] const std::map<std::int32_t, seen_message>& messages() const { return messages_; }
  /// Whoever the account ever had a dialog with.
  [[nodiscard]] const std::set<std::int64_t>& peers() const { return peers_; }

private:
  std::int32_t pts_ = 0;
  std::int32_t qts_ = 0;
  std::int32_t date_ = 0;
  std::map<std::int32_t, seen_message> messages_;
  std::set<std::int64_t> peers_;
};

} // namespace godwit::chat_load
