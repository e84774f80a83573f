#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/crypto/dh.hpp"
#include "protocol/mtproto/handshake/exchange_crypto.hpp"
#include "protocol/mtproto/handshake/handshake_ids.hpp"
#include "tests/protocol/crypto/hex.hpp"

// The exchange of https://core.telegram.org/mtproto/samples-auth_key, as it stood there until 2021: values that were
// computed by somebody else.

namespace godwit::mtproto {
namespace {

using test::array_from_hex;
using test::from_hex;
using test::to_hex;

const auto nonce = array_from_hex<16>("3E0549828CCA27E966B301A48FECE2FC");
const auto server_nonce = array_from_hex<16>("A5CF4D33F4A11EA877BA4AA573907330");
const auto new_nonce = array_from_hex<32>("311C85DB234AA2640AFC4A76A735CF5B1F0FD68BD17FA181E1229AD867CC024D");

const std::string encrypted_answer =
  "28A92FE20173B347A8BB324B5FAB2667C9A8BBCE6468D5B509A4CBDDC186240AC912CF7006AF8926DE606A2E74C0493CAA57741E"
  "6C82451F54D3E068F5CCC49B4444124B9666FFB405AAB564A3D01E67F6E912867C8D20D9882707DC330B17B4E0DD57CB53BFAAFA"
  "9EF5BE76AE6C1B9B6C51E2D6502A47C883095C46C81E3BE25F62427B585488BB3BF239213BF48EB8FE34C9A026CC841393404397"
  "4DB03556633038392CECB51F94824E140B98637730A4BE79A8F9DAFA39BAE81E1095849EA4C83467C92A3A17D997817C8A7AC61C"
  "3FF414DA37B7D66E949C0AEC858F048224210FCC61F11C3A910B431CCBD104CCCC8DC6D29D4A5D133BE639A4C32BBFF153E63ACA"
  "3AC52F2E4709B8AE01844B142C1EE89D075D64F69A399FEB04E656FE3675A6F8F412078F3D0B58DA15311C1A9F8E53B3CD6BB557"
  "2C294904B726D0BE337E2E21977DA26DD6E33270251C2CA29DFCC70227F0755F84CFDA9AC4B8DD5F84F1D1EB36BA45CDDC70444D"
  "8C213E4BD8F63B8AB95A2D0B4180DC91283DC063ACFB92D6A4E407CDE7C8C69689F77A007441D4A6A8384B666502D9B77FC68B5B"
  "43CC607E60A146223E110FCB43BC3C942EF981930CDC4A1D310C0B64D5E55D308D863251AB90502C3E46CC599E886A927CDA963B"
  "9EB16CE62603B68529EE98F9F5206419E03FB458EC4BD9454AA8F6BA777573CC54B328895B1DF25EAD9FB4CD5198EE022B2B81F3"
  "88D281D5E5BC580107CA01A50665C32B552715F335FD76264FAD00DDD5AE45B94832AC79CE7C511D194BC42B70EFA850BB15C201"
  "2C5215CABFE97CE66B8D8734D0EE759A638AF013";

const std::string encrypted_data =
  "928A4957D0463B525C1CC48AABAA030A256BE5C746792C84CA4C5A0DF60AC799048D98A38A8480EDCF082214DFC79DCB9EE34E20"
  "6513E2B3BC1504CFE6C9ADA46BF9A03CA74F192EAF8C278454ADABC795A566615462D31817382984039505F71CB33A41E2527A4B"
  "1AC05107872FED8E3ABCEE1518AE965B0ED3AED7F67479155BDA8E4C286B64CDF123EC748CF289B1DB02D1907B562DF462D8582B"
  "A6F0A3022DC2D3504D69D1BA48B677E3A830BFAFD67584C8AA24E1344A8904E305F9587C92EF964F0083F50F61EAB4A393EAA33C"
  "9270294AEDC7732891D4EA1599F52311D74469D2112F4EDF3F342E93C8E87E812DC3989BAECFE6740A46077524C75093F5A54057"
  "36DE8937BB6E42C9A0DCF22CA53227D462BCCC2CFE94B6FE86AB7FBFA395021F66661AF7C0024CA2986CA03F3476905407D1EA9C"
  "010B763258DB1AA2CC7826D91334EFC1FDC665B67FE45ED0";

const std::string secret_b =
  "6F620AFA575C9233EB4C014110A7BCAF49464F798A18A0981FEA1E05E8DA67D9681E0FD6DF0EDF0272AE3492451A84502F2EFC0D"
  "A18741A5FB80BD82296919A70FAA6D07CBBBCA2037EA7D3E327B61D585ED3373EE0553A91CBD29B01FA9A89D479CA53D57BDE3A7"
  "6FBD922A923A0A38B922C1D0701F53FF52D7EA9217080163A64901E766EB6A0F20BC391B64B9D1DD2CD13A7D0C946A3A7DF8CEC9"
  "E2236446F646C42CFE2B60A2A8D776E56C8D7519B08B88ED0970E10D12A8C9E355D765F2B7BBB7B4CA9360083435523CB0D57D2B"
  "106FD14F94B4EEE79D8AC131CA56AD389C84FE279716F8124A543337FB9EA3D988EC5FA63D90A4BA3970E7A39E5C0DE5";

std::string text(const std::string& hex) {
  const std::vector<std::uint8_t> bytes = from_hex(hex);
  return {bytes.begin(), bytes.end()};
}

TEST(handshake_sample, TheTemporarySecretIsThatOfTheSample) {
  const crypto::ige_secret secret = temporary_secret(new_nonce, server_nonce);
  EXPECT_EQ(to_hex(secret.key), "f011280887c7bb01df0fc4e17830e0b91fbb8be4b2267cb985ae25f33b527253");
  EXPECT_EQ(to_hex(secret.iv), "3212d579ee35452ed23e0d0c92841aa7d31b2e9bdef2151e80d15860311c85db");
}

// The server's answer opens, and what is in it agrees with the outside and with the prime that clients know.
TEST(handshake_sample, TheServersAnswerOpens) {
  const auto opened = opened_data::open(text(encrypted_answer), temporary_secret(new_nonce, server_nonce));
  ASSERT_TRUE(opened.has_value());
  tl::reader reader = opened->data();
  EXPECT_EQ(reader.read_id(), ids::server_dh_inner_data);
  EXPECT_EQ(reader.read_int128(), nonce);
  EXPECT_EQ(reader.read_int128(), server_nonce);
  EXPECT_EQ(reader.read_int(), 2);
  EXPECT_EQ(reader.read_bytes(), crypto::as_text(crypto::dh::prime));
  EXPECT_EQ(reader.read_bytes().size(), 256U);
  EXPECT_EQ(reader.read_int(), 1373993675);
  EXPECT_TRUE(opened->is_whole(reader));
}

// The client's number opens, and is sealed again to the same bytes.
TEST(handshake_sample, TheClientsNumberOpensAndIsSealedToTheSameBytes) {
  const crypto::ige_secret secret = temporary_secret(new_nonce, server_nonce);
  const auto opened = opened_data::open(text(encrypted_data), secret);
  ASSERT_TRUE(opened.has_value());
  tl::reader reader = opened->data();
  const auto whole = reader.rest();
  EXPECT_EQ(reader.read_id(), ids::client_dh_inner_data);
  EXPECT_EQ(reader.read_int128(), nonce);
  EXPECT_EQ(reader.read_int128(), server_nonce);
  EXPECT_EQ(reader.read_long(), 0);
  EXPECT_EQ(reader.read_bytes().size(), 256U);
  ASSERT_TRUE(opened->is_whole(reader));

  const auto data = whole.first(whole.size() - reader.remaining());
  std::array<std::uint8_t, 16> padding{};
  std::copy(reader.rest().begin(), reader.rest().end(), padding.begin());
  EXPECT_EQ(seal(crypto::as_text(data), padding, secret), text(encrypted_data));
}

// g_a to the power of b is the key of the sample.
TEST(handshake_sample, TheSharedKeyIsThatOfTheSample) {
  const auto opened = opened_data::open(text(encrypted_answer), temporary_secret(new_nonce, server_nonce));
  ASSERT_TRUE(opened.has_value());
  tl::reader reader = opened->data();
  reader.read_raw(4 + 16 + 16 + 4);
  reader.read_bytes();
  const auto g_a = crypto::dh::number_from(crypto::as_bytes(reader.read_bytes()));
  ASSERT_TRUE(g_a.has_value());
  EXPECT_TRUE(crypto::dh::in_range(*g_a));
  const crypto::dh::number key = crypto::dh::power(*g_a, array_from_hex<256>(secret_b));
  const std::string hex = to_hex(key);
  EXPECT_EQ(hex.substr(0, 32), "ab96e207c631300986f30ef97df55e17");
  EXPECT_EQ(hex.substr(hex.size() - 28), "7e11ee63122b3f39cbd1a8430157");
  EXPECT_EQ(to_hex(new_nonce_hash(new_nonce, 1, aux_hash(key))), "ccebc0217266e1edec7fb0a0eed6c220");
}

// server_salt := substr(new_nonce, 0, 8) XOR substr(server_nonce, 0, 8): 311C85DB234AA264 ^ A5CF4D33F4A11EA8.
TEST(handshake_sample, TheFirstSaltIsTheXorOfTheNonces) {
  EXPECT_EQ(static_cast<std::uint64_t>(first_salt(new_nonce, server_nonce)), 0xccbcebd7e8c8d394U);
}

} // namespace
} // namespace godwit::mtproto
