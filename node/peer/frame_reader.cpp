#include "node/peer/frame_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace godwit::node {

void append_frame_header(std::string& out, std::size_t frame_bytes) {
  for (std::size_t i = 0; i < frame_header_bytes; ++i) {
    out.push_back(static_cast<char>((frame_bytes >> (8 * i)) & 0xFF));
  }
}

std::span<char> frame_reader::room() {
  return frame_ && in_.empty() ? std::span(frame_.get() + have_, size_ - have_) : std::span<char>{};
}

/// False: it is not whole yet, or forbidden.
bool frame_reader::take_header() {
  const std::size_t take = std::min(in_.size(), header_.size() - header_have_);
  if (take == 0) {
    return false;
  }
  std::memcpy(header_.data() + header_have_, in_.data(), take);
  header_have_ += take;
  in_.remove_prefix(take);
  if (header_have_ != header_.size()) {
    return false;
  }
  std::size_t size = 0;
  for (std::size_t i = 0; i < header_.size(); ++i) {
    size |= std::size_t{header_[i]} << (8 * i);
  }
  if (size == 0 || size > frame_bytes_max_) {
    broken_ = "a frame of " + std::to_string(size) + " bytes; from 1 to " + std::to_string(frame_bytes_max_) +
              " are allowed. What is at the other end is no node of this version";
    in_ = {};
    return false;
  }
  // Its pages are taken from the system as bytes come, so that a length alone costs nothing.
  frame_ = std::make_shared_for_overwrite<char[]>(size);
  size_ = size;
  have_ = 0;
  return true;
}

std::optional<persistence::slice> frame_reader::next() {
  if (!broken_.empty() || (!frame_ && !take_header())) {
    return std::nullopt;
  }
  const std::size_t take = std::min(in_.size(), size_ - have_);
  if (take != 0) {
    std::memcpy(frame_.get() + have_, in_.data(), take);
  }
  have_ += take;
  in_.remove_prefix(take);
  if (have_ != size_) {
    return std::nullopt;
  }
  header_have_ = 0;
  const std::string_view bytes(frame_.get(), size_);
  return persistence::slice(std::exchange(frame_, nullptr), bytes);
}

} // namespace godwit::node
