#include "actors/box/done_calls.hpp"

#include <algorithm>
#include <utility>

#include "config/limits.hpp"
#include "persistence/records/chat.pb.h"

namespace godwit::box {
namespace {

using entity::records_table;
using persistence::records::DoneCall;

constexpr std::size_t number_bytes = 8;

} // namespace

std::uint64_t done_calls::hash_of(std::string_view body) {
  // FNV-1a: whoever makes two of his own calls collide loses one of them.
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char each : body) {
    hash = (hash ^ static_cast<unsigned char>(each)) * 0x100000001b3;
  }
  return hash == 0 ? 1 : hash;
}

std::string done_calls::done_call::sub_key() const {
  return entity::id_sub_key(asker.key.value()) + entity::id_sub_key(body);
}

/// A date of tomorrow is from a clock that was set back.
bool done_calls::is_old(const done_call& which, unix_time now) {
  return now - which.date >= limits::repeated_call_seconds || which.date - now >= limits::repeated_call_seconds;
}

bool done_calls::load(std::string_view sub_key, std::string_view value) {
  DoneCall row;
  if (sub_key.size() != 2 * number_bytes || !row.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return false;
  }
  done_call call;
  call.asker.key = auth_key_id{*entity::id_of_sub_key(sub_key.substr(0, number_bytes))};
  call.asker.session = session_id{row.session()};
  call.body = *entity::id_of_sub_key(sub_key.substr(number_bytes));
  call.date = row.date();
  call.message = msg_id{row.message()};
  call.told = {row.pts(), row.pts_count()};
  const auto later = std::upper_bound(kept_.begin(), kept_.end(), call.date,
                                      [](unix_time date, const done_call& each) { return date < each.date; });
  kept_.insert(later, call);
  return true;
}

std::optional<done_calls::outcome> done_calls::find(const call_context& call, unix_time now) const {
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const done_call& each) { return each.is(call); });
  if (found == kept_.end() || is_old(*found, now)) {
    return std::nullopt;
  }
  // Under the number of the one that was executed it is the same call, whoever brings it: its session that had no answer,
  // or another node, where it lay until its client had its answer elsewhere.
  const bool same = call.message == found->message && call.message != msg_id{};
  const bool repeats = same || call.message < found->message || !(found->session_lives && found->asker == call.asker);
  return repeats ? std::optional(found->told) : std::nullopt;
}

void done_calls::begin(const call_context& call, std::uint64_t operation) {
  under_way_ = call;
  operation_ = operation;
  unfinished_ = false;
  written_ = false;
}

void done_calls::write_rows(bool executed, const outcome& moved, unix_time now, entity_effects& out) {
  if (executed) {
    write_executed(moved, now, out);
  }
  while (!kept_.empty() && (is_old(kept_.front(), now) || kept_.size() > limits::repeated_calls_max)) {
    out.erase(records_table::done_call, kept_.front().sub_key());
    kept_.pop_front();
  }
}

/// An operation's updates stand behind each other in the box: its answer tells of all of them.
void done_calls::write_executed(const outcome& moved, unix_time now, entity_effects& out) {
  done_call call{under_way_.asker, under_way_.body, now, true, under_way_.message, moved};
  if (std::exchange(written_, true) && !kept_.empty()) {
    call.told.pts_count += kept_.back().told.pts_count;
    kept_.pop_back();
  } else {
    const auto erased = std::erase_if(kept_, [&](const done_call& each) { return each.is(under_way_); });
    if (unfinished_) {
      if (erased != 0) {
        out.erase(records_table::done_call, call.sub_key());
      }
      operation_ = none;
      return;
    }
  }
  DoneCall row;
  row.set_session(call.asker.session.value());
  row.set_date(now);
  row.set_message(call.message.value());
  row.set_pts(call.told.pts);
  row.set_pts_count(call.told.pts_count);
  out.put(records_table::done_call, call.sub_key(), row);
  kept_.push_back(call);
}

void done_calls::session_lost(const entity::listener_id& who) {
  for (done_call& each : kept_) {
    each.session_lives = each.session_lives && !(each.asker == who);
  }
}

} // namespace godwit::box
