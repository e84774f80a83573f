#include "actors/session/session_probe.hpp"

#include "protocol/tl/methods.hpp"

namespace godwit::actors {

std::string_view to_string(call_result result) {
  switch (result) {
  case call_result::ok: return "ok";
  case call_result::bad_request: return "bad_request";
  case call_result::unauthorized: return "unauthorized";
  case call_result::flood: return "flood";
  case call_result::other_error: return "other_error";
  case call_result::server_error: return "server_error";
  case call_result::dropped: return "dropped";
  }
  return "unknown";
}

call_result result_of(std::int32_t error_code) {
  switch (error_code) {
  case 400: return call_result::bad_request;
  case 401: return call_result::unauthorized;
  case 420: return call_result::flood;
  default: return error_code >= 500 ? call_result::server_error : call_result::other_error;
  }
}

session_probe::session_probe()
    : methods_max_(tl::method_names().size()), methods_(std::make_unique<method_probe[]>(methods_max_ + 1)) {}

} // namespace godwit::actors
