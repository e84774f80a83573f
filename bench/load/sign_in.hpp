#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace godwit::bench {

class load_client;

/// The number of an account: digits alone, a test number.
std::string phone_of(std::uint32_t account);

/// What a client does from its key to being idle: initConnection with help.getConfig, auth.sendCode, auth.signIn,
/// auth.signUp where the account is new, updates.getState. The account is that of the `account`th test number.
/// `done` gets an empty text, or what failed.
void sign_in(load_client& client, std::uint32_t account, std::function<void(std::string)> done);

/// The part of it that a client with a key that is logged in does: initConnection, updates.getState.
void resume(load_client& client, std::function<void(std::string)> done);

} // namespace godwit::bench
