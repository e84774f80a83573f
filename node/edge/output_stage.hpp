#pragma once

#include <caf/intrusive_ptr.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "actors/base/client_connection.hpp"
#include "cluster/base/round_task.hpp"

namespace godwit::crypto {
struct cipher_job;
}

namespace godwit::cluster {
class home_loop;
}

namespace godwit::node {

class edge_connection;

/// What the connections of a loop have to send in the present round: everything is encrypted together,
/// packets of several connections interleaved, and each connection sends once.
class output_stage final : public cluster::round_task {
public:
  explicit output_stage(cluster::home_loop& home);
  ~output_stage() override;

  void add(edge_connection& connection, actors::outgoing_packet packet);
  /// The connection has something to do at the end of the round.
  void mark(edge_connection& connection);

  void run_deferred() override;

  /// Buffers for bytes on their way out.
  std::vector<std::uint8_t> take_buffer();
  void give_back(std::vector<std::uint8_t> buffer);

private:
  void encrypt();

  struct entry {
    edge_connection* to; ///< is in marked_, which holds it
    actors::outgoing_packet packet;
  };

  cluster::home_loop& home_;
  std::vector<entry> packets_;
  std::vector<entry> packets_now_;
  std::vector<caf::intrusive_ptr<edge_connection>> marked_;
  std::vector<caf::intrusive_ptr<edge_connection>> marked_now_;
  std::vector<crypto::cipher_job> jobs_;
  std::vector<std::vector<std::uint8_t>> buffers_;
};

} // namespace godwit::node
