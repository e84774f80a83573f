#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "persistence/base/types.hpp"
#include "persistence/state/row_key.hpp"

namespace godwit::cluster {

using persistence::entity_id;
using persistence::shard_id;
using persistence::term_t;

/// What an entity actor is. Crosses between nodes: never renumber.
enum class entity_kind : std::uint8_t {
  user = 1,     ///< id: the user id
  phone = 2,    ///< id: scattered(phone number)
  auth_key = 3, ///< id: auth_key_id
  username = 4, ///< id: hash of the name in small letters, scattered
  members = 5,  ///< the cluster's own: its nodes, and who holds which shard; id: 1
  steward = 6,  ///< of one shard: who holds a copy of it; id: the number of the shard
};

/// The shard of the cluster's own records, beside those of the key space and whatever their number.
inline constexpr shard_id meta_shard{0xFFFF};

/// The address of an entity, whichever node it is on.
struct entity_ref {
  entity_kind kind{};
  entity_id id;

  friend bool operator==(const entity_ref&, const entity_ref&) = default;
};

/// The shard of an entity: the lowest bits of its id, so that routing needs no directory and doubling
/// the number of shards splits each by one more bit. `shards` is a power of two.
constexpr shard_id shard_of(entity_id id, std::uint16_t shards) {
  return shard_id{static_cast<std::uint16_t>(id.value() & (shards - 1U))};
}

constexpr shard_id shard_of(const entity_ref& which, std::uint16_t shards) {
  const bool meta = which.kind == entity_kind::members ||
                    (which.kind == entity_kind::steward && which.id == entity_id{meta_shard.value()});
  return meta ? meta_shard : shard_of(which.id, shards);
}

/// A number spread over all 64 bits, one to one (the finalizer of SplitMix64): the entity id of things
/// whose own number says nothing in its lowest bits.
constexpr entity_id scattered(std::uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9ULL;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebULL;
  return entity_id{number ^ (number >> 31)};
}

/// Drawn anew by every process: what seeds the hashes of numbers that clients choose.
std::uint64_t hash_seed() noexcept;

/// For tables of numbers that clients choose: without the seed nobody can pick ones that fall together.
inline std::uint64_t seeded_hash(std::uint64_t number) noexcept { return scattered(number ^ hash_seed()).value(); }

} // namespace godwit::cluster

template <>
struct std::hash<godwit::cluster::entity_ref> {
  std::size_t operator()(const godwit::cluster::entity_ref& ref) const noexcept {
    return godwit::cluster::seeded_hash(ref.id.value() * 31 + static_cast<std::uint64_t>(ref.kind));
  }
};
