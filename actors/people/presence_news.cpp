#include "actors/people/presence_news.hpp"

#include <algorithm>
#include <utility>

#include "actors/commands/people_commands.pb.h"
#include "actors/people/people_core.hpp"
#include "config/limits.hpp"

namespace godwit::people {
namespace {

/// Between the clocks of two nodes, at most.
constexpr unix_time clock_seconds = 60;

} // namespace

std::vector<std::string> encode_presence(std::span<const presence_change> changes) {
  std::vector<std::string> parts;
  while (!changes.empty()) {
    const auto part = changes.first(std::min(changes.size(), limits::presence_part_max));
    changes = changes.subspan(part.size());
    command::PresenceNews news;
    for (const presence_change& each : part) {
      command::PresenceNews::Change& made = *news.add_change();
      made.set_user(each.who.value());
      made.set_online_until(each.now_is.online_until);
      made.set_was_online(each.now_is.was_online);
    }
    parts.push_back(news.SerializeAsString());
  }
  return parts;
}

std::optional<std::vector<presence_change>> decode_presence(std::string_view body, unix_time now) {
  command::PresenceNews news;
  const auto changes_max = static_cast<int>(limits::presence_part_max);
  if (!news.ParseFromArray(body.data(), static_cast<int>(body.size())) || news.change_size() > changes_max) {
    return std::nullopt;
  }
  std::vector<presence_change> found;
  found.reserve(static_cast<std::size_t>(news.change_size()));
  for (const command::PresenceNews::Change& each : news.change()) {
    const bool sane = each.online_until() >= 0 && each.online_until() <= now + online_seconds + clock_seconds &&
                      each.was_online() >= 0 && each.was_online() <= now + clock_seconds;
    if (sane && is_account_id(each.user())) {
      found.push_back({user_id{each.user()}, {each.online_until(), each.was_online()}});
    }
  }
  return found;
}

void presence_news::changed(const presence_change& what) {
  {
    const std::lock_guard lock(mutex_);
    const bool known = waiting_.contains(what.who.value());
    if (!known && waiting_.size() >= limits::presence_news_max) {
      return;
    }
    const bool first = waiting_.empty();
    waiting_[what.who.value()] = what.now_is;
    if (!first) {
      return;
    }
  }
  wake_();
}

std::vector<std::string> presence_news::take() {
  std::unordered_map<std::int64_t, presence_state> waited;
  {
    const std::lock_guard lock(mutex_);
    waited.swap(waiting_);
  }
  std::vector<presence_change> changes;
  changes.reserve(waited.size());
  for (const auto& [who, state] : waited) {
    changes.push_back({user_id{who}, state});
  }
  return encode_presence(changes);
}

} // namespace godwit::people
