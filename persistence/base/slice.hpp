#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace godwit::persistence {

/// Immutable bytes inside one reference-counted allocation. Copying a slice copies no bytes; a
/// part of a slice keeps the whole allocation alive. Safe to hand to another thread.
class slice {
public:
  slice() = default;

  /// Bytes that `owner` keeps alive.
  slice(std::shared_ptr<const void> owner, std::string_view bytes) : owner_(std::move(owner)), bytes_(bytes) {}

  /// Takes over a string without copying its bytes.
  static slice adopt(std::string&& text) {
    auto owner = std::make_shared<const std::string>(std::move(text));
    const std::string_view bytes = *owner;
    return slice{std::move(owner), bytes};
  }

  static slice copy_of(std::string_view bytes) { return adopt(std::string(bytes)); }

  [[nodiscard]] std::string_view view() const { return bytes_; }
  [[nodiscard]] const char* data() const { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

  /// The part from `offset`, at most `length` bytes long, in the same allocation.
  [[nodiscard]] slice part(std::size_t offset, std::size_t length = std::string_view::npos) const {
    return slice{owner_, bytes_.substr(offset, length)};
  }

  friend bool operator==(const slice& a, const slice& b) { return a.bytes_ == b.bytes_; }

private:
  std::shared_ptr<const void> owner_;
  std::string_view bytes_;
};

} // namespace godwit::persistence
