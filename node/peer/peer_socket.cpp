#include "node/peer/peer_socket.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace godwit::node {

std::size_t peer_socket::receive(char* to, std::size_t room) {
  if (starved_ || ended_) {
    return 0;
  }
  const ssize_t got = ::recv(fd_, to, room, MSG_DONTWAIT);
  if (got > 0) {
    starved_ = static_cast<std::size_t>(got) < room;
    return static_cast<std::size_t>(got);
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    starved_ = true;
    return 0;
  }
  ended_ = true;
  error_ = got == 0 ? 0 : errno;
  return 0;
}

void peer_socket::flush() {
  if (unsent() == 0 || ended_) {
    return;
  }
  const ssize_t taken = ::send(fd_, out_.data() + sent_, unsent(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (taken < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
    // What the other side said last may still be there to be read: reading tells the end.
    if (errno != EPIPE && errno != ECONNRESET) {
      ended_ = true;
      error_ = errno;
    }
    out_.clear();
    sent_ = 0;
    return;
  }
  sent_ += taken > 0 ? static_cast<std::size_t>(taken) : 0;
  if (sent_ == out_.size()) {
    out_.clear();
    sent_ = 0;
  } else if (sent_ > out_.size() / 2) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
}

std::string peer_socket::why_ended() const {
  switch (error_) {
  case 0: return "the other node closed it";
  case ETIMEDOUT: return "nothing is acknowledged any more: the other machine is down, or the network between is cut";
  case ECONNRESET: return "reset by the other side: its process ended";
  default: return std::strerror(error_);
  }
}

} // namespace godwit::node
