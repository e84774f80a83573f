#pragma once

#include "tests/e2e/wire/replayed_client.hpp"

namespace godwit::test {

/// What TDLib asks before somebody is logged in, beside help.getConfig.
void ask_before_login(replayed_client& client);
/// What it asks at every start of an account; the caller adds updates.getState or getDifference.
void ask_at_start(replayed_client& client);
/// What it asks once an application says that it is online.
void ask_when_online(replayed_client& client);

} // namespace godwit::test
