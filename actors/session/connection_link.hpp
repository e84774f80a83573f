#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "actors/base/client_connection.hpp"
#include "protocol/mtproto/message/types.hpp"

namespace godwit::actors {

/// A connection as sessions use it, whatever its loop: a session lives on the loop of its first connection,
/// and others may come elsewhere. Calls from another loop are posted, in order.
class connection_link : public std::enable_shared_from_this<connection_link> {
public:
  /// On the connection's loop.
  connection_link(mtproto::connection_id id, connection_ptr connection);

  // --- on the loop of the session ---

  void send(std::vector<outgoing_packet> packets);
  void close(transport_error why = transport_error::none);
  void pause();
  void resume();
  /// Room for bytes to send before the client has to read; 0 while it is too slow.
  [[nodiscard]] std::size_t room() const;

  [[nodiscard]] mtproto::connection_id id() const { return id_; }
  [[nodiscard]] const client_address& address() const { return address_; }
  [[nodiscard]] const std::string& address_text() const { return address_text_; }
  [[nodiscard]] const std::string& dialled_address() const { return dialled_address_; }

  // --- on the connection's loop ---

  /// The connection is gone; calls go nowhere from here on.
  void connection_closed();
  void drained() { unsent_.store(0, std::memory_order_relaxed); }
  [[nodiscard]] client_connection* connection() const { return connection_.get(); }

private:
  template <class Job>
  void run(Job job);

  mtproto::connection_id id_;
  cluster::home_loop& home_;
  connection_ptr connection_; // null: closed
  client_address address_;
  std::string address_text_;
  std::string dialled_address_;
  std::atomic<std::size_t> unsent_{0};
};
using connection_link_ptr = std::shared_ptr<connection_link>;

} // namespace godwit::actors
