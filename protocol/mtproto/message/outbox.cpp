#include "protocol/mtproto/message/outbox.hpp"

#include <algorithm>
#include <utility>

#include "config/limits.hpp"

namespace godwit::mtproto {

using state = kept_message::state;

void outbox::count(const kept_message& message, bool in) {
  const auto change = [in](std::size_t& counter, std::size_t by) { in ? counter += by : counter -= by; };
  change(bytes_, message.body.size());
  if (message.is_update) {
    change(pushes_, 1);
    change(push_bytes_, message.body.size());
  }
  if (message.stage != state::sent) {
    change(unsent_, 1);
    change(unsent_bytes_, message.body.size());
  }
}

template <class Predicate>
void outbox::erase_if(Predicate unwanted) {
  std::erase_if(messages_, [&](const kept_message& message) {
    const bool gone = unwanted(message);
    if (gone) {
      count(message, false);
    }
    return gone;
  });
  // An idle session owns nothing.
  if (messages_.capacity() > 4 * messages_.size() + 4) {
    messages_.shrink_to_fit();
  }
}

void outbox::give_up_body(kept_message& message) {
  count(message, false);
  message.body = payload();
  message.forgotten = true;
  count(message, true);
}

bool outbox::make_room(std::size_t bytes) {
  for (auto at = messages_.begin(); at != messages_.end() && bytes_ + bytes > limits::kept_bytes_max; ++at) {
    if (at->stage == state::sent && at->is_answer()) {
      give_up_body(*at);
    }
  }
  if (messages_.size() >= limits::kept_messages_max) {
    const auto oldest = std::find_if(messages_.begin(), messages_.end(),
                                     [](const kept_message& m) { return m.stage == state::sent && m.is_answer(); });
    if (oldest == messages_.end()) {
      return false;
    }
    count(*oldest, false);
    messages_.erase(oldest);
  }
  return bytes_ + bytes <= limits::kept_bytes_max;
}

bool outbox::add(kept_message&& message, bool beyond_bound) {
  if (!make_room(message.body.size()) && !beyond_bound) {
    return false;
  }
  count(message, true);
  messages_.push_back(std::move(message));
  return true;
}

void outbox::acknowledge(std::span<const msg_id> ids) {
  erase_if(
    [ids](const kept_message& m) { return m.id != msg_id{} && std::binary_search(ids.begin(), ids.end(), m.id); });
}

const kept_message* outbox::find_answer(msg_id request) const {
  const auto found =
    std::find_if(messages_.begin(), messages_.end(), [request](const kept_message& m) { return m.request == request; });
  return found == messages_.end() || request == msg_id{} ? nullptr : &*found;
}

void outbox::erase_answer(msg_id request) {
  erase_if([request](const kept_message& m) { return m.is_answer() && m.request == request; });
}

void outbox::requeue(std::size_t index, state as) {
  kept_message& message = messages_[index];
  if (message.forgotten) {
    return;
  }
  count(message, false);
  message.stage = as;
  count(message, true);
}

std::size_t outbox::requeue(std::span<const msg_id> ids, bool of_calls) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    const msg_id name = of_calls ? messages_[i].request : messages_[i].id;
    if (name != msg_id{} && !messages_[i].forgotten && std::binary_search(ids.begin(), ids.end(), name)) {
      requeue(i);
      ++found;
    }
  }
  return found;
}

void outbox::send_again(std::size_t index) {
  if (messages_[index].stage == state::sent) {
    requeue(index, messages_[index].body.size() >= limits::announced_bytes_min ? state::announced : state::queued);
  }
}

void outbox::requeue_all() {
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    send_again(i);
  }
}

void outbox::requeue_sent_on(connection_id connection) {
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    if (messages_[i].sent_on == connection) {
      send_again(i);
    }
  }
}

void outbox::mark_sent(std::size_t index, msg_id id, std::uint32_t seqno, connection_id connection) {
  kept_message& message = messages_[index];
  count(message, false);
  message.id = id;
  message.seqno = seqno;
  message.sent_on = connection;
  message.stage = state::sent;
  count(message, true);
}

void outbox::forget_old(unix_ms now) {
  const unix_ms oldest = now - limits::kept_ms_max;
  if (messages_.empty() || messages_.front().since > oldest) {
    return;
  }
  erase_if([&](const kept_message& m) {
    const bool old = m.since <= oldest;
    // One that was sent to a connection that still lives came in, acknowledged or not.
    pushes_lost_ = pushes_lost_ || (old && m.is_update && m.stage != state::sent);
    return old;
  });
}

std::optional<unix_ms> outbox::due() const {
  if (messages_.empty()) {
    return std::nullopt;
  }
  return messages_.front().since + limits::kept_ms_max;
}

bool outbox::take_pushes_lost() { return std::exchange(pushes_lost_, false); }

} // namespace godwit::mtproto
