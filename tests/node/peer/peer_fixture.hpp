#pragma once

#include <gtest/gtest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/cluster_limits.hpp"
#include "node/edge/edge_loop.hpp"
#include "node/peer/asio_network.hpp"
#include "tests/node/peer/test_authority.hpp"

namespace godwit::node::test {

using cluster::node_id;
using cluster::peer_stream;
using persistence::no_node;

/// Waits until something holds; false after ten seconds.
bool eventually(const std::function<bool()>& holds);

/// One connection, and what its listener heard. Everything but `handle` is read from the test's thread.
class session final : public cluster::peer_connection_listener {
public:
  std::unique_ptr<cluster::peer_connection> handle; ///< on the loop
  /// On the loop, after a frame was noted.
  std::function<void(session&, const persistence::slice&)> on_frame;
  /// False: frames are counted and not kept.
  bool keeps = true;

  [[nodiscard]] bool is_open() const;
  [[nodiscard]] std::uint64_t certified() const;
  [[nodiscard]] std::vector<std::string> frames() const;
  [[nodiscard]] std::size_t frames_heard() const;
  [[nodiscard]] std::size_t bytes_heard() const;
  [[nodiscard]] std::size_t times_writable() const;
  /// Why it ended; nothing: it did not.
  [[nodiscard]] std::optional<std::string> end() const;

  void opened(node_id certified) override;
  void received(persistence::slice frame) override;
  void writable() override;
  void closed(const std::string& why) override;

private:
  mutable std::mutex mutex_;
  bool open_ = false;
  node_id certified_ = no_node;
  std::vector<std::string> frames_;
  std::size_t heard_ = 0;
  std::size_t bytes_ = 0;
  std::size_t writable_ = 0;
  std::optional<std::string> end_;
};

/// A node's network on a loop of its own, and its connections.
class test_node {
public:
  test_node(caf::actor_system& system, std::optional<peer_credentials> credentials, bool takes = true);
  ~test_node();

  /// Runs on the loop and waits for it.
  void on_loop(const std::function<void()>& what) const;
  session& dial(std::uint16_t port, peer_stream what = peer_stream::control, node_id expected = no_node,
                const std::string& host = "127.0.0.1");
  void send(session& to, const std::string& frame) const;
  void hang_up(session& who) const;
  /// The connection that was taken as number so many; waits for it.
  session* taken(std::size_t number = 0);
  [[nodiscard]] std::size_t taken_count() const;
  [[nodiscard]] peer_stream taken_for(std::size_t number = 0) const;

  asio_network& network() { return *network_; }
  [[nodiscard]] std::uint16_t port() const { return network_->port(); }
  edge_loop& loop() { return *loop_; }
  /// Before anything is taken.
  std::function<void(session&)> on_taken;

private:
  std::unique_ptr<edge_loop> loop_;
  std::unique_ptr<asio_network> network_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<session>> dialled_;
  std::vector<std::unique_ptr<session>> taken_;
  std::vector<peer_stream> taken_for_;
};

class peer_fixture : public ::testing::Test {
protected:
  peer_fixture();
  ~peer_fixture() override;

  /// With credentials of the cluster unless told otherwise.
  test_node& node(std::uint64_t id);
  test_node& node_with(std::optional<peer_credentials> credentials, bool takes = true);
  /// A session of `from` to `to`, open at both ends.
  session& link(test_node& from, test_node& to, peer_stream what = peer_stream::control);
  /// Dials and returns why it ended.
  std::string refusal(test_node& from, test_node& to, node_id expected = no_node);

  test_authority authority;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::vector<std::unique_ptr<test_node>> nodes_;
};

} // namespace godwit::node::test
