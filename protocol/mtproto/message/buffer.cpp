#include "protocol/mtproto/message/buffer.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>

namespace godwit::mtproto {

struct shared_buffer::block {
  std::atomic<std::uint32_t> owners{1};
  std::uint32_t size = 0;
  // The bytes follow.

  std::uint8_t* bytes() { return reinterpret_cast<std::uint8_t*>(this + 1); }
};

shared_buffer shared_buffer::make(std::size_t size) {
  shared_buffer made;
  if (size > 0) {
    made.block_ = ::new (::operator new(sizeof(block) + size)) block;
    made.block_->size = static_cast<std::uint32_t>(size);
  }
  return made;
}

shared_buffer shared_buffer::copy_of(std::span<const std::uint8_t> bytes) {
  shared_buffer made = make(bytes.size());
  if (!bytes.empty()) {
    std::memcpy(made.data(), bytes.data(), bytes.size());
  }
  return made;
}

shared_buffer::shared_buffer(const shared_buffer& other) noexcept : block_(other.block_) {
  if (block_ != nullptr) {
    block_->owners.fetch_add(1, std::memory_order_relaxed);
  }
}

shared_buffer::~shared_buffer() {
  // The last owner must see everything that the others did with the bytes before it frees them.
  if (block_ != nullptr && block_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    block_->~block();
    ::operator delete(block_);
  }
}

std::uint8_t* shared_buffer::data() const { return block_ == nullptr ? nullptr : block_->bytes(); }

std::size_t shared_buffer::size() const { return block_ == nullptr ? 0 : block_->size; }

buffer_slice::buffer_slice(shared_buffer buffer)
    : buffer_(std::move(buffer)), size_(static_cast<std::uint32_t>(buffer_.size())) {}

buffer_slice buffer_slice::part(std::size_t offset, std::size_t size) const {
  const std::size_t from = std::min<std::size_t>(offset, size_);
  buffer_slice made;
  made.size_ = static_cast<std::uint32_t>(std::min(size, size_ - from));
  if (made.size_ > 0) {
    made.buffer_ = buffer_;
    made.offset_ = static_cast<std::uint32_t>(offset_ + from);
  }
  return made;
}

buffer_slice buffer_slice::at(std::span<const std::uint8_t> inside) const {
  return inside.empty() ? buffer_slice()
                        : part(static_cast<std::size_t>(inside.data() - bytes().data()), inside.size());
}

std::span<const std::uint8_t> payload::bytes() const {
  if (const auto* slice = std::get_if<buffer_slice>(&content_)) {
    return slice->bytes();
  }
  const auto* shared = std::get_if<std::shared_ptr<const std::string>>(&content_);
  const std::string& text = shared != nullptr ? **shared : std::get<std::string>(content_);
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

} // namespace godwit::mtproto
