#include "node/peer/transport_link.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "config/cluster_limits.hpp"
#include "node/edge/sockets.hpp"
#include "node/peer/tls_stream.hpp"
#include "node/peer/transport_log.hpp"

namespace godwit::node {

namespace {

#ifndef IP_BIND_ADDRESS_NO_PORT
constexpr int IP_BIND_ADDRESS_NO_PORT = 24;
#endif

/// Small frames leave at once, and a machine that vanished is noticed.
void set_options(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, limits::peer_unacknowledged_ms);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, limits::peer_keepalive_idle_s);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, limits::peer_keepalive_pause_s);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, limits::peer_keepalive_probes);
}

} // namespace

transport_link::transport_link(std::shared_ptr<peer_transport> of, bool accepted, cluster::peer_stream what,
                               persistence::node_id expected)
    : owner_(std::move(of)),
      of_(*owner_),
      accepted_(accepted),
      what_(what),
      expected_(expected),
      timer_([this] { check_time(); }),
      frames_in_(limits::peer_frame_bytes_max) {}

transport_link::~transport_link() = default;

void transport_link::accept(const std::shared_ptr<peer_transport>& of, int fd, const config::ip_address& from) {
  const auto link = std::make_shared<transport_link>(of, true, cluster::peer_stream::control, persistence::no_node);
  of->probe.accepted.add();
  link->address_ = from;
  if (!link->take(fd)) {
    return;
  }
  link->unknown_ = true;
  of->unknown.push_back(link.get());
  link->begin_stream();
}

std::shared_ptr<transport_link> transport_link::dial(const std::shared_ptr<peer_transport>& of,
                                                     const cluster::peer_address& to, cluster::peer_stream what,
                                                     persistence::node_id expected,
                                                     const std::optional<config::ip_address>& from,
                                                     cluster::peer_connection_listener& hears) {
  auto link = std::make_shared<transport_link>(of, false, what, expected);
  of->probe.dialled.add();
  link->hears_ = &hears;
  link->connect(to, from);
  return link;
}

/// From here on the transport keeps it alive. False: the system has no room for it, and `fd` is closed.
bool transport_link::take(int fd) {
  set_options(fd);
  socket_.attach(fd);
  descriptor_.emplace(of_.loop.io());
  boost::system::error_code error;
  descriptor_->assign(fd, error);
  if (error) {
    ::close(fd);
    descriptor_.reset();
    stage_ = stage::ended;
    return false;
  }
  place = of_.links.size();
  of_.links.push_back(shared_from_this());
  of_.probe.open.set(static_cast<std::int64_t>(of_.links.size()));
  of_.loop.arm(timer_, of_.loop.now() + limits::peer_connect_ms);
  return true;
}

void transport_link::connect(const cluster::peer_address& to, const std::optional<config::ip_address>& from) {
  port_ = to.port;
  const auto give_up = [this](std::string why) {
    trouble_ = std::move(why);
    stage_ = stage::failed_early;
    of_.loop.schedule(*this);
  };
  const auto parsed = config::parse_ip(to.host);
  if (!parsed || to.port == 0) {
    return give_up("\"" + to.host + "\" port " + std::to_string(to.port) +
                   " is no address of a node: peers.seeds, peers.fixed and peers.advertised name IP addresses");
  }
  address_ = *parsed;
  if (!of_.tls && !address_.is_loopback()) {
    return give_up("node at " + where() +
                   ": without certificates, nodes speak only on the loopback. Give this "
                   "node its bundle (godwit invite)");
  }
  owned_fd fd(::socket(address_.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) {
    return give_up(std::string("cannot open a socket for a node: ") + std::strerror(errno) +
                   ". Raise the limit of open files");
  }
  if (from && from->is_v4() == address_.is_v4() && from->is_loopback() == address_.is_loopback() && !from->is_any()) {
    // The address that the others know this node by. Where that cannot be, any will do.
    set_option(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    const auto [own, own_size] = socket_address(*from, 0);
    [[maybe_unused]] const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), own_size);
  }
  const auto [there, size] = socket_address(address_, port_);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&there), size) != 0 && errno != EINPROGRESS) {
    return give_up("cannot connect to " + where() + ": " + std::strerror(errno));
  }
  if (!take(fd.take())) {
    return give_up("cannot watch a socket for a node: raise the limit of open files, or give the machine memory");
  }
  wait_writable();
}

void transport_link::begin_stream() {
  stage_ = stage::agreeing;
  if (of_.tls) {
    stream_ = std::make_unique<tls_stream>(of_.tls, socket_, accepted_, expected_);
  } else {
    stream_ = std::make_unique<plain_stream>(socket_);
  }
  if (accepted_) {
    wait_readable();
  } else {
    agree();
  }
}

void transport_link::listen(cluster::peer_connection_listener& who) {
  hears_ = &who;
  telling_ = is_over();
  // What came before, or the end.
  readable_ = true;
  of_.loop.schedule(*this);
}

void transport_link::send(std::string frame, bool first) {
  assert(!frame.empty() && frame.size() <= limits::peer_frame_bytes_max);
  if (is_over()) {
    return;
  }
  queued_bytes_ += frame.size() + frame_header_bytes;
  (first ? frames_first_ : frames_out_).push_back(std::move(frame));
  above_high_ = above_high_ || queued_bytes() > limits::peer_queue_bytes_high;
  overfull_ = overfull_ || queued_bytes() > limits::peer_queue_bytes_max;
  if (stage_ == stage::open || overfull_) {
    of_.loop.defer(cluster::round_phase::send, *this);
  }
}

void transport_link::abandon() {
  const auto self = shared_from_this();
  hears_ = nullptr;
  if (stage_ == stage::ended) {
    if (telling_) {
      of_.loop.unschedule(*this);
    }
    return;
  }
  if (stage_ == stage::lingering) {
    return;
  }
  if (stage_ == stage::open && !overfull_ && !waiting_writable_) {
    write_frames();
  }
  say_goodbye();
}

void transport_link::fail(std::string why) {
  if (is_over()) {
    return;
  }
  const auto self = shared_from_this();
  if (stage_ != stage::open) {
    of_.probe.failed.add();
  }
  if (accepted_ && !handed_over_) {
    static log::site limit{1, 5};
    log::warning(limit, transport_log, "connection_refused", {{"address", text_of(address_)}, {"reason", why}});
  }
  say_goodbye();
  tell_closed(std::move(why));
}

void transport_link::stop() {
  const auto self = shared_from_this();
  const bool over = is_over();
  release();
  if (!over) {
    tell_closed("this node stops");
  }
}

void transport_link::crowd_out() {
  const auto self = shared_from_this();
  of_.probe.crowded.add();
  if (is_over()) {
    release();
    return;
  }
  fail("too many connections that have not said who they are: does something beside the nodes know the port of peers?");
  // It has had its time: no waiting for its last bytes.
  release();
}

void transport_link::tell_closed(std::string why) {
  trouble_ = std::move(why);
  if (auto* const hears = std::exchange(hears_, nullptr)) {
    hears->closed(trouble_);
  }
}

/// The last word, and the end of sending. What the other side still sends is read and thrown away until it ends too:
/// closing at once would make the system answer it with a reset, and that would overtake the last word.
void transport_link::say_goodbye() {
  if (!stream_ || socket_.ended()) {
    release();
    return;
  }
  stream_->finish();
  socket_.flush();
  if (::shutdown(descriptor_->native_handle(), SHUT_WR) != 0) {
    release();
    return;
  }
  stage_ = stage::lingering;
  frames_out_.clear();
  frames_first_.clear();
  begun_queue_ = nullptr;
  queued_bytes_ = 0;
  of_.loop.forget(*this);
  of_.loop.arm(timer_, of_.loop.now() + limits::peer_linger_ms);
  readable_ = true;
  of_.loop.schedule(*this);
}

void transport_link::leave_unknown() {
  if (std::exchange(unknown_, false)) {
    std::erase(of_.unknown, this);
  }
}

/// The socket and the place in the transport. After this only references are left.
void transport_link::release() {
  if (stage_ == stage::ended) {
    return;
  }
  stage_ = stage::ended;
  leave_unknown();
  of_.loop.disarm(timer_);
  of_.loop.unschedule(*this);
  of_.loop.forget(*this);
  frames_out_.clear();
  frames_first_.clear();
  begun_queue_ = nullptr;
  queued_bytes_ = 0;
  stream_.reset();
  if (descriptor_) {
    descriptor_.reset();
    const std::shared_ptr<transport_link> last = of_.links.back();
    of_.links[place] = last;
    last->place = place;
    of_.links.pop_back();
    of_.probe.open.set(static_cast<std::int64_t>(of_.links.size()));
  }
}

void transport_link::check_time() {
  const auto self = shared_from_this();
  const std::string time = " within " + std::to_string(limits::peer_connect_ms) + " ms";
  switch (stage_) {
  case stage::connecting:
    fail(where() + " answers nothing" + time + ": is the machine up, does a firewall drop connections to this port?");
    break;
  case stage::agreeing:
  case stage::greeting:
    fail("the other side of " + where() + " does not say who it is" + time + ": it is stopped, slow, or no node");
    break;
  case stage::lingering: release(); break;
  default: break;
  }
}

std::string transport_link::where() const {
  return port_ == 0 ? text_of(address_) : text_of(address_) + " port " + std::to_string(port_);
}

} // namespace godwit::node
