#include "bench/load/session_farm.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "bench/load/sign_in.hpp"

namespace godwit::bench {
namespace {

constexpr std::chrono::seconds progress_every{5};

} // namespace

session_farm::session_farm(socket_loop& loop, const client_target& where, const farm_options& options)
    : loop_(loop), where_(where), options_(options) {
  if (options_.keys == 0 || options_.keys > options_.connections) {
    options_.keys = options_.connections;
  }
  options_.accounts = std::max(options_.accounts, 1U);
  keys_.resize(options_.keys);
  clients_.resize(options_.connections);
}

session_farm::~session_farm() = default;

void session_farm::sign_in_all(const std::function<void(std::uint32_t)>& progress) {
  // Who has a key of its own comes first; the others then share these.
  std::uint32_t next = 0;
  start_up_to(next, options_.keys, progress);
  start_up_to(next, options_.connections, progress);
}

void session_farm::disconnect_all() {
  ping_every(0);
  clients_.clear();
  clients_.resize(options_.connections);
}

void session_farm::resume_all() {
  have_keys_ = true;
  signed_in_ = 0;
  std::uint32_t next = 0;
  start_up_to(next, options_.connections);
}

void session_farm::start_up_to(std::uint32_t& next, std::uint32_t last,
                               const std::function<void(std::uint32_t)>& progress) {
  auto told = socket_loop::clock::now();
  loop_.run_until([&] {
    while (next < last && running_ < options_.at_once) {
      start(next++);
    }
    if (failed_ > options_.connections / 100) {
      throw std::runtime_error("clients cannot sign in: " + last_failure_);
    }
    if (progress && socket_loop::clock::now() - told > progress_every) {
      told = socket_loop::clock::now();
      progress(signed_in_);
    }
    return next == last && running_ == 0;
  });
}

void session_farm::start(std::uint32_t index) {
  ++running_;
  client_target where = where_;
  where.number = options_.first_number + index;
  const std::uint32_t slot = index % options_.keys;
  const auto ended = [this](const std::string& failure) { end(failure); };
  // A connection that is lost on the way to being signed in is a failure; later it is a loss.
  const auto phase = std::make_shared<bool>(true);
  const auto finish = [phase, ended](const std::string& failure) {
    if (std::exchange(*phase, false)) {
      ended(failure);
    }
  };
  clients_[index] = std::make_unique<load_client>(loop_, where, [this, finish](const std::string& why) {
    ++lost_;
    last_failure_ = "connection lost: " + why;
    finish(last_failure_);
  });
  load_client& client = *clients_[index];
  if (have_keys_ || index >= options_.keys) {
    if (keys_[slot] == nullptr) {
      finish("its key was not made");
      return;
    }
    client.use_key(keys_[slot]);
    resume(client, finish);
    return;
  }
  client.make_key([this, &client, slot, finish](std::shared_ptr<const client_key> key) {
    keys_[slot] = key;
    client.use_key(std::move(key));
    sign_in(client, slot % options_.accounts, finish);
  });
}

void session_farm::end(const std::string& failure) {
  --running_;
  if (failure.empty()) {
    ++signed_in_;
  } else {
    ++failed_;
    last_failure_ = failure;
  }
}

void session_farm::ping_every(double seconds, std::function<void(double)> answered) {
  ping_seconds_ = seconds;
  answered_ = std::move(answered);
  ++ping_round_;
  if (seconds <= 0) {
    return;
  }
  for (std::uint32_t i = 0; i < clients_.size(); ++i) {
    ping_later(i, ping_round_, seconds * i / static_cast<double>(clients_.size()));
  }
}

void session_farm::ping_later(std::uint32_t index, std::uint64_t round, double seconds) {
  const auto after = std::chrono::duration_cast<socket_loop::clock::duration>(std::chrono::duration<double>(seconds));
  loop_.at(socket_loop::clock::now() + after, [this, index, round] {
    load_client& client = *clients_[index];
    if (round != ping_round_ || !client.is_connected()) {
      return;
    }
    client.ping([this](double took) {
      if (answered_) {
        answered_(took);
      }
    });
    ping_later(index, round, ping_seconds_);
  });
}

void raise_open_files(std::uint64_t needed) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < needed) {
    throw std::runtime_error("this takes " + std::to_string(needed) + " open files and the system allows " +
                             std::to_string(limit.rlim_cur) + "; raise the hard limit (ulimit -Hn), or take fewer");
  }
}

double quantile(std::vector<double>& values, double part) {
  if (values.empty()) {
    return 0;
  }
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(part * static_cast<double>(values.size())))];
}

} // namespace godwit::bench
