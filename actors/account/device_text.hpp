#pragma once

#include <optional>
#include <string>

#include "actors/account/account_flow.hpp"
#include "actors/commands/account_commands.pb.h"

namespace godwit::account {

/// A person's name without control characters and without spaces at its ends; nothing when it is too long.
/// `text` is UTF-8.
std::optional<std::string> cleaned_name(const std::string& text);

/// What the list of logins shows of a client: its words, cut to their bounds, and what can be guessed from them.
command::Device device_of(const client_device& client);

} // namespace godwit::account
