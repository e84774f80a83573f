#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/mtproto/message/types.hpp"

namespace godwit::mtproto {

/// What a received message was, as far as it matters later.
enum class received_kind : std::uint8_t { service = 0, container = 1, call = 2, failed_call = 3 };

/// The messages that a session received lately: keeps repetitions out and answers questions about them.
/// Bounded by limits::received_ids_max and, above a few, by the time in which an outer msg_id is accepted;
/// what is older than a forgotten one cannot be told from it and is too old.
/// Source: https://core.telegram.org/mtproto/security_guidelines#checking-msg-id
class received_ids {
public:
  enum class verdict : std::uint8_t { fresh, known, too_old };

  [[nodiscard]] verdict look_up(msg_id id) const;
  /// seqno_too_low, seqno_too_high or none: content-related messages count up as their ids do.
  [[nodiscard]] bad_msg check_seqno(msg_id id, std::uint32_t seqno) const;

  void add(msg_id id, std::uint32_t seqno, received_kind kind);
  void set_kind(msg_id id, received_kind kind);
  /// Lets go what came too long ago. Between two packets, for it moves the floor.
  void forget_old(unix_ms now);
  /// The kind and seqno of a known message.
  struct known {
    received_kind kind = received_kind::service;
    std::uint32_t seqno = 0;
  };
  [[nodiscard]] std::optional<known> find(msg_id id) const;

  /// Everything at or below is forgotten, or never was.
  [[nodiscard]] msg_id floor() const { return msg_id(floor_); }
  [[nodiscard]] msg_id highest() const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const { return entries_.capacity() * sizeof(entry); }

private:
  /// 12 bytes: a client's id has its two lowest bits free for the kind.
  struct entry {
    std::uint32_t high;
    std::uint32_t low_and_kind;
    std::uint32_t seqno;

    [[nodiscard]] std::uint64_t id() const { return (std::uint64_t{high} << 32) | (low_and_kind & ~3U); }
    [[nodiscard]] received_kind kind() const { return static_cast<received_kind>(low_and_kind & 3U); }
  };

  [[nodiscard]] std::size_t position(std::uint64_t id) const;
  void forget(std::size_t count);

  /// By id.
  std::vector<entry> entries_;
  std::uint64_t floor_ = 0;
};

} // namespace godwit::mtproto
