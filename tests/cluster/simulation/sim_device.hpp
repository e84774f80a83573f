#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "tests/chat_load/client_box.hpp"
#include "tests/cluster/simulation/sim_world.hpp"

namespace godwit::cluster_sim {

/// A client of an account: connects to some node and to another one when that does not answer, sends messages one after
/// the other, each until it is acknowledged, and keeps its box by updates and differences.
class sim_device {
public:
  /// `first`: the node that it goes to first.
  sim_device(sim_world& world, std::size_t account, std::uint32_t number, cluster::caller who, std::uint32_t first);
  sim_device(const sim_device&) = delete;
  sim_device& operator=(const sim_device&) = delete;

  /// Begins new messages, or no more; what it has begun it finishes.
  void send_messages(bool on) { sending_ = on; }
  /// Everything it asked is answered, and its box has no gap.
  [[nodiscard]] bool at_rest() const;

  [[nodiscard]] const chat_load::client_box& box() const { return box_; }
  [[nodiscard]] std::size_t account() const { return account_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string standing() const;

private:
  enum class purpose : std::uint8_t { message, repeat, difference, ping };
  struct asked {
    purpose what = purpose::ping;
    monotonic_ms at = 0;
    std::int32_t at_least = 0; ///< the newest position that any device of the account had heard of by then
  };
  struct message {
    std::size_t to = 0;
    std::int64_t random_id = 0;
    std::string text;
  };

  void tick();
  void connect();
  void leave(const std::string& why);
  void ask(purpose what, std::string body);
  [[nodiscard]] bool asks(purpose what) const;
  void begin_message();
  void begin_repeat();
  void ask_difference();
  [[nodiscard]] std::string call_of(const message& what) const;
  void hear(const session_news& what);
  void answered(const asked& what, const std::string& body);
  void sent(purpose what, const std::string& body);
  void refused(purpose what, const std::string& why);
  void take_difference(std::int32_t at_least, const std::string& body);
  void take_push(const std::string& body);
  void take(const chat_load::seen_update& what);
  void note(const chat_load::seen_update& what);

  sim_world& world_;
  const std::size_t account_;
  const std::string name_;
  const cluster::caller who_;
  dice random_;
  std::uint32_t node_;
  sim_connection_ptr connection_;
  monotonic_ms connect_at_ = 0;
  monotonic_ms patience_ms_ = 5000;
  monotonic_ms heard_at_ = 0;
  std::uint64_t tokens_ = 0;
  std::map<std::uint64_t, asked> asked_; ///< on this connection
  bool sending_ = false;
  std::uint64_t messages_ = 0;
  monotonic_ms next_message_ = 0;
  std::optional<message> message_; ///< not acknowledged yet
  std::optional<message> repeat_;  ///< acknowledged once, and asked again
  std::map<std::string, message> done_;
  chat_load::client_box box_;
  bool behind_ = true; ///< the difference has to be asked for
};

} // namespace godwit::cluster_sim
