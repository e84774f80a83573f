#include "protocol/mtproto/transport/transport_errc.hpp"

namespace godwit::mtproto {

std::string_view name_of(transport_errc error) {
  switch (error) {
  case transport_errc::unknown_transport: return "unknown_transport";
  case transport_errc::tls: return "tls";
  case transport_errc::http: return "http";
  case transport_errc::bad_length: return "bad_length";
  case transport_errc::too_long: return "too_long";
  case transport_errc::wrong_sequence: return "wrong_sequence";
  case transport_errc::wrong_checksum: return "wrong_checksum";
  case transport_errc::bad_proxy_header: return "bad_proxy_header";
  }
  return "unknown";
}

} // namespace godwit::mtproto
