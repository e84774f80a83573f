#include "cluster/peer/envelope_batch.hpp"

#include <iterator>
#include <string_view>
#include <utility>

namespace godwit::cluster {
namespace {

void put_header(char* at, std::size_t body_bytes, envelope_kind what) {
  for (int i = 0; i < 4; ++i) {
    at[i] = static_cast<char>(body_bytes >> (8 * i) & 0xFFU);
  }
  at[4] = static_cast<char>(what);
}

std::size_t body_bytes_at(std::string_view header) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    size |= static_cast<std::size_t>(static_cast<unsigned char>(header[i])) << (8 * i);
  }
  return size;
}

} // namespace

bool envelope_batch::append(envelope_kind what, const peer_hub::body_writer& write) {
  const std::size_t begin = open_.size();
  open_.resize(begin + envelope_header_bytes);
  write(open_);
  const std::size_t size = open_.size() - begin;
  if (size > limits::peer_frame_bytes_max) {
    open_.resize(begin);
    open_.shrink_to_fit();
    return false;
  }
  put_header(open_.data() + begin, size - envelope_header_bytes, what);
  bytes_ += size;
  if (open_.size() > limits::peer_frame_bytes_max) {
    // Only a large body behind others comes here: the one copy is small beside it.
    std::string last = open_.substr(begin);
    open_.resize(begin);
    close();
    open_ = std::move(last);
  }
  if (open_.size() >= limits::peer_frame_bytes) {
    close();
  }
  return true;
}

void envelope_batch::append(envelope_batch&& other) {
  if (!other.full_.empty() || open_.size() + other.open_.size() > limits::peer_frame_bytes) {
    close();
    full_.insert(full_.end(), std::make_move_iterator(other.full_.begin()), std::make_move_iterator(other.full_.end()));
  }
  if (open_.empty()) {
    open_ = std::move(other.open_);
  } else {
    open_ += other.open_;
  }
  bytes_ += other.bytes_;
  other.clear();
}

std::string envelope_batch::take_front() {
  std::string front;
  if (full_.empty()) {
    front = std::exchange(open_, {});
  } else {
    front = std::move(full_.front());
    full_.pop_front();
  }
  bytes_ -= front.size();
  return front;
}

void envelope_batch::clear() {
  full_.clear();
  open_ = {};
  bytes_ = 0;
}

void envelope_batch::close() {
  if (!open_.empty()) {
    full_.push_back(std::exchange(open_, {}));
  }
}

std::string lone_envelope(envelope_kind what, const std::string& body) {
  std::string frame(envelope_header_bytes, '\0');
  put_header(frame.data(), body.size(), what);
  return frame += body;
}

std::optional<envelope_reader::envelope> envelope_reader::next() {
  if (rest_.empty() || damaged_) {
    return std::nullopt;
  }
  if (rest_.size() < envelope_header_bytes) {
    damaged_ = true;
    return std::nullopt;
  }
  const std::size_t size = body_bytes_at(rest_.view());
  const auto kind = static_cast<std::uint8_t>(rest_.view()[4]);
  if (kind == 0 || size > rest_.size() - envelope_header_bytes) {
    damaged_ = true;
    return std::nullopt;
  }
  envelope read{kind, rest_.part(envelope_header_bytes, size)};
  rest_ = rest_.part(envelope_header_bytes + size);
  return read;
}

bool envelope_reader::whole(const persistence::slice& frame) {
  // By positions alone: no count of owners is touched.
  const std::string_view bytes = frame.view();
  std::size_t at = 0;
  std::size_t count = 0;
  bool lone = false;
  while (bytes.size() - at >= envelope_header_bytes && bytes[at + 4] != 0) {
    const std::size_t size = body_bytes_at(bytes.substr(at));
    if (size > bytes.size() - at - envelope_header_bytes) {
      return false;
    }
    lone = lone || stands_alone(static_cast<std::uint8_t>(bytes[at + 4]));
    at += envelope_header_bytes + size;
    ++count;
  }
  return count != 0 && at == bytes.size() && (count == 1 || !lone);
}

} // namespace godwit::cluster
