#include "protocol/crypto/sealing.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "protocol/crypto/hash.hpp"

namespace godwit::crypto {
namespace {

constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;

constexpr std::uint64_t scrypt_cost = 1 << 15;
constexpr std::uint64_t scrypt_block = 8;
constexpr std::uint64_t scrypt_bytes_max = 64 << 20;
static_assert(nonce_bytes + tag_bytes == sealed_extra_bytes);

struct cipher_deleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, cipher_deleter>;

std::uint8_t* bytes_of(std::string& text) { return reinterpret_cast<std::uint8_t*>(text.data()); }

} // namespace

std::string seal(const sealing_key& key, bytes_view context, bytes_view plain, random_source& random) {
  std::string out(nonce_bytes + plain.size() + tag_bytes, '\0');
  std::uint8_t* const nonce = bytes_of(out);
  std::uint8_t* const body = nonce + nonce_bytes;
  random.fill({nonce, nonce_bytes});
  const cipher_context cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  int last = 0;
  OPENSSL_assert(
    cipher != nullptr && EVP_EncryptInit_ex2(cipher.get(), EVP_aes_256_gcm(), key.data(), nonce, nullptr) == 1 &&
    EVP_EncryptUpdate(cipher.get(), nullptr, &written, context.data(), static_cast<int>(context.size())) == 1 &&
    EVP_EncryptUpdate(cipher.get(), body, &written, plain.data(), static_cast<int>(plain.size())) == 1 &&
    EVP_EncryptFinal_ex(cipher.get(), body + plain.size(), &last) == 1 &&
    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, body + plain.size()) == 1);
  return out;
}

std::optional<std::string> unseal(const sealing_key& key, bytes_view context, bytes_view sealed) {
  if (sealed.size() < sealed_extra_bytes) {
    return std::nullopt;
  }
  const bytes_view body = sealed.subspan(nonce_bytes, sealed.size() - sealed_extra_bytes);
  std::array<std::uint8_t, tag_bytes> tag{};
  std::copy(sealed.end() - tag_bytes, sealed.end(), tag.begin());
  std::string out(body.size(), '\0');
  const cipher_context cipher(EVP_CIPHER_CTX_new());
  int written = 0;
  OPENSSL_assert(
    cipher != nullptr &&
    EVP_DecryptInit_ex2(cipher.get(), EVP_aes_256_gcm(), key.data(), sealed.data(), nullptr) == 1 &&
    EVP_DecryptUpdate(cipher.get(), nullptr, &written, context.data(), static_cast<int>(context.size())) == 1 &&
    EVP_DecryptUpdate(cipher.get(), bytes_of(out), &written, body.data(), static_cast<int>(body.size())) == 1 &&
    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag.data()) == 1);
  std::array<std::uint8_t, tag_bytes> rest{};
  if (EVP_DecryptFinal_ex(cipher.get(), rest.data(), &written) != 1) {
    wipe({bytes_of(out), out.size()});
    return std::nullopt;
  }
  return out;
}

sealing_key derive_key(bytes_view from, bytes_view purpose) { return hmac_sha256(from, purpose); }

sealing_key derive_key_slowly(bytes_view passphrase, bytes_view salt) {
  sealing_key key{};
  OPENSSL_assert(EVP_PBE_scrypt(reinterpret_cast<const char*>(passphrase.data()), passphrase.size(), salt.data(),
                                salt.size(), scrypt_cost, scrypt_block, 1, scrypt_bytes_max, key.data(),
                                key.size()) == 1);
  return key;
}

} // namespace godwit::crypto
