#include "protocol/crypto/aes_ctr.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstddef>
#include <memory>

namespace godwit::crypto {

namespace {

constexpr std::size_t block = 16;
constexpr std::size_t piece_bytes_max = std::size_t{1} << 30;

struct cipher_deleter {
  void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

/// The thread's context, which every key stream takes in turn. The look-up of the cipher is done once.
EVP_CIPHER_CTX* thread_context() {
  thread_local const std::unique_ptr<EVP_CIPHER_CTX, cipher_deleter> context = [] {
    const std::unique_ptr<EVP_CIPHER, cipher_deleter> cipher(EVP_CIPHER_fetch(nullptr, "AES-256-CTR", nullptr));
    std::unique_ptr<EVP_CIPHER_CTX, cipher_deleter> made(EVP_CIPHER_CTX_new());
    OPENSSL_assert(cipher != nullptr && made != nullptr &&
                   EVP_EncryptInit_ex2(made.get(), cipher.get(), nullptr, nullptr, nullptr) == 1);
    return made;
  }();
  return context.get();
}

void update(EVP_CIPHER_CTX* context, std::uint8_t* data, std::size_t size) {
  int written = 0;
  OPENSSL_assert(EVP_EncryptUpdate(context, data, &written, data, static_cast<int>(size)) == 1);
}

/// Adds to a counter, which is a big-endian number.
void advance(aes_ctr::iv_type& counter, std::size_t blocks) {
  for (std::size_t i = counter.size(); i-- > 0 && blocks != 0;) {
    blocks += counter[i];
    counter[i] = static_cast<std::uint8_t>(blocks);
    blocks >>= 8;
  }
}

} // namespace

aes_ctr::aes_ctr(const key_type& key, const iv_type& iv) : key_(key), counter_(iv) {}

aes_ctr::~aes_ctr() { wipe(key_); }

void aes_ctr::apply(mutable_bytes data) {
  if (data.empty()) {
    return;
  }
  EVP_CIPHER_CTX* const context = thread_context();
  OPENSSL_assert(EVP_EncryptInit_ex2(context, nullptr, key_.data(), counter_.data(), nullptr) == 1);
  std::array<std::uint8_t, block> skipped{};
  if (used_ != 0) {
    update(context, skipped.data(), used_);
  }
  const std::size_t end = used_ + data.size();
  while (!data.empty()) {
    const auto piece = data.first(std::min(data.size(), piece_bytes_max));
    update(context, piece.data(), piece.size());
    data = data.subspan(piece.size());
  }
  advance(counter_, end / block);
  used_ = static_cast<std::uint8_t>(end % block);
}

} // namespace godwit::crypto
