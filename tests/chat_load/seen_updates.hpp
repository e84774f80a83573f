#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/chat_load/history_log.hpp"

namespace godwit::tl {
struct Message;
struct Peer;
struct Update;
struct Updates;
struct updates_Difference;
} // namespace godwit::tl

namespace godwit::chat_load {

/// A message as a device sees it.
struct seen_message {
  std::int32_t id = 0;
  std::int64_t peer = 0; ///< the dialog
  std::int64_t from = 0;
  bool out = false;
  std::int32_t date = 0;
  std::string text;
  std::int32_t reply_to = 0; ///< 0: to none of this dialog
  std::int32_t edit_date = 0;
  bool forward = false;
  bool pinned = false;
  std::string service; ///< the action of a service message; else empty

  [[nodiscard]] json_object json() const;
};

/// An update that moves the pts.
struct seen_update {
  enum class kind : std::uint8_t { new_message, edit, remove, read_inbox, read_outbox, pinned, other };

  kind what = kind::other;
  std::int32_t pts = 0;
  std::int32_t pts_count = 0;
  seen_message message;          ///< of new_message and edit
  std::vector<std::int32_t> ids; ///< of remove and pinned
  std::int64_t peer = 0;         ///< of read_* and pinned
  std::int32_t max_id = 0;
  std::int32_t unread = 0;
  bool on = false;
  std::string name; ///< of other

  [[nodiscard]] json_object json() const;
};

/// What an object of type Updates tells.
struct seen_updates {
  bool too_long = false;
  std::vector<seen_update> updates;
  /// updateMessageID: by random_id.
  std::vector<std::pair<std::int64_t, std::int32_t>> sent_ids;
  /// updateShortSentMessage: the answer to a send.
  struct sent_message {
    std::int32_t id = 0;
    std::int32_t pts = 0;
    std::int32_t pts_count = 0;
    std::int32_t date = 0;
  };
  std::optional<sent_message> sent;
  /// Of users that came along, by id.
  std::vector<std::pair<std::int64_t, std::int64_t>> access_hashes;
};

/// An answer to updates.getDifference.
struct seen_difference {
  bool empty = false;
  bool slice = false;
  bool too_long = false;
  std::vector<seen_message> messages;
  seen_updates others;
  std::int32_t pts = 0; ///< where it leads; not of an empty one
  std::int32_t qts = 0;
  std::int32_t date = 0;

  /// `asked`: when, `from`: the pts that was asked with.
  [[nodiscard]] json_object json(double asked, std::int32_t from) const;
};

/// `self`: whose device looks. Nothing: it is a message that is no more.
std::optional<seen_message> see(const tl::Message& what, std::int64_t self);
/// Nothing: it has no pts.
std::optional<seen_update> see(const tl::Update& what, std::int64_t self);
seen_updates see(const tl::Updates& what, std::int64_t self);
seen_difference see(const tl::updates_Difference& what, std::int64_t self);
/// 0: not a user.
std::int64_t user_of(const tl::Peer* peer);

} // namespace godwit::chat_load
