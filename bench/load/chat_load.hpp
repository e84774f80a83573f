#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/load/chat_book.hpp"
#include "bench/load/session_farm.hpp"
#include "bench/load/socket_loop.hpp"

namespace godwit::bench {

struct heard;
struct heard_message;

struct chat_options {
  /// Accounts, each with one connection; even.
  std::uint32_t connections = 2;
  /// Messages of one account that are on their way.
  std::uint32_t window = 1;
  /// Messages of all accounts in a second, each at its moment whatever became of those before it, in place of a window.
  /// 0: the window counts.
  double per_second = 0;
  std::size_t text_bytes = 300;
  /// Accounts that sign up side by side.
  std::uint32_t at_once = 64;
};

/// Pairs of accounts that write to each other: account 2k and 2k+1. A message is on its way until its call was
/// answered and its receiver's client has heard of it; then its author sends the next one.
class chat_load {
public:
  /// `where`: for all; the number and the layer are the load's.
  chat_load(socket_loop& loop, const client_target& where, const chat_options& options);
  ~chat_load();

  /// Makes keys and accounts, and lets the two of a pair find each other. Throws std::runtime_error when one of
  /// them cannot. Progress goes to stderr.
  void sign_up();

  /// Fills all windows, and keeps them full.
  void begin();
  /// From now on the times of messages are kept.
  void measure();
  /// Nothing new is sent. Waits until nothing is on its way, or for as many seconds as given without any progress.
  void end(double patience_seconds);

  /// Fetches what clients did not hear of, and compares with what was sent; then reads all histories, and compares
  /// again. A sentence for each fault, the first ones in full.
  std::vector<std::string> verify();

  /// False: a client has lost its connection, and figures mean nothing.
  [[nodiscard]] bool is_connected() const { return farm_.lost() == 0; }
  /// Messages that their receivers' clients heard of.
  [[nodiscard]] std::uint64_t delivered() const { return delivered_; }
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  /// Differences that were fetched, and messages that came by them alone.
  [[nodiscard]] std::uint64_t catch_ups() const { return catch_ups_; }
  [[nodiscard]] std::uint64_t by_difference() const { return by_difference_; }
  /// Milliseconds from the call to the receiver's hearing of it, since measure().
  [[nodiscard]] std::vector<double>& milliseconds() { return milliseconds_; }

private:
  struct member;

  void meet(std::uint32_t index, std::function<void()> done);
  void learn_state(std::uint32_t index, std::function<void()> done);
  void fill(member& who);
  void send(member& who, socket_loop::clock::time_point due);
  void keep_pace();
  void answered(member& who, std::uint32_t number, const mtproto::client_answer& answer);
  void heard_push(member& who, const mtproto::buffer_slice& update);
  void take(member& who, const heard& what, bool live);
  void arrived(member& who, std::int32_t id, std::string_view text, bool live);
  void over(member& who, const chat_message& which);
  void catch_up(member& who, std::function<void()> then = {});
  void watch_gaps();
  void settle();
  void read_histories();
  void read_history(std::uint32_t index, std::int32_t below, std::function<void()> done);
  void check_in_history(member& who, const heard_message& what, std::int32_t above);
  /// Starts `work` for each account, so many side by side, and runs the loop until all are done.
  void for_all(const char* what, const std::function<void(std::uint32_t, std::function<void()>)>& work);
  void fail(const std::string& why);
  [[nodiscard]] member& partner_of(const member& who);

  socket_loop& loop_;
  chat_options options_;
  session_farm farm_;
  std::vector<std::unique_ptr<member>> members_;
  bool sending_ = false;
  bool measuring_ = false;
  bool watching_ = false;
  std::uint64_t in_flight_ = 0;
  socket_loop::clock::time_point next_at_; ///< the next message of a steady pace, and whose it is
  std::size_t next_member_ = 0;
  std::uint64_t delivered_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t catch_ups_ = 0;
  std::uint64_t by_difference_ = 0;
  std::vector<double> milliseconds_;
  /// What calls were refused with, and how often.
  std::map<std::string, std::uint64_t> refusals_;
  std::string failure_;
};

} // namespace godwit::bench
