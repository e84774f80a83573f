#include "node/identity/key_file.hpp"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include <sys/stat.h>

#include "node/identity/hex.hpp"

namespace godwit::node {
namespace {

constexpr std::size_t file_bytes_max = 4096;
constexpr std::string_view purpose_of_seals = "godwit seal 1";
constexpr std::string_view purpose_of_names = "godwit key name 1";

} // namespace

std::string folder_key::name() const {
  const auto hash = crypto::derive_key(bytes, crypto::as_bytes(purpose_of_names));
  return to_hex(std::span(hash).first(8));
}

folder_key draw_folder_key(crypto::random_source& random) {
  folder_key key;
  random.fill(key.bytes);
  return key;
}

std::string key_file_text(const folder_key& key) {
  return "# Opens the secrets of a Godwit data folder. Keep it secret, keep a copy: nothing replaces it.\n" +
         to_hex(key.bytes) + "\n";
}

expected<folder_key, std::string> read_key_file(const std::filesystem::path& file) {
  static constexpr const char* remedy =
    "The secrets of the data folder are encrypted under it: mount its disk, restore it from a copy, or name the file "
    "that it was moved to as node.key_file.";
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    return unexpected("key file " + file.string() + ": " + std::generic_category().message(errno) + ". " + remedy);
  }
  if ((status.st_mode & 0007) != 0) {
    return unexpected("key file " + file.string() + " is open to every user of this machine. Take it back: chmod 600 " +
                      file.string());
  }
  std::ifstream in(file, std::ios::binary);
  std::string text(file_bytes_max, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.fail() && !in.eof())) {
    return unexpected("key file " + file.string() + " cannot be read. Run as the user that owns it.");
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  std::istringstream lines(text);
  folder_key key;
  std::size_t found = 0;
  bool good = true;
  for (std::string line; std::getline(lines, line);) {
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty() && line.front() != '#') {
      good = from_hex(line, key.bytes) && good;
      ++found;
    }
  }
  crypto::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  if (!good || found != 1) {
    return unexpected("key file " + file.string() +
                      " holds no key: that is one line of 64 small hexadecimal digits. Restore it from a copy.");
  }
  return key;
}

std::string seal_text(const folder_key& key, std::string_view purpose, std::string_view plain,
                      crypto::random_source& random) {
  const auto own = crypto::derive_key(key.bytes, crypto::as_bytes(purpose_of_seals));
  return to_hex(crypto::seal(own, crypto::as_bytes(purpose), crypto::as_bytes(plain), random));
}

std::optional<std::string> unseal_text(const folder_key& key, std::string_view purpose, std::string_view sealed) {
  const auto bytes = from_hex(sealed);
  if (!bytes) {
    return std::nullopt;
  }
  const auto own = crypto::derive_key(key.bytes, crypto::as_bytes(purpose_of_seals));
  return crypto::unseal(own, crypto::as_bytes(purpose), crypto::as_bytes(*bytes));
}

} // namespace godwit::node
