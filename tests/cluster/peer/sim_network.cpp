#include "tests/cluster/peer/sim_network.hpp"

#include <algorithm>
#include <array>
#include <deque>

#include "config/cluster_limits.hpp"

namespace godwit::test {

using cluster::peer_address;
using cluster::peer_connection;
using cluster::peer_connection_listener;
using cluster::peer_stream;

/// One direction of a connection.
struct sim_pipe {
  struct frame {
    std::string bytes;
    monotonic_ms ready = 0;
  };
  std::deque<std::string> queue; ///< not yet taken by the sender's kernel
  std::size_t queue_bytes = 0;
  std::ptrdiff_t first = 0; ///< of the queue, how many go first
  bool was_high = false;
  bool leaving = false;     ///< the sender's round is about to end
  std::deque<frame> kernel; ///< under way
  std::size_t kernel_bytes = 0;
  monotonic_ms last_ready = 0;
  bool ends = false; ///< nothing comes behind what is under way
};

/// A connection: end 0 dialled, end 1 took it.
struct sim_wire {
  std::array<sim_host*, 2> host{};
  std::array<peer_connection_listener*, 2> ears{};
  std::array<bool, 2> there{};  ///< the connection's object
  std::array<bool, 2> opened{}; ///< heard of it, or took it
  std::array<sim_pipe, 2> from; ///< by sender
  peer_stream what{};
  node_id expected;
};

class sim_connection final : public peer_connection {
public:
  sim_connection(sim_network& network, std::shared_ptr<sim_wire> wire, std::size_t end)
      : network_(network), wire_(std::move(wire)), end_(end) {
    wire_->there[end_] = true;
  }
  ~sim_connection() override {
    wire_->there[end_] = false;
    wire_->ears[end_] = nullptr;
    network_.end_of(wire_, end_);
  }

  void listen(peer_connection_listener& who) override { wire_->ears[end_] = &who; }
  void send(std::string frame) override { network_.send(wire_, end_, std::move(frame), false); }
  void send_first(std::string frame) override { network_.send(wire_, end_, std::move(frame), true); }
  [[nodiscard]] std::size_t queued_bytes() const override { return wire_->from[end_].queue_bytes; }

private:
  sim_network& network_;
  std::shared_ptr<sim_wire> wire_;
  const std::size_t end_;
};

std::unique_ptr<peer_connection> sim_host::dial(const peer_address& to, peer_stream what, node_id expected,
                                                peer_connection_listener& hears) {
  ++dialled_;
  auto wire = std::make_shared<sim_wire>();
  wire->host[0] = this;
  wire->ears[0] = &hears;
  wire->what = what;
  wire->expected = expected;
  network_.wires_.push_back(wire);
  sim_network& network = network_;
  network.at(network.now() + network.way(this, nullptr), [&network, wire, to] { network.arrive(wire, to); });
  return std::make_unique<sim_connection>(network_, wire, 0);
}

// --- the network --------------------------------------------------------------------------------------

sim_network::sim_network(sim_profile with) : profile_(with), random_state_(with.seed) {}
sim_network::~sim_network() = default;

std::uint64_t sim_network::random() {
  random_state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t mixed = random_state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
  return mixed ^ (mixed >> 31);
}

monotonic_ms sim_network::way(const sim_host* from, const sim_host* to) {
  const std::uint32_t spread = profile_.delay_ms_max - profile_.delay_ms_min + 1;
  const auto added = delays_.find({from, to});
  return profile_.delay_ms_min + random() % spread + (added == delays_.end() ? 0 : added->second);
}

sim_host& sim_network::add(sim_loop& loop, peer_address where, node_id certified) {
  hosts_.push_back(std::unique_ptr<sim_host>(new sim_host(*this, loop, std::move(where), certified)));
  loop.run_at(now_);
  return *hosts_.back();
}

void sim_network::kill(sim_host& which, bool told) {
  const std::vector<wire_ptr> wires = wires_;
  for (const wire_ptr& wire : wires) {
    for (std::size_t end = 0; end < 2; ++end) {
      if (wire->host[end] == &which) {
        wire->ears[end] = nullptr;
        if (told && wire->host[1 - end] != nullptr) {
          end_of(wire, end);
        }
      }
    }
  }
  which.loop_ = nullptr;
  which.taker_ = nullptr;
  which.dark_ = !told;
}

// --- time ---------------------------------------------------------------------------------------------

void sim_network::at(monotonic_ms when, std::function<void()> what) {
  events_.emplace(std::pair{std::max(when, now_), ++last_event_}, std::move(what));
}

monotonic_ms sim_network::next_due() const {
  monotonic_ms next = events_.empty() ? 0 : events_.begin()->first.first;
  for (const auto& host : hosts_) {
    const monotonic_ms due = host->alive() && !host->frozen_ ? host->loop_->due() : 0;
    if (due != 0 && (next == 0 || due < next)) {
      next = due;
    }
  }
  return next;
}

void sim_network::run() {
  for (bool rest = false; !rest;) {
    while (!events_.empty() && events_.begin()->first.first <= now_) {
      const auto what = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      what();
    }
    // By index: a loop may make a host of its own.
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      if (hosts_[i]->alive() && !hosts_[i]->frozen_) {
        hosts_[i]->loop_->run_at(now_);
      }
    }
    rest = events_.empty() || events_.begin()->first.first > now_;
    for (const auto& host : hosts_) {
      rest = rest && (!host->alive() || host->frozen_ || host->loop_->idle_at(now_));
    }
  }
  std::erase_if(wires_, [](const wire_ptr& wire) { return !wire->there[0] && !wire->there[1]; });
}

void sim_network::step_to(monotonic_ms time) {
  now_ = std::max(now_, time);
  run();
}

void sim_network::advance(monotonic_ms by) {
  const monotonic_ms end = now_ + by;
  run();
  for (monotonic_ms due = next_due(); due != 0 && due <= end; due = next_due()) {
    step_to(due);
  }
  step_to(end);
}

bool sim_network::run_until(const std::function<bool()>& condition, monotonic_ms within) {
  const monotonic_ms end = now_ + within;
  run();
  while (!condition()) {
    const monotonic_ms due = next_due();
    if (due == 0 || due > end) {
      step_to(end);
      return condition();
    }
    step_to(due);
  }
  return true;
}

// --- connections --------------------------------------------------------------------------------------

bool sim_network::silent(const sim_host* from, const sim_host* to) const { return silent_.contains({from, to}); }

void sim_network::arrive(const wire_ptr& which, const peer_address& to) {
  if (!which->there[0] || !which->host[0]->alive()) {
    return; // given up
  }
  sim_host* target = nullptr;        // the process there
  const sim_host* machine = nullptr; // the last that was there
  for (const auto& host : hosts_) {
    if (host->address_ == to) {
      machine = host.get();
      target = host->alive() ? host.get() : nullptr;
    }
  }
  const bool deaf = target != nullptr ? target->frozen_ : machine != nullptr && machine->dark_;
  if (deaf || silent(which->host[0], machine) || silent(machine, which->host[0])) {
    at(now_ + 20, [this, which, to] { arrive(which, to); });
  } else if (target == nullptr || !target->taker_) {
    tell_closed(which, 0, "connection refused");
  } else if (which->expected != persistence::no_node && target->certified_ != persistence::no_node &&
             which->expected != target->certified_) {
    tell_closed(which, 0, "the other side's certificate names another node");
  } else {
    open(which, *target);
  }
}

void sim_network::open(const wire_ptr& which, sim_host& taker) {
  which->host[1] = &taker;
  const monotonic_ms heard = now_ + way(&taker, which->host[0]);
  which->from[1].last_ready = heard;
  taker.later([this, which, host = &taker] {
    if (host->taker_ && which->there[0]) {
      which->opened[1] = true;
      host->taker_(std::make_unique<sim_connection>(*this, which, 1), which->what, which->host[0]->certified_);
    } else {
      end_of(which, 1);
    }
  });
  at(heard, [this, which] {
    which->host[0]->later([this, which] {
      if (which->ears[0] != nullptr && !which->opened[0]) {
        which->opened[0] = true;
        which->ears[0]->opened(which->host[1]->certified_);
        fill_kernel(which, 0);
        deliver(which, 0);
      }
    });
  });
}

void sim_network::send(const wire_ptr& which, std::size_t from, std::string frame, bool first) {
  sim_pipe& pipe = which->from[from];
  if (!which->host[from]->alive() || pipe.ends) {
    return;
  }
  if (loss_per_million_ != 0 && random() % 1'000'000 < loss_per_million_) {
    at(now_, [this, which] { break_wire(which, "connection reset by peer"); });
    return;
  }
  ++frames_;
  pipe.queue_bytes += frame.size();
  pipe.queue.insert(first ? pipe.queue.begin() + pipe.first++ : pipe.queue.end(), std::move(frame));
  pipe.was_high = pipe.was_high || pipe.queue_bytes > limits::peer_queue_bytes_high;
  queued_bytes_max_ = std::max(queued_bytes_max_, pipe.queue_bytes);
  if (!std::exchange(pipe.leaving, true)) {
    // Like a connection that sends at the end of a round: what is destroyed before has sent nothing.
    at(now_, [this, which, from] {
      which->from[from].leaving = false;
      fill_kernel(which, from);
    });
  }
}

void sim_network::fill_kernel(const wire_ptr& which, std::size_t from) {
  sim_pipe& pipe = which->from[from];
  const std::size_t to = 1 - from;
  while (!pipe.queue.empty() && pipe.kernel_bytes < profile_.kernel_bytes && which->host[to] != nullptr) {
    std::string bytes = std::move(pipe.queue.front());
    pipe.queue.pop_front();
    pipe.first -= pipe.first > 0 ? 1 : 0;
    pipe.queue_bytes -= bytes.size();
    pipe.kernel_bytes += bytes.size();
    pipe.last_ready = std::max(pipe.last_ready, now_ + way(which->host[from], which->host[to]));
    pipe.kernel.push_back({std::move(bytes), pipe.last_ready});
    at(pipe.last_ready, [this, which, to] { deliver(which, to); });
  }
  if (pipe.was_high && pipe.queue_bytes <= limits::peer_queue_bytes_high / 2) {
    pipe.was_high = false;
    which->host[from]->later([which, from] {
      if (which->ears[from] != nullptr) {
        which->ears[from]->writable();
      }
    });
  }
}

void sim_network::deliver(const wire_ptr& which, std::size_t to) {
  sim_pipe& pipe = which->from[1 - to];
  sim_host* const host = which->host[to];
  if (host == nullptr || !host->alive() || host->frozen_ || !which->opened[to] || silent(which->host[1 - to], host)) {
    return; // stir() comes back to it
  }
  while (!pipe.kernel.empty() && pipe.kernel.front().ready <= now_) {
    if (host->bytes_per_ms_ != 0 && host->read_until_us_ > now_ * 1000) {
      at(host->read_until_us_ / 1000 + 1, [this, which, to] { deliver(which, to); });
      return;
    }
    std::string bytes = std::move(pipe.kernel.front().bytes);
    pipe.kernel.pop_front();
    pipe.kernel_bytes -= bytes.size();
    if (host->bytes_per_ms_ != 0) {
      host->read_until_us_ = std::max(host->read_until_us_, now_ * 1000) + bytes.size() * 1000 / host->bytes_per_ms_;
    }
    host->later([which, to, frame = persistence::slice::adopt(std::move(bytes))] {
      if (which->ears[to] != nullptr) {
        which->ears[to]->received(frame);
      }
    });
    fill_kernel(which, 1 - to);
  }
  if (pipe.ends && pipe.kernel.empty()) {
    tell_closed(which, to, "closed by the other side");
  }
}

void sim_network::end_of(const wire_ptr& which, std::size_t from) {
  sim_pipe& pipe = which->from[from];
  if (pipe.ends || !which->host[from]->alive()) {
    return;
  }
  pipe.ends = true;
  pipe.queue.clear();
  pipe.queue_bytes = 0;
  const monotonic_ms heard = std::max(pipe.last_ready, now_ + way(which->host[from], which->host[1 - from]));
  at(heard, [this, which, from] { deliver(which, 1 - from); });
}

void sim_network::tell_closed(const wire_ptr& which, std::size_t end, std::string why) {
  which->host[end]->later([which, end, why = std::move(why)] {
    if (auto* const ear = std::exchange(which->ears[end], nullptr)) {
      ear->closed(why);
    }
  });
}

void sim_network::break_wire(const wire_ptr& which, const std::string& why) {
  for (std::size_t end = 0; end < 2; ++end) {
    which->from[end] = sim_pipe();
    which->from[end].ends = true;
    if (which->host[end] != nullptr && which->ears[end] != nullptr) {
      tell_closed(which, end, why);
    }
  }
}

// --- faults -------------------------------------------------------------------------------------------

void sim_network::stir() {
  for (const wire_ptr& wire : wires_) {
    for (std::size_t to = 0; to < 2; ++to) {
      at(now_, [this, wire, to] { deliver(wire, to); });
    }
  }
}

void sim_network::silence(const sim_host& from, const sim_host& to, bool on) {
  if (on) {
    silent_.insert({&from, &to});
  } else {
    silent_.erase({&from, &to});
    stir();
  }
}

void sim_network::cut(const sim_host& a, const sim_host& b, bool on) {
  silence(a, b, on);
  silence(b, a, on);
}

void sim_network::break_connections(const sim_host& a, const sim_host& b) {
  for (const wire_ptr& wire : std::vector<wire_ptr>(wires_)) {
    if ((wire->host[0] == &a && wire->host[1] == &b) || (wire->host[0] == &b && wire->host[1] == &a)) {
      break_wire(wire, "connection reset by peer");
    }
  }
}

void sim_network::freeze(sim_host& which, bool on) {
  which.frozen_ = on;
  if (!on) {
    stir();
  }
}

void sim_network::slow(sim_host& which, std::size_t bytes_per_ms) {
  which.bytes_per_ms_ = bytes_per_ms;
  stir();
}

void sim_network::delay(const sim_host& from, const sim_host& to, std::uint32_t ms) { delays_[{&from, &to}] = ms; }

std::size_t sim_network::dialled_by(const sim_host& dialler, const sim_host& taker) const {
  return static_cast<std::size_t>(std::count_if(wires_.begin(), wires_.end(), [&](const wire_ptr& wire) {
    return wire->host[0] == &dialler && wire->host[1] == &taker && wire->there[0] && wire->there[1] &&
           wire->ears[0] != nullptr && wire->ears[1] != nullptr;
  }));
}

std::size_t sim_network::connections(const sim_host& a, const sim_host& b) const {
  return dialled_by(a, b) + dialled_by(b, a);
}

} // namespace godwit::test
