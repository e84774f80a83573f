#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "protocol/expected.hpp"

namespace godwit::node {

/// What `godwit init` draws once and a data folder keeps for ever, in secrets.toml (mode 0600). Losing
/// it makes every client's access hashes and salts invalid.
struct node_secrets {
  std::string cluster_id; ///< 32 hexadecimal digits
  std::uint64_t node_id = 0;
  std::array<std::uint8_t, 32> access_hash_key{}; ///< access_hash = keyed hash of viewer and target
  std::array<std::uint8_t, 32> salt_key{};        ///< server salts
};

/// The text of the file. Format 1; an unknown format is refused by read_secrets.
std::string secrets_text(const node_secrets& secrets);

/// Error: one line with the file and the remedy; no key material in it.
expected<node_secrets, std::string> read_secrets(const std::filesystem::path& file);

std::string to_hex(std::span<const std::uint8_t> bytes);

} // namespace godwit::node
