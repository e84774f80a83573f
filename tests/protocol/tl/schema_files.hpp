#pragma once

#include "protocol/tl/compiler/merge.hpp"

namespace godwit::tl {

/// The schema of the API as the build compiles it; read once.
const schema::model& api_model();

/// MTProto's own.
const schema::model& mt_model();

} // namespace godwit::tl
