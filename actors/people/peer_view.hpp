#pragma once

#include "protocol/ids.hpp"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::people {

/// Who is addressed, as a client reads it.
tl::box<tl::Peer> peer_view(user_id peer);

} // namespace godwit::people
