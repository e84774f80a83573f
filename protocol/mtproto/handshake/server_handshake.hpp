#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/crypto/random.hpp"
#include "protocol/crypto/rsa.hpp"
#include "protocol/expected.hpp"
#include "protocol/ids.hpp"
#include "protocol/mtproto/handshake/handshake_types.hpp"
#include "protocol/tl/reader.hpp"

namespace godwit::mtproto {

/// The RSA keys that a server answers for, in the order in which clients are offered them.
using server_keys = std::shared_ptr<const std::vector<crypto::rsa_private_key>>;

/// An expensive step: an RSA decryption with an exponentiation, or an exponentiation. Holds all that it
/// needs, its random bytes too, and refers to no exchange: it may run on any thread and outlive its client.
/// Secrets inside are wiped when it goes.
class handshake_work {
public:
  class job;

  handshake_work(std::uint64_t ticket, std::unique_ptr<job> what);
  ~handshake_work();
  handshake_work(handshake_work&&) noexcept;
  handshake_work& operator=(handshake_work&&) noexcept;

  /// Milliseconds of CPU. Once.
  void run();

  /// Tells a stale result from the awaited one.
  [[nodiscard]] std::uint64_t ticket() const { return ticket_; }
  [[nodiscard]] job& what() { return *job_; }

private:
  std::uint64_t ticket_;
  std::unique_ptr<job> job_;
};

/// Nothing to send now: the query repeats one whose answer is still being made, or the work belongs to an
/// exchange that is over.
struct nothing_to_do {};
/// The body of an unencrypted message for the client.
struct handshake_answer {
  std::string body;
};
/// Make this key durable, then call key_committed().
struct commit_key {
  new_auth_key key;
};

using handshake_step = std::variant<nothing_to_do, handshake_answer, handshake_work, commit_key>;
/// After an error the exchange is over. Send transport error -404, then close; nothing else, and the same
/// for every error.
using handshake_result = expected<handshake_step, handshake_errc>;

enum class commit_outcome : std::uint8_t {
  durable,
  id_taken, ///< another key has this id: the client tries again with another number
  failed,   ///< the client has to begin anew
};

/// The server's side of one key exchange, without I/O, clock or chance of its own.
///
/// handle() takes the client's queries in turn. Where a step is expensive it yields handshake_work: run it
/// anywhere, then hand it to finish(). The last step yields commit_key and answers dh_gen_ok only once the
/// key is durable. A query that repeats the one before, byte for byte, gets the same answer again.
///
/// One thread at a time. How long an exchange may live (the protocol says ten minutes) is the caller's to
/// bound. Source: https://core.telegram.org/mtproto/auth_key,
/// https://core.telegram.org/mtproto/security_guidelines
class server_handshake {
public:
  /// `number` is the upper half of every ticket, for callers with several exchanges.
  server_handshake(server_keys keys, crypto::random_source& random, std::uint32_t number = 0);
  ~server_handshake();
  server_handshake(server_handshake&&) noexcept;
  server_handshake& operator=(server_handshake&&) noexcept;

  /// The body of an unencrypted message. `now` goes to the client as the server's time. A req_pq with another
  /// nonce begins a new exchange and drops the present one.
  handshake_result handle(std::string_view body, unix_time now);
  /// Work that this exchange asked for, after run().
  handshake_result finish(handshake_work work);
  handshake_result key_committed(commit_outcome outcome);

  /// Whether dh_gen_ok was sent; only a repeat of the last query still makes sense.
  [[nodiscard]] bool done() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Which exchange a query belongs to; nothing when it is no query of the key exchange.
std::optional<tl::int128> handshake_nonce(std::string_view body);

} // namespace godwit::mtproto
