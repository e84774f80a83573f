#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/chat_load/rough_link.hpp"

namespace godwit::bench {

/// A signed-in client that writes to itself at a steady pace, one message after the other, goes on at another node when
/// its own is gone, and notes when each answer came.
class failover_client final : public chat_load::link_listener {
public:
  using clock = socket_loop::clock;

  /// `broken` hears of what no node may do.
  failover_client(socket_loop& loop, const std::vector<client_target>& nodes, std::shared_ptr<const client_key> key,
                  std::uint64_t number, std::chrono::milliseconds pace, std::function<void(const std::string&)> broken);

  void begin();
  void tick() { link_.tick(); }

  /// When each message was acknowledged.
  [[nodiscard]] const std::vector<clock::time_point>& successes() const { return successes_; }
  /// The longest time between two successes that overlaps this moment or begins behind it, until now when none has
  /// come.
  [[nodiscard]] clock::duration longest_gap_since(clock::time_point when) const;
  [[nodiscard]] std::size_t node() const { return link_.node(); }

  void link_up() override {}
  void link_lost() override {}
  void link_answered(const mtproto::client_answer& answer) override;
  void link_pushed(const mtproto::buffer_slice&) override {}
  void link_session_made() override {}
  void link_breach(const std::string& what) override { broken_(what); }

private:
  void send();

  socket_loop& loop_;
  std::uint64_t number_;
  std::chrono::milliseconds pace_;
  std::function<void(const std::string&)> broken_;
  chat_load::rough_link link_;
  bool inited_ = false;
  std::uint64_t sent_ = 0;
  mtproto::client_call waiting_ = 0;
  clock::time_point asked_at_;
  std::vector<clock::time_point> successes_;
};

} // namespace godwit::bench
