#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "protocol/mtproto/handshake/client_handshake.hpp"
#include "protocol/mtproto/handshake/server_handshake.hpp"
#include "tests/protocol/mtproto/handshake/handshake_support.hpp"
#include "tests/protocol/mtproto/handshake/replayed_server.hpp"

namespace godwit::mtproto {
namespace {

using test::replayed_exchange;
using test::seeded_random;

/// One to four changes: a bit, a byte, a cut, an insertion, a repeated part, words that lengths like to be.
std::string mutate(std::string bytes, seeded_random& random) {
  for (std::uint64_t changes = 1 + random.below(4); changes != 0 && !bytes.empty(); --changes) {
    const std::size_t at = random.below(bytes.size());
    switch (random.below(6)) {
    case 0: bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8))); break;
    case 1: bytes[at] = static_cast<char>(random.below(256)); break;
    case 2: bytes.resize(at); break;
    case 3: bytes.insert(at, random.below(64), static_cast<char>(random.below(256))); break;
    case 4: bytes.insert(at, bytes.substr(random.below(bytes.size()), random.below(64))); break;
    default: bytes.replace(at, 1, random.below(2) == 0 ? "\xfe\xff\xff\xff" : "\xff"); break;
    }
  }
  return bytes;
}

/// The server goes on.
bool is_step(const handshake_result& result) { return result.has_value(); }

// Goal: whatever the bytes of a client's query, the answer is an error of the protocol or a regular step; nothing crashes
// and no key comes out of a changed query. Method: 80 000 seeded mutations of the three queries at their steps and at
// others. Where a mutation reaches RSA, that is run for one in a hundred: it takes a millisecond.
TEST(handshake_mutations, ChangedQueriesEndInErrors) {
  const std::uint64_t seed = test::seed_or(51);
  const replayed_exchange model(seed);
  seeded_random choice(seed);
  seeded_random random(0);
  int refused = 0;
  int reached_rsa = 0;
  for (int round = 0; round < 80'000; ++round) {
    const int kind = static_cast<int>(choice.below(3));
    const int step = choice.below(8) == 0 ? static_cast<int>(choice.below(4)) : kind;
    server_handshake server = model.server_at(step, random);
    const std::string query = mutate(model.query_at(kind), choice);
    if (query.starts_with(model.query_at(kind))) {
      continue; // unchanged but for padding
    }
    handshake_result result = server.handle(query, test::server_clock);
    if (is_step(result) && std::holds_alternative<handshake_work>(*result)) {
      ASSERT_EQ(kind, 1) << "seed " << seed << " round " << round; // no changed set_client_DH_params gets so far
      if (++reached_rsa % 100 != 0) {
        continue;
      }
      result = test::run_work(server, std::move(result));
    }
    if (!is_step(result)) {
      ++refused;
      continue;
    }
    ASSERT_FALSE(std::holds_alternative<commit_key>(*result)) << "seed " << seed << " round " << round;
    // A req_pq with another nonce is as good; in req_DH_params there are a few bytes of TL padding.
    ASSERT_NE(kind, 2) << "seed " << seed << " round " << round;
  }
  EXPECT_GT(refused, 40'000);
  EXPECT_GT(reached_rsa, 1000);
}

// The same inside the encryption, where a client that knows how to encrypt lies: 20 000 mutations of
// client_DH_inner_data, 300 of p_q_inner_data.
TEST(handshake_mutations, ChangedInnerDataEndsInErrors) {
  const std::uint64_t seed = test::seed_or(52);
  const replayed_exchange model(seed);
  seeded_random choice(seed);
  seeded_random random(0);
  int refused = 0;
  int other_number = 0;
  for (int round = 0; round < 20'000; ++round) {
    server_handshake server = model.server_at(2, random);
    const std::string inner = mutate(model.client().number_data(), choice);
    const std::string sealed = seal(inner, std::array<std::uint8_t, 16>{}, model.client().secret());
    const handshake_result result = server.handle(model.client().set_client_dh_params_with(sealed), test::server_clock);
    // Another g_b in range is as good as the one before.
    (is_step(result) ? other_number : refused) += 1;
    ASSERT_TRUE(!result || std::holds_alternative<handshake_work>(*result)) << "seed " << seed << " round " << round;
  }
  EXPECT_GT(refused, 10'000);
  EXPECT_GT(other_number, 100);

  for (int round = 0; round < 300; ++round) {
    server_handshake server = model.server_at(1, random);
    std::string inner = mutate(model.client().inner_data(), choice);
    inner.resize(std::min<std::size_t>(inner.size(), 144));
    const rsa_scheme scheme = choice.below(2) == 0 ? rsa_scheme::pad : rsa_scheme::sha1;
    const crypto::rsa_block encrypted =
      encrypt_inner_data(crypto::as_bytes(inner), scheme, test::keys_of_server()->at(0).public_key(), choice);
    const handshake_result result = test::drive(server, model.client().req_dh_params_with(crypto::as_text(encrypted)));
    ASSERT_TRUE(!result || std::holds_alternative<handshake_answer>(*result)) << "seed " << seed << " round " << round;
  }
}

// The client's side, for the load generator's sake: 3 000 changed answers.
TEST(handshake_mutations, ChangedAnswersEndInErrorsOfTheClient) {
  const std::uint64_t seed = test::seed_or(53);
  seeded_random choice(seed);
  test::exchange model(seed);
  model.to_set_client_dh_params();
  for (int round = 0; round < 3000; ++round) {
    seeded_random random(seed + 1);
    client_handshake client(test::plain_client(), random);
    ASSERT_EQ(client.start(), model.req_pq);
    if (round % 20 != 0) { // resPQ; a changed pq takes the client a while
      const std::string cut = mutate(model.res_pq.substr(0, 36), choice) + model.res_pq.substr(36);
      const auto result = client.handle(cut);
      EXPECT_TRUE(!result || std::holds_alternative<handshake_query>(*result));
      continue;
    }
    ASSERT_TRUE(client.handle(model.res_pq).has_value());
    const std::string answer = mutate(model.dh_params, choice);
    EXPECT_EQ(client.handle(answer).has_value(), answer == model.dh_params) << "seed " << seed << " round " << round;
  }
}

} // namespace
} // namespace godwit::mtproto
