#include "actors/entity/tl_answer.hpp"

namespace godwit::entity {

rpc_result<std::string> stored(const tl::object& what, layer_t layer) {
  std::string bytes;
  tl::writer out(bytes);
  what.store(out, layer);
  if (!out.ok()) {
    return unexpected(rpc_error{rpc_errc::rpc_call_fail});
  }
  return bytes;
}

} // namespace godwit::entity
