#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "protocol/crypto/random.hpp"
#include "protocol/crypto/sealing.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

/// The key of node.key_file, under which the secrets of a data folder are sealed.
struct folder_key {
  crypto::sealing_key bytes{};

  /// 16 hexadecimal digits that tell keys apart and nothing about them.
  [[nodiscard]] std::string name() const;
};

/// A new one, and the text of its file: 64 hexadecimal digits, lines that begin with # are for people.
folder_key draw_folder_key(crypto::random_source& random);
std::string key_file_text(const folder_key& key);

/// Error: one line with the file and the remedy, for a file that is missing, damaged, or open to everyone.
expected<folder_key, std::string> read_key_file(const std::filesystem::path& file);

/// Sealed under a key for `purpose` alone, which is made of the folder's; as hexadecimal digits.
std::string seal_text(const folder_key& key, std::string_view purpose, std::string_view plain,
                      crypto::random_source& random);
/// Nothing when it was sealed under another key or for another purpose, or was changed.
std::optional<std::string> unseal_text(const folder_key& key, std::string_view purpose, std::string_view sealed);

} // namespace godwit::node
