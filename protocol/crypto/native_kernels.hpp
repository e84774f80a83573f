#pragma once

#include <cstddef>
#include <cstdint>

/// The inner loops of the native message cipher. Compiled for processors with AES-NI, SHA-NI and SSE4.1: call
/// nothing here before supported() said yes. Plain types only, so that no inline function of a library is
/// compiled for those processors and then chosen by the linker for all.
namespace godwit::crypto::native {

inline constexpr std::size_t ige_lanes_max = 8;
inline constexpr std::size_t sha_lanes_max = 4;

/// Whether this processor has the instructions.
bool supported();

/// One AES-256-IGE text on its way. A block of AES takes several cycles and the next one of the same text waits
/// for it, so texts side by side cost little more than one.
struct alignas(16) ige_lane {
  std::uint8_t schedule[15][16]; ///< of the direction that the lane goes
  std::uint8_t last_output[16];
  std::uint8_t last_input[16];
  std::uint8_t* data;
  std::size_t blocks; ///< that are left
};

/// Expands the key into the lane's schedule.
void expand_encrypt(const std::uint8_t* key, ige_lane& lane);
void expand_decrypt(const std::uint8_t* key, ige_lane& lane);

/// Advances 1 to ige_lanes_max lanes, which lie side by side, by `blocks`, which each of them still has.
void ige_encrypt(ige_lane* lanes, std::size_t count, std::size_t blocks);
void ige_decrypt(ige_lane* lanes, std::size_t count, std::size_t blocks);

/// The running state of a SHA-256 in the order of the instructions.
struct alignas(16) sha_lane {
  std::uint32_t state[8];
  const std::uint8_t* data;
};

void sha_begin(sha_lane& lane);
/// Advances 1 to sha_lanes_max lanes by `blocks` of 64 bytes.
void sha_blocks(sha_lane* const* lanes, std::size_t count, std::size_t blocks);
/// The hash, 32 bytes.
void sha_end(const sha_lane& lane, std::uint8_t* out);

} // namespace godwit::crypto::native
