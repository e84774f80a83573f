#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace godwit::node {

/// A connected, non-blocking TCP socket of a connection between nodes, and the bytes that are on their way into it.
/// Does not own the descriptor.
class peer_socket {
public:
  void attach(int fd) { fd_ = fd; }

  /// Bytes from the kernel; 0: none now (starved), or the socket has ended (ended).
  std::size_t receive(char* to, std::size_t room);
  /// The kernel had no more than it gave; until readable() no further call asks it.
  [[nodiscard]] bool starved() const { return starved_; }
  void readable() { starved_ = false; }

  /// Bytes for flush().
  void write(std::string_view bytes) { out_.append(bytes); }
  [[nodiscard]] std::string& out() { return out_; }
  [[nodiscard]] std::size_t unsent() const { return out_.size() - sent_; }
  /// One send for all of it. What stays is for when the socket is writable.
  void flush();

  [[nodiscard]] bool ended() const { return ended_; }
  /// Why, in words; of an end in order, too.
  [[nodiscard]] std::string why_ended() const;

private:
  int fd_ = -1;
  int error_ = 0; ///< 0 at an end in order
  bool starved_ = false;
  bool ended_ = false;
  std::string out_;
  std::size_t sent_ = 0; ///< of out_
};

} // namespace godwit::node
