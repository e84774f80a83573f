#include <algorithm>
#include <array>
#include <cstring>

#include "protocol/crypto/key_derivation.hpp"
#include "protocol/crypto/message_cipher_variants.hpp"
#include "protocol/crypto/native_kernels.hpp"

namespace godwit::crypto {
namespace {

using native::ige_lane;
using native::sha_lane;

constexpr std::size_t group_max = native::ige_lanes_max;
constexpr std::size_t sha_block_size = 64;

/// Like wipe(), inlined: the secrets of a message are a few hundred bytes, its encryption 200 nanoseconds.
template <class Secret>
inline void wipe_fast(Secret& secret) {
  std::memset(static_cast<void*>(&secret), 0, sizeof(secret));
  asm volatile("" : : "r"(&secret) : "memory");
}

/// Writes the end of a hashed text of `total` bytes behind its `rest` bytes in `block`: FIPS 180-4, 5.1.1.
/// Yields the number of blocks.
std::size_t pad(std::uint8_t* block, std::size_t rest, std::uint64_t total) {
  const std::size_t blocks = rest + 9 <= sha_block_size ? 1 : 2;
  std::uint8_t* end = block + blocks * sha_block_size;
  std::memset(block + rest, 0, blocks * sha_block_size - rest);
  block[rest] = 0x80;
  for (std::uint64_t bits = total * 8; bits != 0; bits >>= 8) {
    *--end = static_cast<std::uint8_t>(bits);
  }
  return blocks;
}

/// One hash of prefix and text on its way through the lanes: first block and last ones are put together here, what
/// lies between is read where it stands.
struct message_hash {
  struct piece {
    const std::uint8_t* data = nullptr;
    std::size_t blocks = 0;
  };

  void begin(const cipher_job& job) {
    constexpr std::size_t prefix = key_derivation::message_prefix_size;
    std::memcpy(head.data(), key_derivation::message_prefix(job), prefix);
    const std::size_t in_head = std::min(job.size, sha_block_size - prefix);
    std::copy_n(job.data, in_head, head.data() + prefix); // there may be nothing, and no pointer then
    native::sha_begin(lane);
    at = 0;
    if (in_head < sha_block_size - prefix) {
      pieces = {{{head.data(), pad(head.data(), prefix + in_head, prefix + job.size)}, {}, {}}};
    } else {
      const std::uint8_t* rest = job.data + in_head;
      const std::size_t whole = (job.size - in_head) / sha_block_size;
      const std::size_t left = (job.size - in_head) % sha_block_size;
      std::memcpy(tail.data(), rest + whole * sha_block_size, left);
      pieces = {{{head.data(), 1}, {rest, whole}, {tail.data(), pad(tail.data(), left, prefix + job.size)}}};
    }
    lane.data = pieces[0].data;
  }

  [[nodiscard]] std::size_t blocks() const { return pieces[at].blocks; }

  /// After the lane went on by `blocks`. False at the end.
  bool advance(std::size_t blocks) {
    pieces[at].blocks -= blocks;
    while (pieces[at].blocks == 0) {
      if (++at == pieces.size()) {
        return false;
      }
      lane.data = pieces[at].data;
    }
    return true;
  }

  sha_lane lane;
  std::array<piece, 3> pieces;
  std::size_t at;
  std::array<std::uint8_t, sha_block_size> head;
  std::array<std::uint8_t, 2 * sha_block_size> tail;
};

/// Several jobs that go through the lanes side by side.
class job_group {
public:
  job_group(cipher_job* const* jobs, std::size_t count) : jobs_(jobs), count_(count) {}

  ~job_group() {
    for (std::size_t i = 0; i < count_; ++i) {
      wipe_fast(lanes_[i].schedule);
      wipe_fast(hashes_[i].head);
    }
  }

  job_group(const job_group&) = delete;
  job_group& operator=(const job_group&) = delete;

  void encrypt() {
    hash_messages();
    for (std::size_t i = 0; i < count_; ++i) {
      jobs_[i]->msg_key = message_keys_[i];
    }
    derive(native::expand_encrypt, 0);
    run_ige(native::ige_encrypt);
  }

  void decrypt() {
    derive(native::expand_decrypt, 16);
    run_ige(native::ige_decrypt);
    hash_messages();
    for (std::size_t i = 0; i < count_; ++i) {
      jobs_[i]->good = equal(message_keys_[i], jobs_[i]->msg_key);
    }
  }

private:
  void hash_messages() {
    std::array<std::size_t, native::sha_lanes_max> active;
    std::size_t running = 0;
    std::size_t next = 0;
    while (true) {
      while (running < active.size() && next < count_) {
        hashes_[next].begin(*jobs_[next]);
        active[running++] = next++;
      }
      if (running == 0) {
        return;
      }
      std::array<sha_lane*, native::sha_lanes_max> lanes;
      std::size_t blocks = hashes_[active[0]].blocks();
      for (std::size_t i = 0; i < running; ++i) {
        lanes[i] = &hashes_[active[i]].lane;
        blocks = std::min(blocks, hashes_[active[i]].blocks());
      }
      native::sha_blocks(lanes.data(), running, blocks);
      running = drop_finished(active, running, blocks);
    }
  }

  std::size_t drop_finished(std::array<std::size_t, native::sha_lanes_max>& active, std::size_t running,
                            std::size_t blocks) {
    std::size_t left = 0;
    for (std::size_t i = 0; i < running; ++i) {
      if (hashes_[active[i]].advance(blocks)) {
        active[left++] = active[i];
      } else {
        sha256_hash hash;
        native::sha_end(hashes_[active[i]].lane, hash.data());
        message_keys_[active[i]] = key_derivation::middle_of(hash);
      }
    }
    return left;
  }

  /// The two hashes of each job, two jobs at a time, then its schedule. `output_at`: which half of the vector
  /// stands for the block before the first that comes out.
  void derive(void (*expand)(const std::uint8_t*, ige_lane&), std::size_t output_at) {
    constexpr std::size_t jobs_at_once = native::sha_lanes_max / 2;
    for (std::size_t first = 0; first < count_; first += jobs_at_once) {
      const std::size_t jobs = std::min(jobs_at_once, count_ - first);
      std::array<sha_lane, native::sha_lanes_max> states;
      std::array<sha_lane*, native::sha_lanes_max> lanes;
      std::array<std::array<std::uint8_t, sha_block_size>, native::sha_lanes_max> blocks;
      for (std::size_t i = 0; i < jobs; ++i) {
        fill_derivation(*jobs_[first + i], blocks[2 * i], blocks[2 * i + 1]);
      }
      for (std::size_t i = 0; i < 2 * jobs; ++i) {
        native::sha_begin(states[i]);
        states[i].data = blocks[i].data();
        lanes[i] = &states[i];
      }
      native::sha_blocks(lanes.data(), 2 * jobs, 1);
      for (std::size_t i = 0; i < jobs; ++i) {
        start_lane(first + i, states[2 * i], states[2 * i + 1], expand, output_at);
      }
      wipe_fast(blocks);
    }
  }

  static void fill_derivation(const cipher_job& job, std::array<std::uint8_t, sha_block_size>& a,
                              std::array<std::uint8_t, sha_block_size>& b) {
    constexpr std::size_t part = key_derivation::key_part_size;
    constexpr std::size_t total = part + sizeof(job.msg_key);
    std::memcpy(a.data(), job.msg_key.data(), job.msg_key.size());
    std::memcpy(a.data() + job.msg_key.size(), key_derivation::first_key_part(job), part);
    std::memcpy(b.data(), key_derivation::second_key_part(job), part);
    std::memcpy(b.data() + part, job.msg_key.data(), job.msg_key.size());
    pad(a.data(), total, total);
    pad(b.data(), total, total);
  }

  void start_lane(std::size_t index, const sha_lane& first, const sha_lane& second,
                  void (*expand)(const std::uint8_t*, ige_lane&), std::size_t output_at) {
    sha256_hash a;
    sha256_hash b;
    native::sha_end(first, a.data());
    native::sha_end(second, b.data());
    ige_secret secret;
    key_derivation::combine(a, b, secret);
    ige_lane& lane = lanes_[index];
    expand(secret.key.data(), lane);
    std::memcpy(lane.last_output, secret.iv.data() + output_at, 16);
    std::memcpy(lane.last_input, secret.iv.data() + 16 - output_at, 16);
    lane.data = jobs_[index]->data;
    lane.blocks = jobs_[index]->size / 16;
  }

  /// The jobs come longest first, so that lanes fall away from the end.
  void run_ige(void (*ige)(ige_lane*, std::size_t, std::size_t)) {
    for (std::size_t running = count_; running != 0;) {
      if (const std::size_t blocks = lanes_[running - 1].blocks; blocks != 0) {
        ige(lanes_.data(), running, blocks);
      }
      while (running != 0 && lanes_[running - 1].blocks == 0) {
        --running;
      }
    }
  }

  cipher_job* const* jobs_;
  std::size_t count_;
  std::array<ige_lane, group_max> lanes_;
  std::array<message_hash, group_max> hashes_;
  std::array<msg_key, group_max> message_keys_;
};

/// Puts jobs of about the same size into one group.
template <class Run>
void for_each_group(std::span<cipher_job> jobs, Run run) {
  constexpr std::size_t window_max = 8 * group_max;
  std::array<cipher_job*, window_max> order;
  while (!jobs.empty()) {
    const std::size_t window = std::min(jobs.size(), window_max);
    for (std::size_t i = 0; i < window; ++i) {
      order[i] = &jobs[i];
    }
    std::sort(order.data(), order.data() + window,
              [](const cipher_job* left, const cipher_job* right) { return left->size > right->size; });
    for (std::size_t first = 0; first < window; first += group_max) {
      job_group group(order.data() + first, std::min(group_max, window - first));
      run(group);
    }
    jobs = jobs.subspan(window);
  }
}

void encrypt_all(std::span<cipher_job> jobs) {
  for_each_group(jobs, [](job_group& group) { group.encrypt(); });
}

void decrypt_all(std::span<cipher_job> jobs) {
  for_each_group(jobs, [](job_group& group) { group.decrypt(); });
}

void ige_encrypt_one(mutable_bytes data, const ige_secret& secret) {
  ige_lane lane;
  native::expand_encrypt(secret.key.data(), lane);
  std::memcpy(lane.last_output, secret.iv.data(), 16);
  std::memcpy(lane.last_input, secret.iv.data() + 16, 16);
  lane.data = data.data();
  lane.blocks = data.size() / 16;
  native::ige_encrypt(&lane, 1, lane.blocks);
  wipe_fast(lane.schedule);
}

void ige_decrypt_one(mutable_bytes data, const ige_secret& secret) {
  ige_lane lane;
  native::expand_decrypt(secret.key.data(), lane);
  std::memcpy(lane.last_output, secret.iv.data() + 16, 16);
  std::memcpy(lane.last_input, secret.iv.data(), 16);
  lane.data = data.data();
  lane.blocks = data.size() / 16;
  native::ige_decrypt(&lane, 1, lane.blocks);
  wipe_fast(lane.schedule);
}

} // namespace

const cipher_implementation* native_cipher() {
  static constexpr cipher_implementation implementation{"aesni+shani", encrypt_all, decrypt_all, ige_encrypt_one,
                                                        ige_decrypt_one};
  static const bool supported = native::supported();
  return supported ? &implementation : nullptr;
}

} // namespace godwit::crypto
