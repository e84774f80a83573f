#include "protocol/mtproto/handshake/handshake_types.hpp"

namespace godwit::mtproto {

std::string_view to_string(handshake_errc code) {
  switch (code) {
  case handshake_errc::malformed: return "malformed";
  case handshake_errc::out_of_order: return "out of order";
  case handshake_errc::wrong_nonce: return "wrong nonce";
  case handshake_errc::wrong_factors: return "wrong factors";
  case handshake_errc::unknown_key: return "unknown key";
  case handshake_errc::undecipherable: return "undecipherable";
  case handshake_errc::bad_inner_data: return "bad inner data";
  case handshake_errc::bad_group: return "bad group";
  case handshake_errc::retries_used_up: return "retries used up";
  case handshake_errc::failed: return "failed";
  }
  return "unknown error";
}

} // namespace godwit::mtproto
