#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace godwit::mtproto {

/// A block of bytes on the heap that several owners share: one allocation, its count inside. The count may
/// be changed from any thread; the bytes are for one writer, before the block is shared.
class shared_buffer {
public:
  shared_buffer() = default;
  /// `size` bytes with no content yet; at most 2^32-1.
  static shared_buffer make(std::size_t size);
  static shared_buffer copy_of(std::span<const std::uint8_t> bytes);

  shared_buffer(const shared_buffer& other) noexcept;
  shared_buffer(shared_buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  shared_buffer& operator=(shared_buffer other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~shared_buffer();

  [[nodiscard]] std::uint8_t* data() const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::span<std::uint8_t> bytes() const { return {data(), size()}; }

private:
  struct block;
  block* block_ = nullptr;
};

/// A part of a shared_buffer, which it keeps alive.
class buffer_slice {
public:
  buffer_slice() = default;
  /// The whole buffer.
  buffer_slice(shared_buffer buffer); // NOLINT: converts on purpose
  static buffer_slice copy_of(std::span<const std::uint8_t> bytes) { return shared_buffer::copy_of(bytes); }

  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {buffer_.data() + offset_, size_}; }
  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(buffer_.data()) + offset_, size_};
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  /// A part of this part. What lies beyond its end is left out.
  [[nodiscard]] buffer_slice part(std::size_t offset, std::size_t size = SIZE_MAX) const;
  /// The slice that `inside`, a view into bytes(), is.
  [[nodiscard]] buffer_slice at(std::span<const std::uint8_t> inside) const;

private:
  shared_buffer buffer_;
  std::uint32_t offset_ = 0;
  std::uint32_t size_ = 0;
};

/// The body of a message to send: made for it alone, or shared with others that send the same.
class payload {
public:
  payload() = default;
  payload(std::string bytes) : content_(std::move(bytes)) {}  // NOLINT: converts on purpose
  payload(buffer_slice bytes) : content_(std::move(bytes)) {} // NOLINT: converts on purpose
  /// Not null.
  payload(std::shared_ptr<const std::string> bytes) : content_(std::move(bytes)) {} // NOLINT: converts on purpose

  [[nodiscard]] std::span<const std::uint8_t> bytes() const;
  [[nodiscard]] std::size_t size() const { return bytes().size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }

private:
  std::variant<std::string, buffer_slice, std::shared_ptr<const std::string>> content_;
};

} // namespace godwit::mtproto
