#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/crypto/hash.hpp"
#include "protocol/mtproto/handshake/rsa_padding.hpp"
#include "protocol/mtproto/handshake/server_handshake.hpp"
#include "tests/protocol/mtproto/handshake/handshake_support.hpp"
#include "tests/protocol/mtproto/handshake/manual_client.hpp"

// What the server refuses. Each test makes one thing wrong in an exchange that is right otherwise.

namespace godwit::mtproto {
namespace {

using test::answer_in;
using test::drive;
using test::exchange;
using test::manual_client;

/// A server and a client at the step where req_DH_params is due.
struct at_dh {
  test::seeded_random random{31};
  server_handshake server{test::keys_of_server(), random};
  manual_client client{32};

  at_dh() { client.take_res_pq(answer_in(drive(server, client.req_pq()))); }

  handshake_result ask() { return drive(server, client.req_dh_params()); }
};

/// The same where set_client_DH_params is due.
struct at_number : at_dh {
  at_number() { EXPECT_FALSE(answer_in(ask()).empty()); }

  handshake_result tell() { return drive(server, client.set_client_dh_params()); }
};

template <class At>
void expect_refused(handshake_errc code, const std::function<handshake_result(At&)>& act) {
  At at;
  const handshake_result result = act(at);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(to_string(result.error()), to_string(code));
}

// Without anything wrong, these exchanges succeed: what the other tests refuse is refused for its one flaw.
TEST(handshake_rules, AnExchangeWithoutAFlawSucceeds) {
  at_number at;
  EXPECT_TRUE(exchange::commit_in(at.tell()).has_value());
  at_dh older;
  older.client.scheme = rsa_scheme::sha1;
  older.client.inner_id = ids::p_q_inner_data;
  older.client.dc.reset();
  EXPECT_FALSE(answer_in(older.ask()).empty());
}

TEST(handshake_rules, BytesThatAreNoQueryAreMalformed) {
  test::seeded_random random(1);
  const manual_client client(2);
  for (const std::string& body : std::vector<std::string>{"", "abc", std::string(4, '\0'), client.req_pq(0x12345678),
                                                          client.req_pq().substr(0, 19), client.req_pq(ids::res_pq)}) {
    server_handshake server(test::keys_of_server(), random);
    EXPECT_EQ(drive(server, body).error(), handshake_errc::malformed) << body.size();
  }
}

// TDLib pads unencrypted messages with up to 255 random bytes, inside of their length.
TEST(handshake_rules, PaddingBehindAQueryIsPassedOver) {
  const std::string padding(255, '\x5a');
  test::exchange both(7);
  std::string query = both.client.start();
  for (int i = 0; i < 3; ++i) {
    handshake_result result = drive(both.server, query + padding);
    ASSERT_TRUE(result.has_value()) << "query " << i;
    if (i == 2) {
      EXPECT_TRUE(std::holds_alternative<commit_key>(*result));
      break;
    }
    query = test::next_query(both.client, answer_in(std::move(result)));
  }
}

// Steps 3 to 5 of the page: the nonces, the factors, the fingerprint and the size of what RSA made.
TEST(handshake_rules, ReqDhParamsIsCheckedFieldByField) {
  using act = std::function<handshake_result(at_dh&)>;
  const std::vector<std::pair<handshake_errc, act>> cases = {
    {handshake_errc::wrong_nonce,
     [](at_dh& at) {
       at.client.nonce[0] ^= 1;
       return at.ask();
     }},
    {handshake_errc::wrong_nonce,
     [](at_dh& at) {
       at.client.server_nonce[15] ^= 1;
       return at.ask();
     }},
    {handshake_errc::wrong_factors,
     [](at_dh& at) {
       std::swap(at.client.p, at.client.q);
       return at.ask();
     }},
    {handshake_errc::wrong_factors,
     [](at_dh& at) {
       at.client.p = at.client.pq;
       at.client.q = "\1";
       return at.ask();
     }},
    {handshake_errc::wrong_factors,
     [](at_dh& at) {
       at.client.p.insert(0, 1, '\0');
       return at.ask();
     }},
    {handshake_errc::unknown_key,
     [](at_dh& at) {
       at.client.fingerprint ^= 1;
       return at.ask();
     }},
    {handshake_errc::malformed, [](at_dh& at) { return drive(at.server, at.client.req_dh_params_with("")); }},
    {handshake_errc::malformed,
     [](at_dh& at) { return drive(at.server, at.client.req_dh_params_with(std::string(255, 'x'))); }},
    {handshake_errc::malformed,
     [](at_dh& at) { return drive(at.server, at.client.req_dh_params_with(std::string(257, 'x'))); }},
    {handshake_errc::malformed, [](at_dh& at) { return drive(at.server, at.client.req_dh_params().substr(0, 100)); }},
  };
  for (const auto& [code, act_once] : cases) {
    expect_refused<at_dh>(code, act_once);
  }
}

// What does not open under RSA is refused with one error, whatever is wrong with it: a number above the modulus, noise,
// the other key, a hash that is off by a bit, a leading byte.
TEST(handshake_rules, WhateverDoesNotOpenIsRefusedAlike) {
  using act = std::function<std::string(at_dh&)>;
  const auto sealed = [](const crypto::rsa_block& block) {
    return std::string(crypto::as_text(*test::keys_of_server()->at(0).public_key().apply(block)));
  };
  const std::vector<act> cases = {
    [](at_dh&) { return std::string(256, '\xff'); },
    [](at_dh&) { return std::string(256, '\x01'); },
    [](at_dh&) { return std::string(256, '\0'); },
    [](at_dh& at) {
      const std::string inner = at.client.inner_data();
      const auto other_key = test::keys_of_server()->at(1).public_key();
      return std::string(
        crypto::as_text(encrypt_inner_data(crypto::as_bytes(inner), rsa_scheme::pad, other_key, at.client.random)));
    },
    [&sealed](at_dh& at) { // the SHA-1 scheme with one wrong bit in its hash
      const std::string inner = at.client.inner_data();
      crypto::rsa_block block{};
      const crypto::sha1_hash hash = crypto::sha1(crypto::as_bytes(inner));
      std::copy(hash.begin(), hash.end(), block.begin() + 1);
      std::copy(inner.begin(), inner.end(), block.begin() + 21);
      block[20] ^= 1;
      return sealed(block);
    },
    [&sealed](at_dh& at) { // and with a number of 256 bytes
      const std::string inner = at.client.inner_data();
      crypto::rsa_block block{};
      const crypto::sha1_hash hash = crypto::sha1(crypto::as_bytes(inner));
      std::copy(hash.begin(), hash.end(), block.begin() + 1);
      std::copy(inner.begin(), inner.end(), block.begin() + 21);
      block[0] = 1;
      return sealed(block);
    },
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    at_dh at;
    const handshake_result result = drive(at.server, at.client.req_dh_params_with(cases[i](at)));
    ASSERT_FALSE(result.has_value()) << i;
    EXPECT_EQ(result.error(), handshake_errc::undecipherable) << i;
  }
}

// Security guidelines: the numbers inside must be those outside. With both schemes.
TEST(handshake_rules, PqInnerDataIsCheckedFieldByField) {
  using act = std::function<void(manual_client&)>;
  const std::vector<act> flaws = {
    [](manual_client& client) { client.inner_nonce[3] ^= 1; },
    [](manual_client& client) { client.inner_server_nonce[3] ^= 1; },
    [](manual_client& client) { client.inner_pq[7] ^= 1; },
    [](manual_client& client) { std::swap(client.inner_p, client.inner_q); },
    [](manual_client& client) { client.inner_q[0] ^= 1; },
    [](manual_client& client) { client.inner_id = ids::req_pq; },
    [](manual_client& client) { client.inner_id = 0; },
    [](manual_client& client) {
      client.inner_id = ids::p_q_inner_data_temp;
      client.dc = 0;
    }, // expires_in 0
  };
  for (const rsa_scheme scheme : {rsa_scheme::pad, rsa_scheme::sha1}) {
    for (std::size_t i = 0; i < flaws.size(); ++i) {
      at_dh at;
      at.client.scheme = scheme;
      flaws[i](at.client);
      const handshake_result result = at.ask();
      ASSERT_FALSE(result.has_value()) << i;
      EXPECT_EQ(result.error(), handshake_errc::bad_inner_data) << i;
    }
  }
}

// With the SHA-1 scheme the hash says where the data ends: more data under the hash than the constructor has is refused.
TEST(handshake_rules, TheShaSchemeAllowsNothingBehindTheData) {
  at_dh at;
  at.client.scheme = rsa_scheme::sha1;
  at.client.behind_inner = "abcd"; // as long as a temporary key's data
  EXPECT_EQ(at.ask().error(), handshake_errc::bad_inner_data);
}

// Step 6: the nonces outside, the hash, the size, the fields inside.
TEST(handshake_rules, SetClientDhParamsIsCheckedFieldByField) {
  using act = std::function<handshake_result(at_number&)>;
  const auto sealed = [](at_number& at, const std::string& data) {
    return drive(at.server,
                 at.client.set_client_dh_params_with(seal(data, std::array<std::uint8_t, 16>{}, at.client.secret())));
  };
  const auto raw = [](at_number& at, const std::string& text) {
    return drive(at.server, at.client.set_client_dh_params_with(text));
  };
  const std::vector<std::pair<handshake_errc, act>> cases = {
    {handshake_errc::wrong_nonce,
     [](at_number& at) {
       at.client.nonce[0] ^= 1;
       return at.tell();
     }},
    {handshake_errc::wrong_nonce,
     [](at_number& at) {
       at.client.server_nonce[0] ^= 1;
       return at.tell();
     }},
    {handshake_errc::undecipherable,
     [](at_number& at) {
       at.client.new_nonce[0] ^= 1;
       return at.tell();
     }},
    {handshake_errc::undecipherable, [raw](at_number& at) { return raw(at, ""); }},
    {handshake_errc::undecipherable, [raw](at_number& at) { return raw(at, std::string(16, 'x')); }},
    {handshake_errc::undecipherable, [raw](at_number& at) { return raw(at, std::string(335, 'x')); }},
    {handshake_errc::undecipherable, [raw](at_number& at) { return raw(at, std::string(336, 'x')); }},
    {handshake_errc::undecipherable, [raw](at_number& at) { return raw(at, std::string(1 << 20, 'x')); }},
    {handshake_errc::undecipherable, // a whole block of padding
     [sealed](at_number& at) { return sealed(at, at.client.number_data() + std::string(16, 'x')); }},
    {handshake_errc::undecipherable,
     [sealed](at_number& at) { return sealed(at, at.client.number_data().substr(0, 60)); }},
    {handshake_errc::bad_inner_data,
     [](at_number& at) {
       at.client.inner_nonce[0] ^= 1;
       return at.tell();
     }},
    {handshake_errc::bad_inner_data,
     [](at_number& at) {
       at.client.inner_server_nonce[9] ^= 1;
       return at.tell();
     }},
    {handshake_errc::bad_inner_data,
     [](at_number& at) {
       at.client.retry_id = 1;
       return at.tell();
     }},
    {handshake_errc::bad_inner_data,
     [](at_number& at) {
       at.client.number_id ^= 1;
       return at.tell();
     }},
  };
  for (const auto& [code, act_once] : cases) {
    expect_refused<at_number>(code, act_once);
  }
}

// Security guidelines, "g_a and g_b validation": 1 < g_b < p - 1, and 2^{2048-64} <= g_b <= p - 2^{2048-64}.
TEST(handshake_rules, NumbersOutOfRangeAreRefused) {
  crypto::dh::number below_p = crypto::dh::prime;
  below_p.back() = static_cast<std::uint8_t>(below_p.back() - 1);
  std::string large(1, '\1');
  large += crypto::as_text(crypto::dh::prime);
  for (const std::string& g_b : {std::string(), std::string("\0", 1), std::string("\1"), std::string("\2"),
                                 std::string(248, '\xff'), std::string(crypto::as_text(crypto::dh::prime)),
                                 std::string(crypto::as_text(below_p)), std::string(256, '\xff'), large}) {
    at_number at;
    at.client.g_b = g_b;
    const handshake_result result = at.tell();
    ASSERT_FALSE(result.has_value()) << g_b.size();
    EXPECT_EQ(result.error(), handshake_errc::bad_group) << g_b.size();
  }
}

// retry_id is 0 at first and then the auth_key_aux_hash of the key before ("Presenting proof of work", step 6).
TEST(handshake_rules, ARetryNamesTheKeyThatWasTaken) {
  for (const bool right : {true, false}) {
    at_number at;
    const std::optional<new_auth_key> taken = exchange::commit_in(at.tell());
    ASSERT_TRUE(taken.has_value());
    (void)at.server.key_committed(commit_outcome::id_taken);
    at.client.b[255] ^= 1;
    at.client.g_b = crypto::as_text(crypto::dh::power(at.client.b));
    at.client.retry_id = right ? aux_hash(taken->key.bytes) : 0;
    const handshake_result result = at.tell();
    EXPECT_EQ(exchange::commit_in(result).has_value(), right);
    if (!right) {
      EXPECT_EQ(result.error(), handshake_errc::bad_inner_data);
    }
  }
}

// RSA_PAD takes data of up to 144 bytes, and both paddings are told apart whatever the size of the data.
TEST(rsa_padding, BothSchemesAreOpenedAndToldApart) {
  test::seeded_random random(41);
  const crypto::rsa_private_key& key = test::keys_of_server()->at(0);
  for (const std::size_t size : {96U, 100U, 104U}) {
    for (const rsa_scheme scheme : {rsa_scheme::pad, rsa_scheme::sha1}) {
      for (int i = 0; i < 20; ++i) {
        std::vector<std::uint8_t> data(size);
        random.fill(data);
        const auto opened = unpad(*key.apply(encrypt_inner_data(data, scheme, key.public_key(), random)));
        ASSERT_TRUE(opened.has_value());
        EXPECT_EQ(opened->scheme, scheme);
        EXPECT_EQ(opened->size, scheme == rsa_scheme::pad ? 192U : size);
        EXPECT_TRUE(std::equal(data.begin(), data.end(), opened->bytes.begin()));
      }
    }
  }
  for (int i = 0; i < 100; ++i) {
    crypto::rsa_block noise;
    random.fill(noise);
    noise[0] = 0;
    EXPECT_FALSE(unpad(noise).has_value());
  }
}

} // namespace
} // namespace godwit::mtproto
