// From bytes to frames, and back.

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "config/cluster_limits.hpp"
#include "node/peer/transport_link.hpp"

namespace godwit::node {

namespace {

using wait_type = boost::asio::posix::stream_descriptor::wait_type;

/// What TLS puts into one record; a write of several goes without a copy of ours.
constexpr std::size_t record_bytes = 16 << 10;

/// The first bytes of a connection: the dialler's with what it is for, then the answer of the other side.
/// The mark ends with the version of it all: of this greeting, and of how frames are told apart.
constexpr std::string_view greeting_mark = "godwit\x01";
enum class greeting_answer : std::uint8_t {
  taken = 0,
  not_now = 1, ///< nobody takes connections there
};

std::string greeting_with(std::uint8_t last) { return std::string(greeting_mark) + static_cast<char>(last); }

/// The first byte of every TLS connection.
constexpr char tls_first_byte = 0x16;

} // namespace

void transport_link::wait_readable() {
  if (waiting_readable_ || stage_ == stage::ended) {
    return;
  }
  waiting_readable_ = true;
  descriptor_->async_wait(wait_type::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
    self->waiting_readable_ = false;
    if (!error && self->stage_ != stage::ended) {
      self->readable_ = true;
      self->of_.loop.schedule(*self);
    }
  });
}

void transport_link::wait_writable() {
  if (waiting_writable_ || stage_ == stage::ended) {
    return;
  }
  waiting_writable_ = true;
  descriptor_->async_wait(wait_type::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
    self->waiting_writable_ = false;
    if (!error && self->stage_ != stage::ended) {
      self->writable_ = true;
      self->of_.loop.schedule(*self);
    }
  });
}

void transport_link::serve() {
  const auto self = shared_from_this();
  if (stage_ == stage::failed_early) {
    fail(trouble_);
  } else if (is_over() && hears_ != nullptr) {
    tell_closed(trouble_);
  }
  if (std::exchange(writable_, false)) {
    if (stage_ == stage::connecting) {
      connected();
    } else if (!is_over()) {
      run_deferred();
    }
  }
  if (readable_ && stage_ != stage::connecting) {
    progress();
  }
}

void transport_link::connected() {
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(descriptor_->native_handle(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    fail("cannot connect to " + where() + ": " + std::strerror(error) +
         (error == ECONNREFUSED ? ". Does the node run, and is this its address?" : ""));
    return;
  }
  begin_stream();
}

void transport_link::progress() {
  readable_ = false;
  socket_.readable();
  switch (stage_) {
  case stage::agreeing: agree(); break;
  case stage::greeting: take_greeting(); break;
  case stage::open: read(); break;
  case stage::lingering: discard(); break;
  default: break;
  }
}

void transport_link::agree() {
  if (!of_.may_agree()) {
    readable_ = true;
    of_.loop.schedule(*this);
    return;
  }
  switch (stream_->agree()) {
  case byte_stream::progress::waits:
    flush();
    wait_readable();
    return;
  case byte_stream::progress::failed: fail(stream_->failure()); return;
  case byte_stream::progress::done: break;
  }
  stage_ = stage::greeting;
  if (!accepted_) {
    stream_->write(greeting_with(static_cast<std::uint8_t>(what_)));
  }
  flush();
  if (stage_ == stage::greeting) {
    take_greeting();
  }
}

void transport_link::take_greeting() {
  while (greeting_have_ != greeting_.size()) {
    const std::size_t got = stream_->read(std::span(greeting_).subspan(greeting_have_));
    greeting_have_ += got;
    if (got == 0) {
      if (!stream_->failure().empty()) {
        fail(stream_->certified() != persistence::no_node || of_.tls
               ? stream_->failure()
               : "the other side ended before it said who it is (" + stream_->failure() +
                   "): it is no node, or one that asks for certificates, and this one has none");
      } else {
        wait_readable();
      }
      return;
    }
  }
  if (std::string_view(greeting_.data(), greeting_mark.size()) != greeting_mark) {
    fail(greeting_.front() == tls_first_byte
           ? "the other side speaks TLS, and this node has no certificates: give it its bundle (godwit invite)"
           : "what the other side says first is of no node: check who connects to the port of peers");
    return;
  }
  accepted_ ? be_taken() : take_answer();
}

/// Of an accepted connection: gives it to whoever takes them.
void transport_link::be_taken() {
  const auto what = static_cast<cluster::peer_stream>(greeting_.back());
  if (what != cluster::peer_stream::control && what != cluster::peer_stream::bulk) {
    fail("a connection for a purpose that this version does not know");
    return;
  }
  what_ = what;
  if (!of_.taker) {
    stream_->write(greeting_with(static_cast<std::uint8_t>(greeting_answer::not_now)));
    fail("nobody takes connections here yet");
    return;
  }
  stream_->write(greeting_with(static_cast<std::uint8_t>(greeting_answer::taken)));
  opened();
  handed_over_ = true;
  leave_unknown();
  of_.taker(std::make_unique<transport_handle>(shared_from_this()), what_, stream_->certified());
  if (stage_ == stage::open) {
    run_deferred();
  }
}

/// Of a dialled connection.
void transport_link::take_answer() {
  if (static_cast<greeting_answer>(greeting_.back()) != greeting_answer::taken) {
    fail("the other node takes no connections: it is starting or stopping");
    return;
  }
  opened();
  hears_->opened(stream_->certified());
  if (stage_ == stage::open) {
    run_deferred();
  }
  if (stage_ == stage::open) {
    read();
  }
}

void transport_link::opened() {
  stage_ = stage::open;
  of_.loop.disarm(timer_);
  of_.probe.opened.add();
}

void transport_link::read() {
  for (std::size_t sum = 0; stage_ == stage::open;) {
    if (hears_ == nullptr) {
      return; // listen() comes back to it
    }
    if (sum >= limits::peer_read_bytes_per_round) {
      // Others have their turn first.
      readable_ = true;
      of_.loop.schedule(*this);
      return;
    }
    const std::size_t got = read_once();
    if (got == 0) {
      return;
    }
    sum += got;
  }
}

/// 0: there is nothing now, or it ended.
std::size_t transport_link::read_once() {
  const std::span<char> missing = frames_in_.room();
  std::size_t got = 0;
  if (!missing.empty()) {
    got = stream_->read(missing);
    frames_in_.filled(got);
  } else {
    const auto buffer = of_.loop.read_buffer();
    const std::span<char> room(reinterpret_cast<char*>(buffer.data()), buffer.size());
    got = stream_->read(room);
    frames_in_.feed({room.data(), got});
  }
  if (got == 0) {
    if (stream_->failure().empty()) {
      wait_readable();
    } else {
      fail(stream_->failure());
    }
    return 0;
  }
  of_.probe.bytes_in.add(got);
  give_frames();
  return got;
}

void transport_link::give_frames() {
  while (auto frame = frames_in_.next()) {
    of_.probe.frames_in.add();
    hears_->received(std::move(*frame));
    if (stage_ != stage::open || hears_ == nullptr) {
      return;
    }
  }
  if (!frames_in_.broken().empty()) {
    fail("the other node sent " + frames_in_.broken());
  }
}

void transport_link::discard() {
  const auto buffer = of_.loop.read_buffer();
  for (std::size_t i = 0; i < limits::peer_read_bytes_per_round / buffer.size() && !socket_.starved(); ++i) {
    socket_.receive(reinterpret_cast<char*>(buffer.data()), buffer.size());
    if (socket_.ended()) {
      release();
      return;
    }
  }
  if (socket_.starved()) {
    wait_readable();
  } else {
    readable_ = true;
    of_.loop.schedule(*this);
  }
}

/// The end of a round, or room in the kernel again.
void transport_link::run_deferred() {
  const auto self = shared_from_this();
  if (is_over()) {
    return;
  }
  if (overfull_) {
    fail("the other node takes nothing: more than " + std::to_string(limits::peer_queue_bytes_max >> 20) +
         " MB wait for it. Is it stopped, or its network too slow?");
    return;
  }
  for (std::size_t sum = 0; !waiting_writable_ && stage_ != stage::ended;) {
    if (stage_ == stage::open) {
      write_frames();
    }
    sum += socket_.unsent();
    flush();
    if (stage_ != stage::open || next_queue() == nullptr || waiting_writable_) {
      break;
    }
    if (sum >= limits::peer_send_bytes_per_round) {
      writable_ = true;
      of_.loop.schedule(*this);
      break;
    }
  }
  tell_writable();
}

void transport_link::tell_writable() {
  if (stage_ == stage::open && above_high_ && queued_bytes() <= limits::peer_queue_bytes_high / 2) {
    above_high_ = false;
    if (hears_ != nullptr) {
      hears_->writable();
    }
  }
}

/// Where the next bytes come from: the frame that was begun, then what goes first. Null: nothing waits.
std::deque<std::string>* transport_link::next_queue() {
  if (begun_queue_ != nullptr) {
    return begun_queue_;
  }
  return !frames_first_.empty() ? &frames_first_ : !frames_out_.empty() ? &frames_out_ : nullptr;
}

/// Turns frames into what goes over the wire, as long as not too much of that waits.
void transport_link::write_frames() {
  std::string& record = of_.record;
  record.clear();
  while (socket_.unsent() < limits::peer_wire_bytes) {
    std::deque<std::string>* const queue = next_queue();
    if (queue == nullptr) {
      break;
    }
    const std::string& frame = queue->front();
    if (std::exchange(begun_queue_, queue) == nullptr) {
      append_frame_header(record, frame.size());
    }
    const std::string_view rest = std::string_view(frame).substr(front_sent_);
    std::size_t part = 0;
    if (record.empty() && rest.size() >= record_bytes) {
      part = std::min(rest.size() / record_bytes * record_bytes, limits::peer_wire_bytes);
      stream_->write(rest.substr(0, part));
    } else {
      part = std::min(rest.size(), record_bytes - std::min(record.size(), record_bytes));
      record.append(rest.substr(0, part));
      if (record.size() >= record_bytes) {
        write_record();
      }
    }
    front_sent_ += part;
    queued_bytes_ -= part;
    if (front_sent_ == frame.size()) {
      queued_bytes_ -= frame_header_bytes;
      queue->pop_front();
      front_sent_ = 0;
      begun_queue_ = nullptr;
    }
  }
  write_record();
}

void transport_link::write_record() {
  if (!of_.record.empty()) {
    stream_->write(of_.record);
    of_.record.clear();
  }
}

void transport_link::flush() {
  const std::size_t before = socket_.unsent();
  if (before == 0) {
    return;
  }
  socket_.flush();
  of_.probe.sends.add();
  of_.probe.bytes_out.add(before - socket_.unsent());
  if (socket_.ended()) {
    fail(socket_.why_ended());
  } else if (socket_.unsent() != 0) {
    wait_writable();
  }
}

} // namespace godwit::node
