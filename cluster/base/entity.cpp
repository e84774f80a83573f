#include "cluster/base/entity.hpp"

#include "protocol/crypto/random.hpp"

namespace godwit::cluster {

std::uint64_t hash_seed() noexcept {
#ifdef GODWIT_MUTANTS
  return 1; // a simulation is the same each time
#else
  static const std::uint64_t seed = crypto::system_random().next_u64();
  return seed;
#endif
}

} // namespace godwit::cluster
