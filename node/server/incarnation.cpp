#include "node/server/incarnation.hpp"

#include <charconv>
#include <system_error>

#include "node/server/durable_file.hpp"

namespace godwit::node {
namespace {

std::filesystem::path file_in(const std::filesystem::path& data_folder) { return data_folder / "incarnation"; }

} // namespace

bool has_begun(const std::filesystem::path& data_folder) {
  std::error_code error;
  return std::filesystem::exists(file_in(data_folder), error) || error;
}

expected<std::uint64_t, std::string> next_incarnation(const std::filesystem::path& data_folder) {
  const std::filesystem::path file = file_in(data_folder);
  std::uint64_t last = 0;
  if (std::filesystem::exists(file)) {
    const auto text = read_small_file(file);
    if (!text) {
      return unexpected(text.error());
    }
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), last);
    if (error != std::errc{} || last == UINT64_MAX || (end != text->data() + text->size() && *end != '\n')) {
      return unexpected(file.string() +
                        " holds no number. Write one into it that is greater than the incarnation of this "
                        "node that `godwit ctl nodes` shows on another node.");
    }
  }
  const std::uint64_t next = last + 1;
  if (auto written = write_durably(file, std::to_string(next) + "\n", 0600); !written) {
    return unexpected(written.error());
  }
  return next;
}

} // namespace godwit::node
