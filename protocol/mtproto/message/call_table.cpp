#include "protocol/mtproto/message/call_table.hpp"

#include <algorithm>
#include <utility>

namespace godwit::mtproto {

std::size_t call_table::position(msg_id id) const {
  if (entries_.empty() || entries_.back().id < id) {
    return entries_.size();
  }
  const auto at =
    std::lower_bound(entries_.begin(), entries_.end(), id, [](const entry& e, msg_id wanted) { return e.id < wanted; });
  return static_cast<std::size_t>(at - entries_.begin());
}

void call_table::add(msg_id id, std::unique_ptr<waiting_call> waiting) {
  if (waiting) {
    ++waiting_;
    waiting_bytes_ += waiting->call.body.size();
  }
  entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(position(id)), entry{id, std::move(waiting)});
}

bool call_table::contains(msg_id id) const {
  const std::size_t at = position(id);
  return at < entries_.size() && entries_[at].id == id;
}

void call_table::count_out(const entry& which) {
  if (which.waiting) {
    --waiting_;
    waiting_bytes_ -= which.waiting->call.body.size();
  }
}

std::optional<call_table::entry> call_table::take(msg_id id) {
  const std::size_t at = position(id);
  if (at >= entries_.size() || entries_[at].id != id) {
    return std::nullopt;
  }
  entry taken = std::move(entries_[at]);
  count_out(taken);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
  // An idle session owns nothing.
  if (entries_.empty()) {
    entries_.shrink_to_fit();
  }
  return taken;
}

std::vector<call> call_table::release(msg_id finished) {
  std::vector<call> ready;
  if (waiting_ == 0) {
    return ready;
  }
  for (entry& one : entries_) {
    if (one.waiting && std::erase(one.waiting->after, finished) > 0 && one.waiting->after.empty()) {
      count_out(one);
      ready.push_back(std::move(one.waiting->call));
      one.waiting.reset();
    }
  }
  return ready;
}

std::vector<msg_id> call_table::waiting_for(msg_id failed) const {
  std::vector<msg_id> found;
  if (waiting_ > 0) {
    for (const entry& one : entries_) {
      if (one.waiting &&
          std::find(one.waiting->after.begin(), one.waiting->after.end(), failed) != one.waiting->after.end()) {
        found.push_back(one.id);
      }
    }
  }
  return found;
}

std::vector<msg_id> call_table::overdue(unix_ms now) const {
  std::vector<msg_id> found;
  if (waiting_ > 0) {
    for (const entry& one : entries_) {
      if (one.waiting && one.waiting->give_up_at <= now) {
        found.push_back(one.id);
      }
    }
  }
  return found;
}

std::optional<unix_ms> call_table::due() const {
  std::optional<unix_ms> first;
  if (waiting_ > 0) {
    for (const entry& one : entries_) {
      if (one.waiting && (!first || one.waiting->give_up_at < *first)) {
        first = one.waiting->give_up_at;
      }
    }
  }
  return first;
}

std::size_t call_table::memory_bytes() const {
  return entries_.capacity() * sizeof(entry) + waiting_ * sizeof(waiting_call) + waiting_bytes_;
}

} // namespace godwit::mtproto
