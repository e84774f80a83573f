#include "protocol/rpc_error.hpp"

#include <string_view>

namespace godwit {
namespace {

struct row {
  std::int32_t code;
  std::string_view text;
};

constexpr row table[] = {
#define RPC_ERROR(name, code, text) {code, text},
#include "protocol/rpc_errors.def"
#undef RPC_ERROR
};

const row& row_of(rpc_errc what) { return table[static_cast<std::size_t>(what)]; }

} // namespace

std::int32_t code_of(rpc_errc what) { return row_of(what).code; }

std::string text_of(const rpc_error& what) {
  std::string text{row_of(what.errc).text};
  if (const auto place = text.find("%d"); place != std::string::npos) {
    text.replace(place, 2, std::to_string(what.argument));
  }
  return text;
}

} // namespace godwit
