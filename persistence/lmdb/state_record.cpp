#include "persistence/lmdb/state_record.hpp"

#include <utility>

#include "persistence/lmdb/log_record.hpp"
#include "persistence/log/configuration_codec.hpp"
#include "persistence/records/shard_point.pb.h"

namespace godwit::persistence::lmdb {

state_prefix make_state_prefix(shard_id shard, state_generation generation) {
  return {static_cast<char>(shard.value() >> 8), static_cast<char>(shard.value()),
          static_cast<char>(generation >> 24),   static_cast<char>(generation >> 16),
          static_cast<char>(generation >> 8),    static_cast<char>(generation)};
}

std::optional<state_key> read_state_key(std::string_view stored) {
  if (stored.size() < state_prefix_bytes) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < state_prefix_bytes; ++i) {
    number = number << 8 | static_cast<unsigned char>(stored[i]);
  }
  return state_key{shard_id{static_cast<std::uint16_t>(number >> 32)}, static_cast<state_generation>(number),
                   stored.substr(state_prefix_bytes)};
}

std::array<char, 2> make_point_key(shard_id shard) {
  return {static_cast<char>(shard.value() >> 8), static_cast<char>(shard.value())};
}

std::string encode_point(shard_id shard, const flushed_state& state) {
  records::ShardPoint record;
  record.set_generation(state.generation);
  record.set_index(state.point.index);
  record.set_term(state.point.term);
  record.set_configuration(encode_configuration(state.point.members));
  record.set_configuration_index(state.point.configuration_index);
  std::string value = record.SerializeAsString();
  const auto key = make_point_key(shard);
  append_crc(std::string_view(key.data(), key.size()), value);
  return value;
}

std::optional<flushed_state> read_point(shard_id shard, std::string_view value) {
  const auto key = make_point_key(shard);
  const auto bytes = check_crc(std::string_view(key.data(), key.size()), value);
  records::ShardPoint record;
  if (!bytes || !record.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) {
    return std::nullopt;
  }
  auto members = decode_configuration(record.configuration());
  if (!members) {
    return std::nullopt;
  }
  return flushed_state{snapshot_point{record.index(), record.term(), *std::move(members), record.configuration_index()},
                       record.generation()};
}

} // namespace godwit::persistence::lmdb
