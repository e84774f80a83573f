#include "protocol/mtproto/message/types.hpp"

namespace godwit::mtproto {

std::string_view to_string(close_reason reason) {
  switch (reason) {
  case close_reason::too_many_bad_messages: return "too_many_bad_messages";
  case close_reason::output_flood: return "output_flood";
  }
  return "unknown";
}

void session_output::clear() {
  calls.clear();
  events.clear();
  close.reset();
}

} // namespace godwit::mtproto
