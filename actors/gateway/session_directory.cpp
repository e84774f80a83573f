#include "actors/gateway/session_directory.hpp"

#include <algorithm>
#include <utility>

namespace godwit::actors {

session_directory::entry* session_directory::find_entry(const session_key& key) {
  const auto list = sessions_.find(key.key);
  if (list == sessions_.end()) {
    return nullptr;
  }
  const auto at =
    std::find_if(list->second.begin(), list->second.end(), [&](const entry& each) { return each.id == key.session; });
  return at == list->second.end() ? nullptr : &*at;
}

session_directory::answer session_directory::find_or_make(const session_key& key,
                                                          const std::function<caf::actor()>& make) {
  const std::lock_guard lock(mutex_);
  answer result;
  if (const entry* const there = find_entry(key)) {
    result.session = there->session;
    return result;
  }
  std::vector<entry>& list = sessions_[key.key];
  if (list.size() >= bounds_.per_key_max) {
    // Some clients take a new session for every connection: those they left make room.
    const auto idle = std::find_if(list.begin(), list.end(), [](const entry& each) { return each.lingers; });
    if (idle == list.end()) {
      return result;
    }
    result.evicted = std::move(idle->session);
    result.evicted_key = {key.key, idle->id};
    list.erase(idle);
    --size_;
  }
  if (size_ >= bounds_.sessions_max) {
    if (list.empty()) {
      sessions_.erase(key.key);
    }
    return result;
  }
  result.session = make();
  result.made = true;
  list.push_back({key.session, result.session, false});
  ++size_;
  return result;
}

caf::actor session_directory::find(const session_key& key) const {
  const std::lock_guard lock(mutex_);
  const entry* const there = const_cast<session_directory*>(this)->find_entry(key);
  return there != nullptr ? there->session : caf::actor();
}

bool session_directory::put(const session_key& key, const caf::actor& session) {
  const std::lock_guard lock(mutex_);
  if (const entry* const there = find_entry(key)) {
    return there->session == session;
  }
  sessions_[key.key].push_back({key.session, session, false});
  ++size_;
  return true;
}

void session_directory::remove(const session_key& key, const caf::actor& session) {
  const std::lock_guard lock(mutex_);
  const auto list = sessions_.find(key.key);
  if (list == sessions_.end()) {
    return;
  }
  size_ -=
    std::erase_if(list->second, [&](const entry& each) { return each.id == key.session && each.session == session; });
  if (list->second.empty()) {
    sessions_.erase(list);
  }
}

void session_directory::set_lingering(const session_key& key, bool lingers) {
  const std::lock_guard lock(mutex_);
  if (entry* const there = find_entry(key)) {
    there->lingers = lingers;
  }
}

std::size_t session_directory::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

} // namespace godwit::actors
