#include "protocol/crypto/native_kernels.hpp"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

namespace godwit::crypto::native {
namespace {

#define GODWIT_INLINE inline __attribute__((always_inline))

GODWIT_INLINE __m128i load(const std::uint8_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }

GODWIT_INLINE void store(std::uint8_t* to, __m128i value) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), value); }

/// The word that FIPS 197 calls temp, in every position of `assist`, mixed into four words of the schedule.
GODWIT_INLINE __m128i next_words(__m128i words, __m128i assist) {
  words = _mm_xor_si128(words, _mm_slli_si128(words, 4));
  words = _mm_xor_si128(words, _mm_slli_si128(words, 8));
  return _mm_xor_si128(words, assist);
}

template <int Round>
GODWIT_INLINE void expand_pair(__m128i* keys) {
  constexpr int constant = 1 << (Round - 1);
  const int at = 2 * Round;
  keys[at] = next_words(keys[at - 2], _mm_shuffle_epi32(_mm_aeskeygenassist_si128(keys[at - 1], constant), 0xff));
  if constexpr (Round < 7) {
    keys[at + 1] = next_words(keys[at - 1], _mm_shuffle_epi32(_mm_aeskeygenassist_si128(keys[at], 0), 0xaa));
  }
}

GODWIT_INLINE void expand(const std::uint8_t* key, __m128i* keys) {
  keys[0] = load(key);
  keys[1] = load(key + 16);
  expand_pair<1>(keys);
  expand_pair<2>(keys);
  expand_pair<3>(keys);
  expand_pair<4>(keys);
  expand_pair<5>(keys);
  expand_pair<6>(keys);
  expand_pair<7>(keys);
}

template <bool Encrypt>
GODWIT_INLINE __m128i round_of(__m128i block, __m128i key) {
  return Encrypt ? _mm_aesenc_si128(block, key) : _mm_aesdec_si128(block, key);
}

template <bool Encrypt>
GODWIT_INLINE __m128i last_round_of(__m128i block, __m128i key) {
  return Encrypt ? _mm_aesenclast_si128(block, key) : _mm_aesdeclast_si128(block, key);
}

/// IGE: out = AES(in ^ last out) ^ last in. The last xor joins the last round key.
template <std::size_t Lanes, bool Encrypt>
void ige(ige_lane* lanes, std::size_t blocks) {
  __m128i output[Lanes];
  __m128i input[Lanes];
  std::uint8_t* data[Lanes];
#pragma GCC unroll 8
  for (std::size_t lane = 0; lane < Lanes; ++lane) {
    output[lane] = load(lanes[lane].last_output);
    input[lane] = load(lanes[lane].last_input);
    data[lane] = lanes[lane].data;
  }
  for (std::size_t block = 0; block < blocks; ++block) {
    __m128i state[Lanes];
    __m128i last_key[Lanes];
#pragma GCC unroll 8
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
      last_key[lane] = _mm_xor_si128(load(lanes[lane].schedule[14]), input[lane]);
      input[lane] = load(data[lane] + 16 * block);
      state[lane] = _mm_xor_si128(_mm_xor_si128(input[lane], output[lane]), load(lanes[lane].schedule[0]));
    }
#pragma GCC unroll 13
    for (int round = 1; round < 14; ++round) {
#pragma GCC unroll 8
      for (std::size_t lane = 0; lane < Lanes; ++lane) {
        state[lane] = round_of<Encrypt>(state[lane], load(lanes[lane].schedule[round]));
      }
    }
#pragma GCC unroll 8
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
      output[lane] = last_round_of<Encrypt>(state[lane], last_key[lane]);
      store(data[lane] + 16 * block, output[lane]);
    }
  }
#pragma GCC unroll 8
  for (std::size_t lane = 0; lane < Lanes; ++lane) {
    store(lanes[lane].last_output, output[lane]);
    store(lanes[lane].last_input, input[lane]);
    lanes[lane].data = data[lane] + 16 * blocks;
    lanes[lane].blocks -= blocks;
  }
}

template <bool Encrypt>
void ige_of(ige_lane* lanes, std::size_t count, std::size_t blocks) {
  switch (count) {
  case 1: return ige<1, Encrypt>(lanes, blocks);
  case 2: return ige<2, Encrypt>(lanes, blocks);
  case 3: return ige<3, Encrypt>(lanes, blocks);
  case 4: return ige<4, Encrypt>(lanes, blocks);
  case 5: return ige<5, Encrypt>(lanes, blocks);
  case 6: return ige<6, Encrypt>(lanes, blocks);
  case 7: return ige<7, Encrypt>(lanes, blocks);
  case 8: return ige<8, Encrypt>(lanes, blocks);
  default: return;
  }
}

/// FIPS 180-4, 4.2.2.
alignas(16) constexpr std::uint32_t round_constants[64] = {
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// The words a to h as the instructions hold them: {f, e, b, a} and {h, g, d, c}, lowest first.
constexpr int order[8] = {5, 4, 1, 0, 7, 6, 3, 2};
constexpr std::uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

template <std::size_t Lanes>
struct sha_registers {
  __m128i abef[Lanes];
  __m128i cdgh[Lanes];
  __m128i words[Lanes][4];
};

/// Four rounds of all lanes with the words of `group`, which replace those of 16 rounds before.
template <std::size_t Lanes>
GODWIT_INLINE void four_rounds(sha_registers<Lanes>& at, int group) {
  const __m128i constants = _mm_load_si128(reinterpret_cast<const __m128i*>(round_constants) + group);
#pragma GCC unroll 8
  for (std::size_t lane = 0; lane < Lanes; ++lane) {
    __m128i* words = at.words[lane];
    if (group >= 4) {
      const __m128i before = words[(group + 3) & 3];
      const __m128i seventh = _mm_alignr_epi8(before, words[(group + 2) & 3], 4);
      const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(words[group & 3], words[(group + 1) & 3]), seventh);
      words[group & 3] = _mm_sha256msg2_epu32(sum, before);
    }
    const __m128i input = _mm_add_epi32(words[group & 3], constants);
    at.cdgh[lane] = _mm_sha256rnds2_epu32(at.cdgh[lane], at.abef[lane], input);
    at.abef[lane] = _mm_sha256rnds2_epu32(at.abef[lane], at.cdgh[lane], _mm_shuffle_epi32(input, 0x0e));
  }
}

template <std::size_t Lanes>
void sha(sha_lane* const* lanes, std::size_t blocks) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  sha_registers<Lanes> at;
#pragma GCC unroll 8
  for (std::size_t lane = 0; lane < Lanes; ++lane) {
    at.abef[lane] = _mm_load_si128(reinterpret_cast<const __m128i*>(lanes[lane]->state));
    at.cdgh[lane] = _mm_load_si128(reinterpret_cast<const __m128i*>(lanes[lane]->state) + 1);
  }
  for (std::size_t block = 0; block < blocks; ++block) {
    __m128i abef[Lanes];
    __m128i cdgh[Lanes];
#pragma GCC unroll 8
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
      abef[lane] = at.abef[lane];
      cdgh[lane] = at.cdgh[lane];
#pragma GCC unroll 4
      for (std::size_t word = 0; word < 4; ++word) {
        at.words[lane][word] = _mm_shuffle_epi8(load(lanes[lane]->data + 64 * block + 16 * word), big_endian);
      }
    }
#pragma GCC unroll 16
    for (int group = 0; group < 16; ++group) {
      four_rounds<Lanes>(at, group);
    }
#pragma GCC unroll 8
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
      at.abef[lane] = _mm_add_epi32(at.abef[lane], abef[lane]);
      at.cdgh[lane] = _mm_add_epi32(at.cdgh[lane], cdgh[lane]);
    }
  }
#pragma GCC unroll 8
  for (std::size_t lane = 0; lane < Lanes; ++lane) {
    _mm_store_si128(reinterpret_cast<__m128i*>(lanes[lane]->state), at.abef[lane]);
    _mm_store_si128(reinterpret_cast<__m128i*>(lanes[lane]->state) + 1, at.cdgh[lane]);
    lanes[lane]->data += 64 * blocks;
  }
}

} // namespace

bool supported() {
  unsigned int a = 0;
  unsigned int b = 0;
  unsigned int c = 0;
  unsigned int d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) {
    return false;
  }
  constexpr unsigned int needed = bit_SSSE3 | bit_SSE4_1 | bit_AES;
  if ((c & needed) != needed) {
    return false;
  }
  constexpr unsigned int sha_extensions = 1U << 29;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & sha_extensions) != 0;
}

void expand_encrypt(const std::uint8_t* key, ige_lane& lane) {
  __m128i keys[15];
  expand(key, keys);
  for (int round = 0; round < 15; ++round) {
    store(lane.schedule[round], keys[round]);
  }
}

void expand_decrypt(const std::uint8_t* key, ige_lane& lane) {
  __m128i keys[15];
  expand(key, keys);
  store(lane.schedule[0], keys[14]);
  for (int round = 1; round < 14; ++round) {
    store(lane.schedule[round], _mm_aesimc_si128(keys[14 - round]));
  }
  store(lane.schedule[14], keys[0]);
}

void ige_encrypt(ige_lane* lanes, std::size_t count, std::size_t blocks) { ige_of<true>(lanes, count, blocks); }

void ige_decrypt(ige_lane* lanes, std::size_t count, std::size_t blocks) { ige_of<false>(lanes, count, blocks); }

void sha_begin(sha_lane& lane) {
  for (int i = 0; i < 8; ++i) {
    lane.state[i] = initial[order[i]];
  }
}

void sha_blocks(sha_lane* const* lanes, std::size_t count, std::size_t blocks) {
  switch (count) {
  case 1: return sha<1>(lanes, blocks);
  case 2: return sha<2>(lanes, blocks);
  case 3: return sha<3>(lanes, blocks);
  case 4: return sha<4>(lanes, blocks);
  default: return;
  }
}

void sha_end(const sha_lane& lane, std::uint8_t* out) {
  for (int i = 0; i < 8; ++i) {
    const std::uint32_t word = __builtin_bswap32(lane.state[i]);
    __builtin_memcpy(out + 4 * order[i], &word, sizeof(word));
  }
}

} // namespace godwit::crypto::native

#else

namespace godwit::crypto::native {

bool supported() { return false; }
void expand_encrypt(const std::uint8_t*, ige_lane&) {}
void expand_decrypt(const std::uint8_t*, ige_lane&) {}
void ige_encrypt(ige_lane* const*, std::size_t, std::size_t) {}
void ige_decrypt(ige_lane* const*, std::size_t, std::size_t) {}
void sha_begin(sha_lane&) {}
void sha_blocks(sha_lane* const*, std::size_t, std::size_t) {}
void sha_end(const sha_lane&, std::uint8_t*) {}

} // namespace godwit::crypto::native

#endif
