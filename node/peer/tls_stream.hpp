#pragma once

#include <memory>
#include <string>

#include "node/peer/byte_stream.hpp"
#include "node/peer/tls_setting.hpp"

struct x509_store_ctx_st;
struct bio_st;

namespace godwit::node {

/// TLS over a socket, without buffers of its own between the two: records are read from the kernel into TLS's buffer,
/// several at once, and written behind one another into the socket's output, which one send takes.
class tls_stream final : public byte_stream {
public:
  /// `expected`: the other side's certificate has to name this node; no_node: any of the cluster.
  tls_stream(std::shared_ptr<const tls_setting> setting, peer_socket& socket, bool accepted,
             persistence::node_id expected);
  ~tls_stream() override;
  tls_stream(const tls_stream&) = delete;
  tls_stream& operator=(const tls_stream&) = delete;

  progress agree() override;
  std::size_t read(std::span<char> to) override;
  void write(std::string_view bytes) override;
  void finish() override;
  [[nodiscard]] persistence::node_id certified() const override { return certified_; }
  [[nodiscard]] const std::string& failure() const override { return failure_; }

  /// For the contexts of tls_setting: asked about each certificate of the other side.
  static int verify(int good, x509_store_ctx_st* about);

private:
  bool judge(bool good, x509_store_ctx_st* about);
  bool judge_name(x509_store_ctx_st* about);
  void fail(int result, bool agreed);

  std::shared_ptr<const tls_setting> setting_;
  ssl_st* ssl_ = nullptr;
  peer_socket& socket_;
  const persistence::node_id expected_;
  persistence::node_id certified_ = persistence::no_node;
  std::string refused_; ///< what is wrong with the other side's certificate
  std::string failure_;
};

} // namespace godwit::node
