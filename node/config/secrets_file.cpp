#include "node/config/secrets_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <toml++/toml.h>

#include "config/limits.hpp"

namespace godwit::node {
namespace {

constexpr std::int64_t format = 1;
constexpr std::string_view digits = "0123456789abcdef";

bool from_hex(std::string_view text, std::span<std::uint8_t> out) {
  if (text.size() != out.size() * 2) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = digits.find(text[i]);
    if (digit == std::string_view::npos) {
      return false;
    }
    std::uint8_t& byte = out[i / 2];
    byte = static_cast<std::uint8_t>(i % 2 == 0 ? digit << 4 : byte | digit);
  }
  return true;
}

std::optional<node_secrets> secrets_of(const toml::table& document) {
  node_secrets secrets;
  const auto id = document["node_id"].value<std::int64_t>();
  std::array<std::uint8_t, 16> cluster{};
  secrets.cluster_id = document["cluster_id"].value_or(std::string());
  if (!id || *id < 1 || !from_hex(secrets.cluster_id, cluster) ||
      !from_hex(document["access_hash_key"].value_or(std::string_view()), secrets.access_hash_key) ||
      !from_hex(document["salt_key"].value_or(std::string_view()), secrets.salt_key)) {
    return std::nullopt;
  }
  secrets.node_id = static_cast<std::uint64_t>(*id);
  return secrets;
}

} // namespace

std::string to_hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::string secrets_text(const node_secrets& secrets) {
  return "# Made by `godwit init`. Keep it secret, keep a copy: without it no client's data is valid any more.\n"
         "format = " +
         std::to_string(format) + "\ncluster_id = \"" + secrets.cluster_id +
         "\"\nnode_id = " + std::to_string(secrets.node_id) + "\naccess_hash_key = \"" +
         to_hex(secrets.access_hash_key) + "\"\nsalt_key = \"" + to_hex(secrets.salt_key) + "\"\n";
}

expected<node_secrets, std::string> read_secrets(const std::filesystem::path& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    const int error = errno != 0 ? errno : EIO;
    return unexpected(file.string() + ": cannot be read: " + std::generic_category().message(error) +
                      ". A data folder made by `godwit init` has it; restore it from a copy.");
  }
  std::string text(limits::config_file_bytes_max, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  // What the parser says about a broken file may quote it, so it is not passed on.
  try {
    const toml::table document = toml::parse(text);
    const auto version = document["format"].value<std::int64_t>();
    if (version && *version != format) {
      return unexpected(file.string() + ": has format " + std::to_string(*version) + "; this program reads format " +
                        std::to_string(format) + ". Start the version that wrote it.");
    }
    if (auto secrets = secrets_of(document); version && secrets) {
      return *secrets;
    }
  } catch (const std::exception&) {
  }
  return unexpected(file.string() + ": is damaged; restore it from a copy");
}

} // namespace godwit::node
