#include "node/control/control_client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/limits.hpp"
#include "node/control/control_wire.hpp"

namespace godwit::node {
namespace {

using clock_type = std::chrono::steady_clock;

struct descriptor {
  explicit descriptor(int value) : number(value) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (number >= 0) {
      ::close(number);
    }
  }
  int number;
};

unexpected<control_call_error> fail(std::string message, bool no_node = false) {
  return unexpected(control_call_error{no_node, std::move(message)});
}

/// False when the time is over.
bool wait_until(int socket, short events, clock_type::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock_type::now()).count();
    pollfd one{.fd = socket, .events = events, .revents = 0};
    const int ready = left <= 0 ? 0 : ::poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left, 1'000'000)));
    if (ready > 0) {
      return true;
    }
    if (ready == 0 || errno != EINTR) {
      return false;
    }
  }
}

bool send_all(int socket, std::string_view bytes, clock_type::time_point until) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN ? !wait_until(socket, POLLOUT, until) : errno != EINTR) {
      return false;
    }
  }
  return true;
}

/// The answer without its end, or nothing.
std::optional<std::string> receive_line(int socket, clock_type::time_point until) {
  std::string line;
  std::array<char, 16384> chunk;
  while (line.size() <= limits::control_answer_bytes_max) {
    if (!wait_until(socket, POLLIN, until)) {
      return std::nullopt;
    }
    const ssize_t got = ::recv(socket, chunk.data(), chunk.size(), 0);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return std::nullopt;
    }
    line.append(chunk.data(), static_cast<std::size_t>(got));
    if (line.back() == '\n') {
      line.pop_back();
      return line;
    }
  }
  return std::nullopt;
}

} // namespace

expected<control_answer, control_call_error> control_call(const std::filesystem::path& socket,
                                                          const std::string& command,
                                                          const std::vector<std::string>& arguments,
                                                          std::chrono::milliseconds timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket.string();
  if (path.size() >= sizeof(address.sun_path)) {
    return fail("the path of the control socket " + path + " is too long; name it with node.control_socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const descriptor connected(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connected.number < 0 ||
      ::connect(connected.number, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    const int error = errno;
    if (error == ENOENT || error == ECONNREFUSED) {
      return fail("no node runs on " + path + ". Start it with `godwit serve`, or name its data folder.", true);
    }
    return fail("the control socket " + path + " cannot be used: " + std::generic_category().message(error) +
                (error == EACCES || error == EPERM ? ". Ask as the user that the node runs as." : "."));
  }
  const auto until = clock_type::now() + timeout;
  const std::string request = request_line({.command = command, .arguments = arguments});
  if (request.size() > limits::control_request_bytes_max) {
    return fail("the arguments are too long");
  }
  if (send_all(connected.number, request, until)) {
    if (const auto line = receive_line(connected.number, until)) {
      if (auto answer = parse_answer(*line)) {
        return std::move(*answer);
      }
      return fail("the node behind " + path + " answers in another way; is it of another version?");
    }
  }
  return fail(clock_type::now() >= until ? "the node behind " + path + " did not answer in time"
                                         : "the node behind " + path + " ended before it answered");
}

} // namespace godwit::node
