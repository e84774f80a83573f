#pragma once

#include "protocol/tl/object.hpp"

namespace godwit::tl {

/// Any constructor of any type of the API. Null after an error.
box<object> fetch_object(reader& in);

namespace mt {

/// Any constructor or function of MTProto's own schema, but for those that are not values: rpc_result,
/// msg_container, msg_copy, gzip_packed. Null after an error.
box<object> fetch_object(reader& in);

} // namespace mt

} // namespace godwit::tl
