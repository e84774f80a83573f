#include "bench/load/local_ports.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <sstream>

namespace godwit::bench {
namespace {

sockaddr_in address_of(std::uint32_t host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(host);
  return address;
}

} // namespace

std::uint16_t free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at = address_of(INADDR_ANY, 0);
  socklen_t size = sizeof(at);
  ::bind(probe, reinterpret_cast<const sockaddr*>(&at), sizeof(at));
  ::getsockname(probe, reinterpret_cast<sockaddr*>(&at), &size);
  ::close(probe);
  return ntohs(at.sin_port);
}

std::string http_get(std::uint16_t port, const std::string& path, std::uint32_t host) {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in to = address_of((127U << 24) + host, port);
  const timeval patience{1, 0}; // a process that was stopped takes connections and says nothing
  ::setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ::setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  std::string text;
  if (::connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    ::send(made, request.data(), request.size(), MSG_NOSIGNAL);
    std::array<char, 16384> some{};
    for (ssize_t got = 0; (got = ::recv(made, some.data(), some.size(), 0)) > 0;) {
      text.append(some.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(made);
  return text;
}

double metric_at(std::uint16_t port, const std::string& name, std::uint32_t host) {
  std::istringstream page(http_get(port, "/metrics", host));
  double sum = 0;
  for (std::string line; std::getline(page, line);) {
    const std::size_t value = line.rfind(' ');
    if (value != std::string::npos && line.starts_with(name) && (value == name.size() || line[name.size()] == '{')) {
      sum += std::stod(line.substr(value));
    }
  }
  return sum;
}

} // namespace godwit::bench
