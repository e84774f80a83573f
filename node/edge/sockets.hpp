#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <utility>

#include "config/ip_address.hpp"

namespace godwit::node {

/// Closes a descriptor that nobody took over.
class owned_fd {
public:
  explicit owned_fd(int fd) : fd_(fd) {}
  owned_fd(const owned_fd&) = delete;
  owned_fd& operator=(const owned_fd&) = delete;
  ~owned_fd();
  [[nodiscard]] int get() const { return fd_; }
  int take() { return std::exchange(fd_, -1); }

private:
  int fd_;
};

void set_option(int fd, int level, int name, int value);

/// In the form that the kernel takes, and its size.
std::pair<sockaddr_storage, socklen_t> socket_address(const config::ip_address& address, std::uint16_t port);
std::uint16_t port_of(const sockaddr_storage& storage);
config::ip_address address_of(const sockaddr_storage& storage);

/// "192.0.2.1", "2001:db8::1".
std::string text_of(const config::ip_address& address);

/// True: descriptors or memory are short, and trying again at once is no use.
bool is_shortage(int error);

} // namespace godwit::node
