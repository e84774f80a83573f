#include <algorithm>
#include <utility>

#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "tests/chat_load/device.hpp"

namespace godwit::chat_load {
namespace {

using std::chrono::milliseconds;

/// Calls of a device that wait for their answers; more would say nothing new.
constexpr std::size_t under_way_max = 12;
/// The server takes the same bytes within a minute of their execution, in another session, for the same call.
constexpr std::chrono::seconds meant_once{100};

std::string random_id_text(std::int64_t id) { return std::to_string(id); }

/// The update of this kind in an answer; null: there is none.
const seen_update* find(const seen_updates& in, seen_update::kind what) {
  const auto at =
    std::find_if(in.updates.begin(), in.updates.end(), [what](const seen_update& each) { return each.what == what; });
  return at == in.updates.end() ? nullptr : &*at;
}

} // namespace

// --- what it does next ----------------------------------------------------------------------------

void device::act_every(milliseconds mean) {
  acting_ = true;
  const auto wait = milliseconds(dice_.below(static_cast<std::uint64_t>(2 * mean.count())));
  loop_.at(clock::now() + wait, [this, mean] {
    if (acting_) {
      if (link_.is_up() && box_.is_known() && requests_.size() < under_way_max) {
        act();
      }
      act_every(mean);
    }
  });
}

void device::hurry(std::uint64_t things) {
  for (; acting_ && link_.is_up() && box_.is_known() && things > 0; --things) {
    act();
  }
}

void device::act() {
  const std::uint64_t drawn = dice_.below(1000);
  if (drawn < 480) {
    send_message(any_peer());
  } else if (drawn < 540) {
    const known_peer& to = any_peer();
    for (std::uint64_t left = dice_.between(2, 5); left > 0; --left) {
      send_message(to);
    }
  } else if (drawn < 650) {
    edit();
  } else if (drawn < 730) {
    remove();
  } else if (drawn < 850) {
    read(any_peer());
  } else if (drawn < 900) {
    forward(any_peer());
  } else if (drawn < 930) {
    save_draft(any_peer());
  } else if (drawn < 955) {
    pin();
  } else if (drawn < 985) {
    look_back(any_peer());
  } else if (drawn < 990) {
    delete_history(any_peer(), dice_.chance(0.5), false);
  } else {
    block();
  }
}

bool device::would_repeat(const tl::fn::function& what, bool goes_on) {
  // Nobody knows beforehand whether its session will be lost.
  const auto now = clock::now();
  const auto [at, is_new] = meant_.try_emplace(bytes_of(what), now);
  if (!is_new && !goes_on && now - at->second < meant_once) {
    return true;
  }
  at->second = now;
  return false;
}

const known_peer& device::any_peer() { return account_.contacts[dice_.below(account_.contacts.size())]; }

const seen_message* device::any_message(const std::function<bool(const seen_message&)>& wanted) {
  std::vector<const seen_message*> fit;
  const auto& all = box_.messages();
  constexpr int newest = 40;
  int left = newest;
  for (auto at = all.rbegin(); at != all.rend() && left > 0; ++at, --left) {
    if (wanted(at->second)) {
      fit.push_back(&at->second);
    }
  }
  return fit.empty() ? nullptr : fit[dice_.below(fit.size())];
}

std::string device::new_text() {
  // Mostly short, now and then long.
  const std::uint64_t length = dice_.chance(0.02) ? dice_.between(1000, 3500) : dice_.between(1, 60);
  return name_ + "t" + std::to_string(++texts_) + " " + std::string(length, static_cast<char>('a' + dice_.below(26)));
}

// --- sends ----------------------------------------------------------------------------------------

void device::log_sending(const sending& what, bool repeat) {
  for (std::size_t i = 0; i < what.random_ids.size(); ++i) {
    json_object line;
    line.text("random_id", random_id_text(what.random_ids[i])).number("peer", what.peer).text("text", what.texts[i]);
    if (what.reply_to != 0) {
      line.number("reply_to", what.reply_to);
    }
    log_.write("send", line.flag("forward", what.forward).flag("repeat", repeat));
  }
}

void device::send_message(const known_peer& to) {
  tl::fn::messages_sendMessage call;
  auto what = std::make_shared<sending>();
  what->asked = history_log::now();
  what->peer = to.user;
  what->random_ids.push_back(static_cast<std::int64_t>(dice_.next() | 1));
  what->texts.push_back(new_text());
  if (dice_.chance(0.2)) {
    const auto* answered = any_message([&](const seen_message& each) { return each.peer == to.user; });
    if (answered != nullptr) {
      what->reply_to = answered->id;
      call.reply_to = tl::make<tl::inputReplyToMessage>();
      call.reply_to->reply_to_msg_id = answered->id;
    }
  }
  call.peer = input(to);
  call.message = what->texts.front();
  call.random_id = what->random_ids.front();
  ++figures_.sends;
  log_sending(*what, false);
  ask(
    call, [this, what](const mtproto::client_answer& answer) { sending_answered(*what, answer); },
    [this, what] { log_sending(*what, true); });
}

void device::forward(const known_peer& to) {
  const auto* first = any_message([](const seen_message& each) { return each.service.empty(); });
  if (first == nullptr) {
    return;
  }
  const auto from = std::find_if(account_.contacts.begin(), account_.contacts.end(),
                                 [&](const known_peer& each) { return each.user == first->peer; });
  if (from == account_.contacts.end()) {
    return;
  }
  tl::fn::messages_forwardMessages call;
  auto what = std::make_shared<sending>();
  what->asked = history_log::now();
  what->peer = to.user;
  what->forward = true;
  std::size_t left = 1 + dice_.below(3);
  for (auto at = box_.messages().find(first->id); at != box_.messages().end() && left > 0; ++at) {
    if (at->second.peer != first->peer || !at->second.service.empty()) {
      continue;
    }
    call.id.push_back(at->second.id);
    what->random_ids.push_back(static_cast<std::int64_t>(dice_.next() | 1));
    what->texts.push_back(at->second.text);
    --left;
  }
  call.random_id = what->random_ids;
  call.from_peer = input(*from);
  call.to_peer = input(to);
  call.drop_author = dice_.chance(0.3);
  ++figures_.sends;
  log_sending(*what, false);
  ask(
    call, [this, what](const mtproto::client_answer& answer) { sending_answered(*what, answer); },
    [this, what] { log_sending(*what, true); });
}

void device::sending_answered(const sending& what, const mtproto::client_answer& answer) {
  if (answer.is_error) {
    ++figures_.refused;
    for (const std::int64_t each : what.random_ids) {
      json_object line;
      log_.write("failed", line.text("random_id", random_id_text(each)).text("error", answer.error_text));
    }
    return;
  }
  const auto result = result_of<tl::fn::messages_sendMessage>(answer);
  const seen_updates seen = see(*result, account_.user);
  note_hashes(seen);
  if (seen.sent) {
    seen_update own;
    own.what = seen_update::kind::new_message;
    own.pts = seen.sent->pts;
    own.pts_count = seen.sent->pts_count;
    seen_message& message = own.message;
    message.id = seen.sent->id;
    message.peer = what.peer;
    message.from = account_.user;
    message.out = true;
    message.date = seen.sent->date;
    message.text = what.texts.front();
    message.reply_to = what.reply_to;
    return sent(what, what.random_ids.front(), own, false);
  }
  for (const seen_update& each : seen.updates) {
    const auto named = std::find_if(seen.sent_ids.begin(), seen.sent_ids.end(), [&](const auto& one) {
      return each.what == seen_update::kind::new_message && one.second == each.message.id;
    });
    if (named != seen.sent_ids.end()) {
      sent(what, named->first, each, true);
    } else {
      log_.write("live", each.json().flag("answer", true));
      take(each);
    }
  }
}

/// `whole`: the message came as well, and not always as the client had it.
void device::sent(const sending& of, std::int64_t random_id, const seen_update& what, bool whole) {
  check_date("an answer", what.message.date, of.asked);
  ++figures_.acknowledged;
  json_object line;
  line.text("random_id", random_id_text(random_id)).number("id", what.message.id);
  line.number("pts", what.pts).number("date", what.message.date);
  if (whole) {
    line.json("message", what.message.json().str());
  }
  log_.write("sent", line);
  take(what);
}

// --- everything else ------------------------------------------------------------------------------

std::string device::begin_doing(const json_object& what) {
  const std::string key = "k" + std::to_string(++keys_);
  json_object line;
  log_.write("do", line.text("key", key).members_of(what));
  return key;
}

/// `connection`: on which it was asked for.
void device::refused(const std::string& key, const mtproto::client_answer& answer, std::uint64_t connection) {
  ++figures_.refused;
  // Asked for once more on another one, it may have been done the first time.
  if (connection == connections_) {
    json_object line;
    log_.write("refused", line.text("key", key).text("error", answer.error_text));
  }
}

void device::affected(const std::string& key, std::int32_t pts, std::int32_t pts_count, std::vector<std::int32_t> gone,
                      bool more) {
  json_object line;
  line.text("key", key).number("pts", pts).number("pts_count", pts_count);
  log_.write("done", line.flag("more", more));
  if (pts_count > 0) {
    seen_update update;
    update.what = gone.empty() ? seen_update::kind::other : seen_update::kind::remove;
    update.pts = pts;
    update.pts_count = pts_count;
    update.ids = std::move(gone);
    take(update);
  }
}

void device::edit() {
  const auto* message = any_message([&](const seen_message& each) {
    return each.out && each.service.empty() && !each.forward && each.from == account_.user &&
           !account_.being_edited.contains(each.id);
  });
  const auto to = message == nullptr ? account_.contacts.end()
                                     : std::find_if(account_.contacts.begin(), account_.contacts.end(),
                                                    [&](const known_peer& each) { return each.user == message->peer; });
  if (to == account_.contacts.end()) {
    return;
  }
  const std::string text =
    message->text.substr(0, message->text.find(' ')) + " edited by " + name_ + " " + std::to_string(++texts_);
  tl::fn::messages_editMessage call;
  call.peer = input(*to);
  call.id = message->id;
  call.message = text;
  json_object what;
  what.text("what", "edit").number("peer", to->user).number("id", message->id).text("text", text);
  account_.being_edited.insert(message->id);
  ask(call, [this, id = message->id, key = begin_doing(what),
             connection = connections_](const mtproto::client_answer& answer) {
    account_.being_edited.erase(id);
    if (answer.is_error) {
      return refused(key, answer, connection);
    }
    const auto result = result_of<tl::fn::messages_editMessage>(answer);
    const seen_updates seen = see(*result, account_.user);
    // Answered again, when the message has gone since, it tells of that in the place of the edit.
    const seen_update* const edit = find(seen, seen_update::kind::edit);
    const seen_update* const own = edit != nullptr ? edit : find(seen, seen_update::kind::remove);
    json_object line;
    line.text("key", key);
    if (own != nullptr) {
      line.number("pts", own->pts).number("pts_count", own->pts_count);
    }
    log_.write("done", line);
    for (const seen_update& each : seen.updates) {
      if (&each != own) {
        log_.write("live", each.json().flag("answer", true));
      }
      take(each);
    }
  });
}

void device::remove() {
  tl::fn::messages_deleteMessages call;
  for (std::uint64_t left = dice_.between(1, 3); left > 0; --left) {
    if (const auto* message = any_message([](const seen_message&) { return true; })) {
      if (std::find(call.id.begin(), call.id.end(), message->id) == call.id.end()) {
        call.id.push_back(message->id);
      }
    }
  }
  if (call.id.empty()) {
    return;
  }
  call.revoke = dice_.chance(0.5);
  if (would_repeat(call)) {
    return;
  }
  json_object what;
  what.text("what", "delete").json("ids", json_list(call.id)).boolean("revoke", call.revoke);
  ask(call,
      [this, ids = call.id, key = begin_doing(what), connection = connections_](const mtproto::client_answer& answer) {
        if (answer.is_error) {
          return refused(key, answer, connection);
        }
        const auto result = result_of<tl::fn::messages_deleteMessages>(answer);
        affected(key, result->pts, result->pts_count, ids);
      });
}

void device::read(const known_peer& of) {
  const auto* message = any_message([&](const seen_message& each) { return each.peer == of.user && !each.out; });
  if (message == nullptr) {
    return;
  }
  tl::fn::messages_readHistory call;
  call.peer = input(of);
  call.max_id = message->id;
  if (would_repeat(call)) {
    return;
  }
  json_object what;
  what.text("what", "read").number("peer", of.user).number("max_id", message->id);
  ask(call, [this, key = begin_doing(what), connection = connections_](const mtproto::client_answer& answer) {
    if (answer.is_error) {
      return refused(key, answer, connection);
    }
    const auto result = result_of<tl::fn::messages_readHistory>(answer);
    affected(key, result->pts, result->pts_count, {});
  });
}

void device::pin() {
  const known_peer& of = any_peer();
  const auto* message =
    any_message([&](const seen_message& each) { return each.peer == of.user && each.service.empty(); });
  if (message == nullptr) {
    return;
  }
  tl::fn::messages_updatePinnedMessage call;
  call.peer = input(of);
  call.id = message->id;
  call.unpin = dice_.chance(0.3);
  call.silent = dice_.chance(0.5);
  call.pm_oneside = dice_.chance(0.3);
  if (would_repeat(call)) {
    return;
  }
  json_object what;
  what.text("what", "pin").number("peer", of.user).number("id", message->id).boolean("on", !call.unpin);
  ask(call, [this, key = begin_doing(what), connection = connections_](const mtproto::client_answer& answer) {
    if (answer.is_error) {
      return refused(key, answer, connection);
    }
    const auto result = result_of<tl::fn::messages_updatePinnedMessage>(answer);
    const seen_updates seen = see(*result, account_.user);
    const seen_update* const own = find(seen, seen_update::kind::pinned);
    json_object line;
    line.text("key", key);
    if (own != nullptr) {
      line.number("pts", own->pts).number("pts_count", own->pts_count);
    }
    log_.write("done", line);
    for (const seen_update& each : seen.updates) {
      if (&each != own) {
        log_.write("live", each.json().flag("answer", true));
      }
      take(each);
    }
  });
}

void device::save_draft(const known_peer& of) {
  tl::fn::messages_saveDraft call;
  call.peer = input(of);
  call.message = dice_.chance(0.5) ? "a draft of " + name_ : std::string();
  ask(call, [](const mtproto::client_answer&) {});
}

void device::delete_history(const known_peer& of, bool revoke, bool goes_on) {
  tl::fn::messages_deleteHistory call;
  call.peer = input(of);
  call.revoke = revoke;
  if (would_repeat(call, goes_on)) {
    return;
  }
  json_object what;
  what.text("what", "delete_history").number("peer", of.user).number("max_id", 0).boolean("revoke", revoke);
  ask(call,
      [this, of, revoke, key = begin_doing(what), connection = connections_](const mtproto::client_answer& answer) {
        if (answer.is_error) {
          return refused(key, answer, connection);
        }
        const auto result = result_of<tl::fn::messages_deleteHistory>(answer);
        affected(key, result->pts, result->pts_count, {}, result->offset > 0);
        if (result->offset > 0) {
          delete_history(of, revoke, true);
        } else {
          box_.forget_dialog(of.user);
        }
      });
}

void device::block() {
  const known_peer& whom = any_peer();
  if (whom.user == account_.user) {
    return;
  }
  tl::fn::contacts_block call;
  call.id = input(whom);
  json_object what;
  what.text("what", "block").number("user", whom.user);
  ask(call, [this, whom, key = begin_doing(what), connection = connections_](const mtproto::client_answer& answer) {
    if (answer.is_error) {
      return refused(key, answer, connection);
    }
    json_object line;
    log_.write("done", line.text("key", key));
    tl::fn::contacts_unblock back;
    back.id = input(whom);
    json_object undo;
    undo.text("what", "unblock").number("user", whom.user);
    ask(back, [this, key_of_undo = begin_doing(undo),
               connection_of_undo = connections_](const mtproto::client_answer& answer_of_undo) {
      if (answer_of_undo.is_error) {
        return refused(key_of_undo, answer_of_undo, connection_of_undo);
      }
      json_object undone;
      log_.write("done", undone.text("key", key_of_undo));
    });
  });
}

} // namespace godwit::chat_load
