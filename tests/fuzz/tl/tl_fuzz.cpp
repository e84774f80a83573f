// Objects, calls and service messages from any bytes. What is accepted is written again at the newest layer
// that has it, and read again; the wrapped call of a wrapper is read too.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/tl/methods.hpp"
#include "protocol/tl/objects.hpp"

namespace {

using namespace godwit;
using namespace godwit::tl;

constexpr read_limits limits{.depth = 16, .memory = 1 << 20};

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

/// Stored twice over, an object gives the same bytes.
template <class Fetch>
void again(const object& value, layer_t layer, Fetch fetch) {
  std::string first;
  writer out(first);
  value.store(out, layer);
  if (!out.ok()) {
    return; // an object inside is of an older layer
  }
  reader in(first);
  const auto copy = fetch(in);
  require(copy != nullptr);
  std::string second;
  writer out_again(second);
  copy->store(out_again, layer);
  require(first == second);
}

box<object> call_of(reader& in) {
  auto read = fetch_function(in);
  return read ? box<object>(std::move(*read)) : nullptr;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(data, size);
  for (const auto fetch : {&call_of, &godwit::tl::fetch_object}) {
    reader in(bytes, limits);
    if (const auto value = fetch(in)) {
      for (layer_t layer = 229; layer >= 133; layer -= 32) {
        if (value->known_at(layer)) {
          again(*value, layer, fetch);
        }
      }
    } else {
      require(!in.ok());
    }
  }
  reader in(bytes, limits);
  if (const auto value = mt::fetch_object(in)) {
    again(*value, 0, mt::fetch_object);
  }
  return 0;
}
