#include "tests/actors/box/box_model.hpp"

#include <algorithm>

namespace godwit::box::testing {

std::int32_t box_model::unread(std::int64_t who, std::int64_t peer) {
  std::int32_t count = 0;
  for (const auto& [id, message] : of(who).dialogs[peer]) {
    count += !message.out && id > of(who).read_inbox[peer] ? 1 : 0;
  }
  return count;
}

message_id box_model::top(std::int64_t who, std::int64_t peer) {
  const dialog& all = of(who).dialogs[peer];
  return all.empty() ? 0 : all.rbegin()->first;
}

message_id box_model::counterpart(std::int64_t peer, std::int64_t who, message_id id, const kept& message) {
  for (const auto& [other, each] : of(peer).dialogs[who]) {
    const bool same = message.out ? !each.out && each.origin == id : each.out && other == message.origin;
    if (same && !each.cleared) {
      return other;
    }
  }
  return 0;
}

message_id box_model::add(std::int64_t who, std::int64_t peer, const kept& message) {
  box& where = of(who);
  where.dialogs[peer][++where.last] = message;
  ++where.pts;
  return where.last;
}

void box_model::send(std::int64_t from, std::int64_t to, const std::string& text) {
  const message_id id = add(from, to, {.out = true, .text = text});
  if (from != to) {
    add(to, from, {.origin = id, .text = text});
  } else {
    of(from).read_inbox[to] = of(from).read_outbox[to] = id; // nobody else is to read it
  }
}

void box_model::edit(std::int64_t who, std::int64_t peer, message_id id, const std::string& text) {
  dialog& mine = of(who).dialogs[peer];
  const auto found = mine.find(id);
  if (found == mine.end() || !found->second.out || found->second.service || found->second.cleared ||
      found->second.text == text) {
    return;
  }
  found->second.text = text;
  ++of(who).pts;
  if (const message_id other = who == peer ? 0 : counterpart(peer, who, id, found->second); other != 0) {
    of(peer).dialogs[who][other].text = text;
    ++of(peer).pts;
  }
}

void box_model::erase_counterparts(std::int64_t who, std::int64_t peer, const dialog& gone) {
  if (who == peer) {
    return;
  }
  for (const auto& [id, message] : gone) {
    if (const message_id other = counterpart(peer, who, id, message); other != 0) {
      of(peer).dialogs[who].erase(other);
      ++of(peer).pts;
    }
  }
}

void box_model::erase(std::int64_t who, const std::set<message_id>& ids, bool revoke) {
  for (auto& [peer, all] : of(who).dialogs) {
    dialog gone;
    for (const message_id id : ids) {
      if (all.contains(id)) {
        gone[id] = all[id];
        all.erase(id);
        ++of(who).pts;
      }
    }
    if (revoke) {
      erase_counterparts(who, peer, gone);
    }
  }
}

void box_model::erase_history(std::int64_t who, std::int64_t peer, message_id max_id, bool just_clear, bool revoke) {
  dialog& all = of(who).dialogs[peer];
  const message_id last = top(who, peer);
  dialog gone;
  for (const auto& [id, message] : all) {
    if ((max_id == 0 || id <= max_id) && !(just_clear && message.cleared)) {
      gone[id] = message;
    }
  }
  const bool clears = just_clear && gone.size() == all.size() && !all.empty();
  for (const auto& [id, message] : gone) {
    ++of(who).pts;
    if (clears && id == last) {
      all[id] = {.out = true, .cleared = true};
    } else {
      all.erase(id);
    }
  }
  if (revoke) {
    erase_counterparts(who, peer, gone);
  }
}

void box_model::read(std::int64_t who, std::int64_t peer, message_id max_id) {
  box& mine = of(who);
  const message_id end = top(who, peer);
  const message_id last = max_id == 0 ? end : std::min(max_id, end);
  message_id newest = 0;
  for (const auto& [id, message] : mine.dialogs[peer]) {
    if (!message.out && id > mine.read_inbox[peer] && id <= last) {
      newest = std::max(newest, message.origin);
    }
  }
  if (newest == 0) {
    return;
  }
  mine.read_inbox[peer] = last;
  ++mine.pts;
  box& theirs = of(peer);
  if (!theirs.dialogs[who].empty() && newest > theirs.read_outbox[who]) {
    theirs.read_outbox[who] = newest;
    ++theirs.pts;
  }
}

void box_model::pin(std::int64_t who, std::int64_t peer, message_id id, bool unpin, bool one_side) {
  dialog& mine = of(who).dialogs[peer];
  const auto found = mine.find(id);
  if (found == mine.end() || found->second.service || found->second.cleared || found->second.pinned != unpin) {
    return;
  }
  found->second.pinned = !unpin;
  ++of(who).pts;
  if (who == peer || one_side) {
    return;
  }
  if (const message_id other = counterpart(peer, who, id, found->second); other != 0) {
    if (kept& theirs = of(peer).dialogs[who][other]; theirs.pinned == unpin) {
      theirs.pinned = !unpin;
      ++of(peer).pts;
    }
  }
  if (!unpin) {
    const message_id notice = add(who, peer, {.out = true, .service = true});
    add(peer, who, {.origin = notice, .service = true});
  }
}

void box_model::unpin_all(std::int64_t who, std::int64_t peer) {
  bool mine = false;
  bool theirs = false;
  for (auto& [id, message] : of(who).dialogs[peer]) {
    if (!message.pinned) {
      continue;
    }
    message.pinned = false;
    mine = true;
    if (const message_id other = who == peer ? 0 : counterpart(peer, who, id, message); other != 0) {
      theirs |= of(peer).dialogs[who][other].pinned;
      of(peer).dialogs[who][other].pinned = false;
    }
  }
  of(who).pts += mine ? 1 : 0;
  of(peer).pts += theirs ? 1 : 0;
}

} // namespace godwit::box::testing
