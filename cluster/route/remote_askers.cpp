#include "cluster/route/remote_askers.hpp"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <utility>

#include "cluster/base/pinned_actor.hpp"

namespace godwit::cluster {

class remote_askers::guest_actor final : public pinned_actor {
public:
  guest_actor(caf::actor_config& config, home_loop& home, guest_ptr of)
      : pinned_actor(config, home), of_(std::move(of)) {}

  caf::behavior make_behavior() override {
    set_default_handler(caf::drop);
    return {
      [this](const entity_reply& what) {
        if (of_->owner != nullptr) {
          of_->owner->replied(*of_, what);
        }
      },
      [this](const entity_push& what) {
        if (of_->owner != nullptr) {
          of_->owner->pushed(*of_, what);
        }
      },
    };
  }
  [[nodiscard]] const char* name() const override { return "remote_asker"; }

private:
  guest_ptr of_;
};

remote_askers::remote_askers(caf::actor_system& system, envelope_port& port, options with, route_counters& counters)
    : system_(system), port_(port), options_(with), counters_(counters) {}

remote_askers::~remote_askers() { end_all(); }

remote_askers::guest_ptr remote_askers::start(node_id which, bool listens, const place& at) {
  const auto made = std::make_shared<guest>();
  made->owner = this;
  made->node = which;
  made->listens = listens;
  made->at = at;
  made->actor = caf::actor_cast<caf::actor>(system_.spawn<guest_actor>(std::ref(port_.loop()), made));
  return made;
}

// --- requests ---------------------------------------------------------------------------------------

/// Null: there are too many listeners.
remote_askers::guest_ptr remote_askers::guest_for(node_guests& of, node_id from, const request_envelope& what) {
  // Whoever listens to an entity hears its answers from the same actor, so that they keep their order.
  const place at{what.asker, what.request->to};
  if (const auto found = of.listeners.find(at); found != of.listeners.end()) {
    return found->second;
  }
  if (!what.request->listens) {
    if (!of.courier) {
      of.courier = start(from, false, {});
    }
    return of.courier;
  }
  if (of.listeners.size() >= options_.listeners_max) {
    return nullptr;
  }
  return of.listeners[at] = start(from, true, at);
}

void remote_askers::take(node_id from, request_envelope what, const taker& hand_over) {
  counters_.received.add();
  node_guests& of = nodes_[from];
  const bool full = of.open >= options_.taken_max || what.request->hops > options_.hops_max;
  const guest_ptr as = full ? nullptr : guest_for(of, from, what);
  if (!as) {
    counters_.refused.add();
    refuse(from, what.number);
    return;
  }
  if (what.request->listens) {
    as->listened = what.number;
  }
  ++as->open;
  ++of.open;
  count();
  what.request->origin = from;
  what.request->token = what.number;
  what.request->reply_to = as->actor;
  hand_over(what.request);
}

void remote_askers::refuse(node_id to, std::uint64_t number) {
  entity_reply none;
  none.token = number;
  none.status = reply_status::unavailable;
  (void)port_.send(to, envelope_kind::reply, [&](std::string& out) { encode_reply(out, none); });
}

void remote_askers::replied(guest& from, const entity_reply& what) {
  node_guests& of = nodes_.at(from.node);
  if (from.open > 0) {
    --from.open;
    --of.open;
  }
  if (!port_.send(from.node, envelope_kind::reply, [&](std::string& out) { encode_reply(out, what); })) {
    counters_.replies_lost.add(); // the link is about to end, which tells whoever waits
  }
  if (from.retired && from.open == 0) {
    const auto found = of.retired.find(&from);
    const guest_ptr last = found->second;
    of.retired.erase(found);
    end(last);
  }
  count();
}

// --- those that listen --------------------------------------------------------------------------------

void remote_askers::pushed(guest& from, const entity_push& what) {
  counters_.pushes_sent.add();
  (void)port_.send(from.node, envelope_kind::push, [&](std::string& out) { encode_push(out, what); });
  if (what.kind == push_kind::gone && !from.retired && what.subscription == from.listened) {
    node_guests& of = nodes_.at(from.node);
    retire(of, of.listeners.at(from.at));
  }
}

void remote_askers::gone(node_id from, const listener_gone& what) {
  const auto node = nodes_.find(from);
  if (node == nodes_.end()) {
    return;
  }
  const auto found = node->second.listeners.find({what.asker, what.entity});
  if (found != node->second.listeners.end() && found->second->listened == what.number) {
    retire(node->second, found->second);
  }
}

/// Takes its name away and ends it, as soon as what it asked is answered.
void remote_askers::retire(node_guests& of, const guest_ptr& which) {
  const guest_ptr kept = which;
  of.listeners.erase(kept->at);
  kept->retired = true;
  if (kept->open > 0) {
    of.retired[kept.get()] = kept;
  } else {
    end(kept);
  }
  count();
}

void remote_askers::end(const guest_ptr& which) {
  which->owner = nullptr;
  caf::anon_send_exit(std::exchange(which->actor, nullptr), caf::exit_reason::user_shutdown);
}

void remote_askers::link_down(node_id which) {
  const auto found = nodes_.find(which);
  if (found == nodes_.end()) {
    return;
  }
  const node_guests of = std::move(found->second);
  nodes_.erase(found);
  if (of.courier) {
    end(of.courier);
  }
  for (const auto& [at, each] : of.listeners) {
    end(each);
  }
  for (const auto& [key, each] : of.retired) {
    end(each);
  }
  count();
}

void remote_askers::end_all() {
  while (!nodes_.empty()) {
    link_down(nodes_.begin()->first);
  }
}

void remote_askers::count() {
  std::size_t open = 0;
  std::size_t listeners = 0;
  for (const auto& [node, each] : nodes_) {
    open += each.open;
    listeners += each.listeners.size();
  }
  counters_.taken.set(static_cast<std::int64_t>(open));
  counters_.listeners.set(static_cast<std::int64_t>(listeners));
}

} // namespace godwit::cluster
