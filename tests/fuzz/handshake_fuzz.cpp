// Bytes of a client at every step of the key exchange, outside and inside the encryption; and of a server to the client.
// The first byte says where the rest goes.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/mtproto/handshake/client_handshake.hpp"
#include "protocol/mtproto/handshake/rsa_padding.hpp"
#include "tests/protocol/mtproto/handshake/handshake_support.hpp"
#include "tests/protocol/mtproto/handshake/replayed_server.hpp"

namespace godwit::mtproto {
namespace {

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

const test::replayed_exchange& model() {
  static const test::replayed_exchange only(7);
  return only;
}

/// Any query at any step; a key may only come out of the one that was due.
void query(int step, std::string_view body) {
  test::seeded_random random(0);
  server_handshake server = model().server_at(step, random);
  handshake_result result = server.handle(body, test::server_clock);
  if (result && std::holds_alternative<handshake_work>(*result)) {
    result = test::run_work(server, std::move(result));
  }
  require(!result || !std::holds_alternative<commit_key>(*result) || step == 2);
  // Whatever it was, a new exchange can begin.
  require(!test::answer_in(server.handle(model().query_at(0), test::server_clock)).empty());
}

/// p_q_inner_data under RSA.
void inner_data(rsa_scheme scheme, std::string_view inner) {
  test::seeded_random random(0);
  server_handshake server = model().server_at(1, random);
  const crypto::rsa_block encrypted = encrypt_inner_data(crypto::as_bytes(inner.substr(0, 144)), scheme,
                                                         test::keys_of_server()->at(0).public_key(), random);
  const auto result = test::drive(server, model().client().req_dh_params_with(crypto::as_text(encrypted)));
  require(!result || std::holds_alternative<handshake_answer>(*result));
}

/// client_DH_inner_data under AES, or any bytes in its place.
void number_data(bool sealed, std::string_view inner) {
  test::seeded_random random(0);
  server_handshake server = model().server_at(2, random);
  const std::string data =
    sealed ? seal(inner, std::array<std::uint8_t, 16>{}, model().client().secret()) : std::string(inner);
  const auto result = server.handle(model().client().set_client_dh_params_with(data), test::server_clock);
  require(!result || std::holds_alternative<handshake_work>(*result));
}

/// resPQ behind its nonce.
void res_pq(std::string_view rest) {
  test::seeded_random random(0);
  client_handshake client(test::plain_client(), random);
  const std::string nonce = client.start().substr(4);
  std::string body = model().res_pq().substr(0, 4) + nonce;
  body += rest;
  (void)client.handle(body);
}

void run(std::uint8_t where, std::string_view rest) {
  switch (where % 9) {
  case 0:
  case 1:
  case 2:
  case 3: return query(where % 9, rest);
  case 4: return inner_data(rsa_scheme::pad, rest);
  case 5: return inner_data(rsa_scheme::sha1, rest.substr(0, 234));
  case 6: return number_data(true, rest);
  case 7: return number_data(false, rest);
  default: return res_pq(rest);
  }
}

} // namespace
} // namespace godwit::mtproto

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size != 0) {
    godwit::mtproto::run(data[0], {reinterpret_cast<const char*>(data + 1), size - 1});
  }
  return 0;
}
