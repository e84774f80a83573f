#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "actors/account/code_sender.hpp"
#include "cluster/base/probe.hpp"
#include "node/webhook/http_post.hpp"

namespace godwit::node {

/// Hands login codes to an SMS provider: a POST with the JSON object
///
///   {"phone": "+99966371234", "code": "12345", "kind": "sms"}
///
/// to the operator's address, `kind` being `sms` or `resent_sms`. The header X-Godwit-Signature holds
/// the HMAC-SHA256 of the body under the operator's secret in hexadecimal digits, X-Godwit-Delivery a
/// number that stays the same when a delivery is tried again. Any 2xx is success; 4xx but 408 and 429
/// ends it; all else is tried again, with growing pauses, a bounded number of times.
///
/// One thread of its own, so that a slow provider holds nobody; at most limits::webhook_queue_max codes
/// wait. Neither number nor code is ever logged.
class code_webhook : public account::code_sender {
public:
  struct options {
    http_address address;
    std::string secret;
    std::chrono::milliseconds timeout{5000}; ///< of one attempt
    /// Before the second attempt; doubles with each further one.
    std::chrono::milliseconds pause{1000};
  };

  explicit code_webhook(options opts);
  /// Gives up what waits.
  ~code_webhook() override;

  void send(std::uint64_t number, const std::string& code, account::code_kind kind) override;

  struct counters {
    probe::shared_counter delivered;
    probe::shared_counter failed;  ///< given up
    probe::shared_counter dropped; ///< the queue was full
    probe::shared_counter retried;
  };
  [[nodiscard]] const counters& counted() const { return counters_; }

private:
  struct delivery {
    std::uint64_t id = 0;
    std::string body;
    int attempts = 0;
    std::chrono::steady_clock::time_point due;
  };

  void run();
  void attempt(delivery what);

  options options_;
  counters counters_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<delivery> waiting_; ///< oldest first, not by `due`
  std::uint64_t next_id_ = 1;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace godwit::node
