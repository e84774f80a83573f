#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/load/load_client.hpp"
#include "bench/load/socket_loop.hpp"
#include "protocol/mtproto/message/client_session.hpp"
#include "tests/simulation/dice.hpp"

namespace godwit::mtproto {
class client_transport;
}

namespace godwit::chat_load {

using simulation::dice;

/// What becomes of packets on their way; all chances are of one packet.
struct roughness {
  double doubled = 0; ///< sent twice, the second time at once or later
  double delayed = 0; ///< sent behind later ones
};

/// Hears of a link. What it tells comes in the order in which the server said it.
class link_listener {
public:
  virtual ~link_listener() = default;
  virtual void link_up() = 0;
  /// The connection is gone; the session is not.
  virtual void link_lost() = 0;
  virtual void link_answered(const mtproto::client_answer& answer) = 0;
  virtual void link_pushed(const mtproto::buffer_slice& updates) = 0;
  /// The server knows nothing of the session's past.
  virtual void link_session_made() = 0;
  /// The server has broken a rule. The connection is given up.
  virtual void link_breach(const std::string& what) = 0;
};

/// One session of a device and its connection, which may be cut, be slow and carry packets twice. Connects anew by
/// itself, to any of the nodes; one that says nothing, though it is asked to, is left. Lives as long as its loop.
class rough_link final : public bench::socket_handler {
public:
  /// `where`: the nodes, at least one.
  rough_link(bench::socket_loop& loop, std::vector<bench::client_target> where,
             std::shared_ptr<const bench::client_key> key, std::uint64_t seed, link_listener& listener);
  ~rough_link() override;

  void start();
  /// A session of another number: the old one's calls are nobody's.
  void begin_session();
  mtproto::client_call call(std::string query);
  void tick();

  void set_roughness(const roughness& how) { rough_ = how; }
  /// Cuts the connection; the next one is tried for after this time.
  void cut(std::chrono::milliseconds away);
  /// Reads nothing for some time.
  void stop_reading(std::chrono::milliseconds time);

  [[nodiscard]] bool is_up() const { return up_; }
  /// Which node it is connected to, or tries to be.
  [[nodiscard]] std::size_t node() const { return at_; }

  void on_socket(std::uint32_t events) override;

private:
  void connect();
  void connect_later(std::chrono::milliseconds wait);
  void lose();
  void breach(const std::string& what);
  void watch_silence();
  void go_elsewhere();
  void read();
  void handle(std::span<std::uint8_t> packet);
  void take(const mtproto::inner_message& message);
  void flush();
  void send(std::vector<std::uint8_t> packet);
  void put(std::span<const std::uint8_t> packet);
  void write();
  void close_socket();

  bench::socket_loop& loop_;
  std::vector<bench::client_target> where_;
  std::size_t at_ = 0;
  std::shared_ptr<const bench::client_key> key_;
  dice dice_;
  link_listener& listener_;
  roughness rough_;

  std::optional<mtproto::client_session> session_;
  std::uint64_t connections_ = 0; ///< how many there were
  std::unique_ptr<mtproto::client_transport> transport_;
  std::vector<std::uint8_t> unsent_;
  int socket_ = -1;
  bool up_ = false;
  bool connecting_ = false; ///< a timer runs
  bool deaf_ = false;
  bool handling_ = false;
  bench::socket_loop::clock::time_point heard_at_; ///< or when it began to connect
  bool asked_ = false;                             ///< to say something, since then
};

} // namespace godwit::chat_load
