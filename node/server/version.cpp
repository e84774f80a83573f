#include "node/server/version.hpp"

namespace godwit::node {

const std::string_view version = GODWIT_VERSION;

} // namespace godwit::node
