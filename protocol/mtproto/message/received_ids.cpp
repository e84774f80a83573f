#include "protocol/mtproto/message/received_ids.hpp"

#include <algorithm>

#include "config/limits.hpp"
#include "protocol/mtproto/message/msg_ids.hpp"

namespace godwit::mtproto {
namespace {

/// So few are kept whatever their age.
constexpr std::size_t kept_always = 16;
/// Forgetting moves all the others, so it is done for several at once.
constexpr std::size_t forgotten_at_once = 16;
/// Beyond the window by a little, for the clock may be set back.
constexpr std::int64_t margin_ms = 30'000;
/// How far the next content-related message is looked for.
constexpr std::size_t neighbours = 32;

bool is_content_related(std::uint32_t seqno) { return (seqno & 1) != 0; }

} // namespace

std::size_t received_ids::position(std::uint64_t id) const {
  // Nearly always a new message is the newest.
  if (entries_.empty() || entries_.back().id() < id) {
    return entries_.size();
  }
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), id,
                                   [](const entry& e, std::uint64_t wanted) { return e.id() < wanted; });
  return static_cast<std::size_t>(at - entries_.begin());
}

received_ids::verdict received_ids::look_up(msg_id id) const {
  const std::size_t at = position(id.value());
  if (at < entries_.size() && entries_[at].id() == id.value()) {
    return verdict::known;
  }
  return id.value() <= floor_ ? verdict::too_old : verdict::fresh;
}

bad_msg received_ids::check_seqno(msg_id id, std::uint32_t seqno) const {
  if (!is_content_related(seqno)) {
    return bad_msg::none;
  }
  const std::size_t at = position(id.value());
  for (std::size_t i = at; i > 0 && at - i < neighbours; --i) {
    if (is_content_related(entries_[i - 1].seqno)) {
      if (entries_[i - 1].seqno >= seqno) {
        return bad_msg::seqno_too_low;
      }
      break;
    }
  }
  for (std::size_t i = at; i < entries_.size() && i - at < neighbours; ++i) {
    if (is_content_related(entries_[i].seqno)) {
      return entries_[i].seqno <= seqno ? bad_msg::seqno_too_high : bad_msg::none;
    }
  }
  return bad_msg::none;
}

void received_ids::add(msg_id id, std::uint32_t seqno, received_kind kind) {
  if (entries_.size() >= limits::received_ids_max) {
    forget(forgotten_at_once);
  }
  const std::size_t at = position(id.value());
  const entry made{static_cast<std::uint32_t>(id.value() >> 32),
                   (static_cast<std::uint32_t>(id.value()) & ~3U) | static_cast<std::uint32_t>(kind), seqno};
  entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(at), made);
}

void received_ids::set_kind(msg_id id, received_kind kind) {
  const std::size_t at = position(id.value());
  if (at < entries_.size() && entries_[at].id() == id.value()) {
    entries_[at].low_and_kind = (entries_[at].low_and_kind & ~3U) | static_cast<std::uint32_t>(kind);
  }
}

std::optional<received_ids::known> received_ids::find(msg_id id) const {
  const std::size_t at = position(id.value());
  if (at >= entries_.size() || entries_[at].id() != id.value()) {
    return std::nullopt;
  }
  return known{entries_[at].kind(), entries_[at].seqno};
}

msg_id received_ids::highest() const { return entries_.empty() ? floor() : msg_id(entries_.back().id()); }

void received_ids::forget_old(unix_ms now) {
  if (entries_.size() < kept_always + forgotten_at_once) {
    return;
  }
  const std::uint64_t oldest = first_id_at(now - limits::msg_id_behind_ms_max - margin_ms, msg_origin::client).value();
  const std::size_t old = std::min(position(oldest), entries_.size() - kept_always);
  if (old >= forgotten_at_once) {
    forget(old);
    if (entries_.capacity() > 4 * entries_.size()) {
      entries_.shrink_to_fit();
    }
  }
}

void received_ids::forget(std::size_t count) {
  floor_ = std::max(floor_, entries_[count - 1].id());
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(count));
}

} // namespace godwit::mtproto
