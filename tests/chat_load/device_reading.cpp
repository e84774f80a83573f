#include <algorithm>
#include <set>
#include <utility>

#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "tests/chat_load/device.hpp"

namespace godwit::chat_load {
namespace {

constexpr std::int32_t page = 100;

struct message_page {
  std::vector<seen_message> messages;
  std::int32_t last_id = 0; ///< of the page, whatever it is
  std::size_t size = 0;
};

message_page page_of(const tl::messages_Messages& what, std::int64_t self) {
  message_page made;
  const auto add = [&](const auto& messages) {
    made.size = messages.size();
    for (const auto& each : messages) {
      if (auto seen = each == nullptr ? std::nullopt : see(*each, self)) {
        made.last_id = seen->id;
        made.messages.push_back(std::move(*seen));
      }
    }
  };
  if (const auto* whole = tl::as<tl::messages_messages>(&what)) {
    add(whole->messages);
  } else if (const auto* slice = tl::as<tl::messages_messagesSlice>(&what)) {
    add(slice->messages);
  }
  return made;
}

json_object history_line(double asked, std::int64_t peer, bool complete, const std::vector<seen_message>& messages) {
  std::vector<std::string> texts;
  for (const seen_message& each : messages) {
    texts.push_back(each.json().str());
  }
  json_object line;
  line.seconds("asked", asked).number("peer", peer).boolean("complete", complete);
  return line.json("messages", json_list(texts));
}

} // namespace

/// What is read at the end, and how far.
struct device::reading {
  std::vector<known_peer> peers; ///< whose histories are left
  double asked = 0;
  std::vector<seen_message> messages; ///< of the history being read
  std::vector<std::string> dialogs;
  std::vector<std::int64_t> dialogs_of;
  std::int32_t fresh_pts = 1;
  std::int32_t fresh_date = 1;
};

void device::look_back(const known_peer& of) {
  tl::fn::messages_getHistory call;
  call.peer = input(of);
  call.limit = 20;
  ask(call, [this, user = of.user, asked = history_log::now()](const mtproto::client_answer& answer) {
    if (!answer.is_error) {
      const auto result = result_of<tl::fn::messages_getHistory>(answer);
      log_.write("history", history_line(asked, user, false, page_of(*result, account_.user).messages));
    }
  });
}

void device::read_all() {
  const auto what = std::make_shared<reading>();
  what->asked = history_log::now();
  read_dialogs(what);
}

void device::read_histories(const std::shared_ptr<reading>& what) {
  what->peers = account_.contacts;
  std::set<std::int64_t> peers = box_.peers();
  peers.insert(what->dialogs_of.begin(), what->dialogs_of.end());
  for (const std::int64_t each : peers) {
    const bool known =
      std::any_of(what->peers.begin(), what->peers.end(), [each](const known_peer& peer) { return peer.user == each; });
    if (!known && hashes_.contains(each)) {
      what->peers.push_back({each, hashes_.at(each)});
    }
  }
  read_next(what);
}

void device::read_next(const std::shared_ptr<reading>& what) {
  what->asked = history_log::now();
  what->messages.clear();
  if (!what->peers.empty()) {
    read_history(what);
  } else {
    read_difference(what);
  }
}

void device::read_history(const std::shared_ptr<reading>& what) {
  tl::fn::messages_getHistory call;
  call.peer = input(what->peers.back());
  call.limit = page;
  call.offset_id = what->messages.empty() ? 0 : what->messages.back().id;
  ask(call, [this, what](const mtproto::client_answer& answer) {
    if (answer.is_error) {
      throw std::runtime_error(name_ + ": getHistory: " + answer.error_text);
    }
    const auto result = result_of<tl::fn::messages_getHistory>(answer);
    message_page got = page_of(*result, account_.user);
    const bool last = got.size == 0 || tl::as<tl::messages_messages>(result.get()) != nullptr;
    std::move(got.messages.begin(), got.messages.end(), std::back_inserter(what->messages));
    if (!last) {
      return read_history(what);
    }
    log_.write("history", history_line(what->asked, what->peers.back().user, true, what->messages));
    what->peers.pop_back();
    read_next(what);
  });
}

void device::read_dialogs(const std::shared_ptr<reading>& what) {
  tl::fn::messages_getDialogs call;
  call.limit = page;
  call.offset_peer = tl::make<tl::inputPeerEmpty>();
  if (!what->messages.empty()) {
    const seen_message& last = what->messages.back();
    call.offset_id = last.id;
    call.offset_date = last.date;
    call.offset_peer = input({last.peer, hashes_[last.peer]});
  }
  ask(call, [this, what](const mtproto::client_answer& answer) {
    if (answer.is_error) {
      throw std::runtime_error(name_ + ": getDialogs: " + answer.error_text);
    }
    const auto result = result_of<tl::fn::messages_getDialogs>(answer);
    std::size_t added = 0;
    const auto take_page = [&](const auto& slice) {
      std::vector<seen_message> tops;
      for (const auto& each : slice.messages) {
        if (auto seen = each == nullptr ? std::nullopt : see(*each, account_.user)) {
          tops.push_back(std::move(*seen));
        }
      }
      for (const auto& each : slice.users) {
        const auto* user = tl::as<tl::user>(each.get());
        if (user != nullptr && user->access_hash) {
          hashes_[user->id] = *user->access_hash;
        }
      }
      for (const auto& each : slice.dialogs) {
        const auto* dialog = tl::as<tl::dialog>(each.get());
        const std::int64_t peer = dialog != nullptr ? user_of(dialog->peer.get()) : 0;
        if (peer == 0 || std::find(what->dialogs_of.begin(), what->dialogs_of.end(), peer) != what->dialogs_of.end()) {
          continue;
        }
        ++added;
        what->dialogs_of.push_back(peer);
        json_object line;
        line.number("peer", peer).number("top_message", dialog->top_message).number("unread", dialog->unread_count);
        line.number("read_inbox", dialog->read_inbox_max_id).number("read_outbox", dialog->read_outbox_max_id);
        what->dialogs.push_back(line.str());
        for (const seen_message& top : tops) {
          if (top.peer == peer && top.id == dialog->top_message) {
            what->messages.push_back(top);
          }
        }
      }
    };
    const auto* slice = tl::as<tl::messages_dialogsSlice>(result.get());
    if (slice != nullptr) {
      take_page(*slice);
    } else if (const auto* whole = tl::as<tl::messages_dialogs>(result.get())) {
      take_page(*whole);
    }
    if (slice != nullptr && added > 0) {
      return read_dialogs(what);
    }
    json_object line;
    line.seconds("asked", what->asked).boolean("complete", true).json("dialogs", json_list(what->dialogs));
    log_.write("dialogs", line);
    read_histories(what);
  });
}

/// From the beginning, beside the state it has: both must come to the same.
void device::read_difference(const std::shared_ptr<reading>& what) {
  tl::fn::updates_getDifference call;
  call.pts = what->fresh_pts;
  call.date = what->fresh_date;
  ask(call, [this, what, asked = history_log::now()](const mtproto::client_answer& answer) {
    if (answer.is_error) {
      throw std::runtime_error(name_ + ": getDifference: " + answer.error_text);
    }
    const auto result = result_of<tl::fn::updates_getDifference>(answer);
    const seen_difference seen = see(*result, account_.user);
    log_.write("difference", seen.json(asked, what->fresh_pts).flag("fresh", true));
    if (!seen.slice) {
      return read_state();
    }
    what->fresh_pts = seen.pts;
    what->fresh_date = seen.date;
    read_difference(what);
  });
}

void device::read_state() {
  ask(tl::fn::updates_getState{}, [this, asked = history_log::now()](const mtproto::client_answer& answer) {
    if (answer.is_error) {
      throw std::runtime_error(name_ + ": getState: " + answer.error_text);
    }
    const auto state = result_of<tl::fn::updates_getState>(answer);
    json_object line;
    line.seconds("asked", asked).number("pts", state->pts).number("qts", state->qts).number("date", state->date);
    log_.write("state", line.number("seq", state->seq).flag("final", true));
    log_.write("end", {});
    log_.close();
    ended_ = true;
  });
}

} // namespace godwit::chat_load
