#include "node/webhook/code_webhook.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <span>
#include <utility>

#include "cluster/base/log.hpp"
#include "config/limits.hpp"
#include "protocol/crypto/hash.hpp"

namespace godwit::node {
namespace {

log::component webhook_log{"webhook"};

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t each : bytes) {
    out += digits[each >> 4];
    out += digits[each & 15];
  }
  return out;
}

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Whether the provider may answer otherwise the next time.
bool passes(int status) { return status == 408 || status == 429 || status >= 500 || status < 200; }

} // namespace

code_webhook::code_webhook(options opts) : options_(std::move(opts)), thread_([this] { run(); }) {}

code_webhook::~code_webhook() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void code_webhook::send(std::uint64_t number, const std::string& code, account::code_kind kind) {
  const nlohmann::json body = {
    {"phone", "+" + std::to_string(number)},
    {"code", code},
    {"kind", kind == account::code_kind::sms ? "sms" : "resent_sms"},
  };
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= limits::webhook_queue_max) {
      counters_.dropped.add();
      static log::site full{};
      log::warning(full, webhook_log, "queue_full", {{"remedy", "is the provider at auth.webhook_url slow or down?"}});
      return;
    }
    waiting_.push_back({next_id_++, body.dump(), 0, std::chrono::steady_clock::now()});
  }
  changed_.notify_one();
}

void code_webhook::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (waiting_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto next = std::min_element(waiting_.begin(), waiting_.end(),
                                       [](const delivery& a, const delivery& b) { return a.due < b.due; });
    if (next->due > std::chrono::steady_clock::now()) {
      const auto until = next->due;
      changed_.wait_until(lock, until);
      continue;
    }
    delivery now = std::move(*next);
    waiting_.erase(next);
    lock.unlock();
    attempt(std::move(now));
    lock.lock();
  }
}

void code_webhook::attempt(delivery what) {
  const auto signature = crypto::hmac_sha256(bytes_of(options_.secret), bytes_of(what.body));
  const expected<int, std::string> status = http_post(
    options_.address, what.body,
    {{"X-Godwit-Signature", hex(signature)}, {"X-Godwit-Delivery", std::to_string(what.id)}}, options_.timeout);
  if (status && *status >= 200 && *status < 300) {
    counters_.delivered.add();
    return;
  }
  ++what.attempts;
  const std::string reason = status ? "status " + std::to_string(*status) : status.error();
  static log::site refused{};
  if (what.attempts >= limits::webhook_attempts_max || (status && !passes(*status))) {
    counters_.failed.add();
    log::error(refused, webhook_log, "code_not_delivered", {{"reason", reason}, {"attempts", what.attempts}});
    return;
  }
  counters_.retried.add();
  log::warning(refused, webhook_log, "delivery_failed", {{"reason", reason}, {"attempts", what.attempts}});
  what.due = std::chrono::steady_clock::now() + options_.pause * (1 << (what.attempts - 1));
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(what));
}

} // namespace godwit::node
