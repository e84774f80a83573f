#include "node/edge/output_stage.hpp"

#include <algorithm>

#include "cluster/base/home_loop.hpp"
#include "config/limits.hpp"
#include "node/edge/edge_connection.hpp"
#include "protocol/crypto/message_cipher.hpp"

namespace godwit::node {

namespace {

// Of an encrypted packet: auth_key_id, msg_key, what is encrypted.
constexpr std::size_t msg_key_at = 8;
constexpr std::size_t encrypted_at = 24;

} // namespace

output_stage::output_stage(cluster::home_loop& home) : home_(home) {}
output_stage::~output_stage() = default;

void output_stage::add(edge_connection& connection, actors::outgoing_packet packet) {
  packets_.push_back({&connection, std::move(packet)});
  mark(connection);
}

void output_stage::mark(edge_connection& connection) {
  // A connection that sends several packets in a row is marked once; flushing twice does no harm.
  if (marked_.empty() || marked_.back().get() != &connection) {
    marked_.emplace_back(&connection);
  }
  home_.defer(cluster::round_phase::send, *this);
}

void output_stage::run_deferred() {
  packets_now_.swap(packets_);
  marked_now_.swap(marked_);
  encrypt();
  for (const entry& each : packets_now_) {
    each.to->append({reinterpret_cast<const std::uint8_t*>(each.packet.bytes.data()), each.packet.bytes.size()});
  }
  packets_now_.clear();
  for (const auto& connection : marked_now_) {
    connection->flush();
  }
  marked_now_.clear();
}

void output_stage::encrypt() {
  jobs_.clear();
  for (entry& each : packets_now_) {
    auto& bytes = each.packet.bytes;
    if (each.packet.key && bytes.size() > encrypted_at) {
      crypto::cipher_job job;
      job.key = each.packet.key.get();
      job.data = reinterpret_cast<std::uint8_t*>(bytes.data()) + encrypted_at;
      job.size = bytes.size() - encrypted_at;
      job.from = crypto::sender::server;
      jobs_.push_back(job);
    }
  }
  crypto::encrypt(jobs_);
  for (const crypto::cipher_job& job : jobs_) {
    std::copy(job.msg_key.begin(), job.msg_key.end(), job.data - encrypted_at + msg_key_at);
  }
}

std::vector<std::uint8_t> output_stage::take_buffer() {
  if (buffers_.empty()) {
    return {};
  }
  auto buffer = std::move(buffers_.back());
  buffers_.pop_back();
  return buffer;
}

void output_stage::give_back(std::vector<std::uint8_t> buffer) {
  if (buffers_.size() < limits::output_buffers_kept_max && buffer.capacity() <= limits::output_buffer_kept_bytes_max) {
    buffer.clear();
    buffers_.push_back(std::move(buffer));
  }
}

} // namespace godwit::node
