#include "tests/cluster/simulation/sim_device.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "actors/people/access_hash.hpp"
#include "protocol/tl/api/absent.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::cluster_sim {

using chat_load::client_box;
using chat_load::seen_update;

namespace {

constexpr monotonic_ms ping_every_ms = 1500;

std::string bytes_of(const tl::fn::function& what) {
  std::string bytes;
  tl::writer out(bytes);
  what.store(out, device_layer);
  return bytes;
}

template <class Function>
auto result_of(const std::string& body) {
  tl::reader in(body);
  return Function::fetch_result(in, device_layer);
}

} // namespace

sim_device::sim_device(sim_world& world, std::size_t account, std::uint32_t number, cluster::caller who,
                       std::uint32_t first)
    : world_(world),
      account_(account),
      name_(device_name(account, number)),
      who_(who),
      random_(world.plan.seed * 1024 + account * 16 + number),
      node_(first) {
  box_.set_state(1, 0, 1);
  tick();
}

bool sim_device::at_rest() const {
  return connection_ != nullptr && connection_->open && !message_ && !repeat_ && !behind_ && !asks(purpose::difference);
}

std::string sim_device::standing() const {
  return "device " + name_ + " at node " + std::to_string(node_ + 1) + ", pts " + std::to_string(box_.pts()) +
         (connection_ == nullptr || !connection_->open ? ", not connected" : "") +
         (message_ ? ", waits for its message " + message_->text : "") +
         (repeat_ ? ", waits for the repeated " + repeat_->text : "") +
         (behind_ || asks(purpose::difference) ? ", waits for the difference" : "");
}

bool sim_device::asks(purpose what) const {
  return std::any_of(asked_.begin(), asked_.end(), [&](const auto& each) { return each.second.what == what; });
}

// --- what it does -------------------------------------------------------------------------------------

void sim_device::tick() {
  const monotonic_ms now = world_.network.now();
  const bool late =
    std::any_of(asked_.begin(), asked_.end(), [&](const auto& each) { return now > each.second.at + patience_ms_; });
  if (connection_ != nullptr && !connection_->open) {
    leave("the connection broke");
  } else if (connection_ != nullptr && late) {
    leave("no answer");
  } else if (connection_ == nullptr) {
    if (now >= connect_at_) {
      connect();
    }
  } else {
    if ((behind_ || (sending_ && random_.chance(0.01))) && !asks(purpose::difference)) {
      ask_difference();
    }
    if (message_ && !asks(purpose::message) && now >= next_message_) {
      ask(purpose::message, call_of(*message_));
    } else if (!message_ && sending_ && now >= next_message_) {
      begin_message();
    }
    if (repeat_ && !asks(purpose::repeat) && now >= next_message_) {
      ask(purpose::repeat, call_of(*repeat_));
    } else if (!repeat_ && sending_ && !done_.empty() && random_.chance(0.01)) {
      begin_repeat();
    }
    if (asked_.empty() && now >= heard_at_ + ping_every_ms) {
      ask(purpose::ping, {});
    }
  }
  world_.network.at(now + random_.between(20, 80), [this] { tick(); });
}

void sim_device::connect() {
  patience_ms_ = random_.between(3000, 8000);
  connection_ = world_.connect(node_, who_, [this](const session_news& what) { hear(what); });
  if (connection_ == nullptr) {
    connect_at_ = world_.network.now() + random_.between(50, 300);
    node_ = static_cast<std::uint32_t>(random_.below(node_count));
    return;
  }
  world_.trace(name_ + " connects to node " + std::to_string(node_ + 1));
  heard_at_ = world_.network.now();
  behind_ = true;
}

void sim_device::leave(const std::string& why) {
  world_.trace(name_ + " leaves node " + std::to_string(node_ + 1) + ": " + why);
  ++world_.counted["reconnects"];
  world_.leave(std::exchange(connection_, nullptr));
  asked_.clear();
  connect_at_ = world_.network.now() + random_.between(20, 300);
  node_ = static_cast<std::uint32_t>(random_.below(node_count));
}

void sim_device::ask(purpose what, std::string body) {
  const auto& heard = world_.accounts[account_].at_pts;
  asked_[++tokens_] = {what, world_.network.now(), heard.empty() ? 0 : heard.rbegin()->first};
  world_.say(connection_, {tokens_, std::move(body)});
}

std::string sim_device::call_of(const message& what) const {
  const user_id to = world_.accounts[what.to].user;
  auto peer = tl::make<tl::inputPeerUser>();
  peer->user_id = to.value();
  peer->access_hash = people::access_hash({}, who_.user, to);
  tl::fn::messages_sendMessage call;
  call.peer = std::move(peer);
  call.message = what.text;
  call.random_id = what.random_id;
  return bytes_of(call);
}

void sim_device::begin_message() {
  std::size_t to = random_.below(world_.accounts.size() - 1);
  to += to >= account_ ? 1 : 0;
  message_ = {to, static_cast<std::int64_t>(random_.next() | 1), name_ + ':' + std::to_string(++messages_)};
  ask(purpose::message, call_of(*message_));
}

void sim_device::begin_repeat() {
  const auto which = std::next(done_.begin(), static_cast<std::ptrdiff_t>(random_.below(done_.size())));
  repeat_ = which->second;
  ask(purpose::repeat, call_of(*repeat_));
}

void sim_device::ask_difference() {
  behind_ = false;
  tl::fn::updates_getDifference call;
  call.pts = box_.pts();
  call.date = box_.date();
  ask(purpose::difference, bytes_of(call));
}

// --- what it hears ------------------------------------------------------------------------------------

void sim_device::hear(const session_news& what) {
  heard_at_ = world_.network.now();
  if (what.what == session_news::kind::update) {
    return take_push(what.body);
  }
  const auto found = asked_.find(what.token);
  if (found == asked_.end()) {
    if (what.what == session_news::kind::refusal) {
      world_.violated("device " + name_ + ": " + what.body);
    }
    return;
  }
  const asked asked_for = found->second;
  asked_.erase(found);
  if (what.what == session_news::kind::answer) {
    answered(asked_for, what.body);
  } else {
    refused(asked_for.what, what.body);
  }
}

void sim_device::refused(purpose what, const std::string& why) {
  world_.trace(name_ + " is refused: " + why);
  if (!why.starts_with("500") && !why.starts_with("FLOOD_WAIT") && !why.starts_with("RPC_CALL_FAIL")) {
    world_.violated("device " + name_ + " was refused: " + why);
  }
  behind_ = behind_ || what == purpose::difference;
  next_message_ = world_.network.now() + 200;
}

void sim_device::answered(const asked& what, const std::string& body) {
  switch (what.what) {
  case purpose::message:
  case purpose::repeat: sent(what.what, body); break;
  case purpose::difference: take_difference(what.at_least, body); break;
  case purpose::ping: break;
  }
}

void sim_device::sent(purpose what, const std::string& body) {
  const message asked_for =
    what == purpose::message ? *std::exchange(message_, std::nullopt) : *std::exchange(repeat_, std::nullopt);
  const auto result = result_of<tl::fn::messages_sendMessage>(body);
  const chat_load::seen_updates seen = chat_load::see(*result, who_.user.value());
  seen_update made;
  made.what = seen_update::kind::new_message;
  if (seen.sent) {
    made.pts = seen.sent->pts;
    made.pts_count = seen.sent->pts_count;
    made.message.id = seen.sent->id;
    made.message.date = seen.sent->date;
    made.message.peer = world_.accounts[asked_for.to].user.value();
    made.message.out = true;
    made.message.text = asked_for.text;
  } else {
    for (const seen_update& each : seen.updates) {
      made = each.what == seen_update::kind::new_message ? each : made;
    }
  }
  if (made.message.id == 0) {
    return world_.violated("device " + name_ + ": an answer names no message");
  }
  world_.trace(name_ + (what == purpose::message ? " sent " : " sent again ") + asked_for.text + " as " +
               std::to_string(made.message.id) + " pts " + std::to_string(made.pts));
  const account_record::acknowledged now{asked_for.to, asked_for.random_id, made.message.id, made.pts,
                                         made.message.date};
  const auto [known, fresh] = world_.accounts[account_].sent.emplace(asked_for.text, now);
  if (!fresh && (known->second.id != now.id || known->second.pts != now.pts || known->second.date != now.date)) {
    world_.violated("device " + name_ + ": " + asked_for.text + " was acknowledged as message " +
                    std::to_string(known->second.id) + ", then as " + std::to_string(now.id));
  }
  ++world_.counted[fresh ? "sent" : "repeated"];
  take(made);
  if (what == purpose::message) {
    done_[asked_for.text] = asked_for;
    next_message_ = world_.network.now() + random_.below(2 * world_.plan.send_every_ms);
  }
}

void sim_device::take_difference(std::int32_t at_least, const std::string& body) {
  const auto result = result_of<tl::fn::updates_getDifference>(body);
  const chat_load::seen_difference seen = chat_load::see(*result, who_.user.value());
  // Whoever reads sees all that anybody was told of before.
  if (!seen.slice && !seen.too_long && std::max(seen.pts, box_.pts()) < at_least) {
    world_.violated("device " + name_ + ": pts " + std::to_string(at_least) +
                    " was told before, and a later difference" + " ends at " + std::to_string(seen.pts));
  }
  if (seen.empty) {
    return;
  }
  if (seen.too_long) {
    return world_.violated("device " + name_ + ": a difference is too long");
  }
  world_.trace(name_ + " gets " + std::to_string(seen.messages.size()) + " messages by difference, to pts " +
               std::to_string(seen.pts));
  ++world_.counted["differences"];
  if (seen.pts < box_.pts()) {
    return; // an update came before it that leads further
  }
  for (const chat_load::seen_message& each : seen.messages) {
    box_.learn(each);
  }
  for (const seen_update& each : seen.others.updates) {
    box_.apply(each);
  }
  box_.set_state(seen.pts, seen.qts, seen.date);
  behind_ = behind_ || seen.slice;
}

void sim_device::take_push(const std::string& body) {
  tl::reader in(body);
  const auto what = tl::Updates::fetch(in);
  if (what == nullptr || !in.finish()) {
    return world_.violated("device " + name_ + ": an update cannot be read");
  }
  const chat_load::seen_updates seen = chat_load::see(*what, who_.user.value());
  if (seen.too_long) {
    world_.trace(name_ + " is told to ask for the difference");
    ++world_.counted["too_long"];
    behind_ = true;
  }
  for (const seen_update& each : seen.updates) {
    world_.trace(name_ + " hears pts " + std::to_string(each.pts) + " " + each.message.text);
    ++world_.counted["pushes"];
    take(each);
  }
}

void sim_device::take(const seen_update& what) {
  note(what);
  if (box_.take(what) == client_box::verdict::gap) {
    world_.trace(name_ + " misses what is between " + std::to_string(box_.pts()) + " and " + std::to_string(what.pts));
    ++world_.counted["gaps"];
    behind_ = true;
  }
}

/// One position, one change: whoever tells it, and whenever.
void sim_device::note(const seen_update& what) {
  if (what.pts == 0) {
    return;
  }
  const std::string is = std::to_string(what.message.id) + " \"" + what.message.text + "\"";
  const auto [known, fresh] = world_.accounts[account_].at_pts.emplace(what.pts, is);
  if (!fresh && known->second != is) {
    world_.violated("account " + std::to_string(account_) + ": pts " + std::to_string(what.pts) + " was message " +
                    known->second + " and then " + is);
  }
}

} // namespace godwit::cluster_sim
