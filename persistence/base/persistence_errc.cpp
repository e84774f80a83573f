#include "persistence/base/persistence_errc.hpp"

namespace godwit::persistence {

std::string_view to_string(persistence_errc code) {
  switch (code) {
  case persistence_errc::ok: return "ok";
  case persistence_errc::not_found: return "not found";
  case persistence_errc::busy: return "busy";
  case persistence_errc::no_space: return "no space";
  case persistence_errc::read_only: return "read-only";
  case persistence_errc::io_error: return "input/output error";
  case persistence_errc::corrupt: return "corrupt";
  case persistence_errc::format_unknown: return "unknown format";
  case persistence_errc::invalid_argument: return "invalid argument";
  case persistence_errc::stopped: return "stopped";
  }
  return "unknown error";
}

} // namespace godwit::persistence
