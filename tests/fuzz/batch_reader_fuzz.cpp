// A batch of mutations from any bytes: what is accepted in place, Protobuf reads as the same.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "persistence/records/mutation.pb.h"
#include "persistence/state/mutation.hpp"
#include "persistence/state/snapshot_rows.hpp"

namespace {

using namespace godwit::persistence;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void compare(std::string_view bytes) {
  batch_reader first(bytes);
  for (row_write write; first.next(write);) {
  }
  if (!first.ok()) {
    return;
  }
  records::Batch batch;
  require(batch.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  batch_reader reader(bytes);
  row_write write;
  for (const records::Mutation& mutation : batch.mutation()) {
    for (const records::Write& wanted : mutation.write()) {
      require(reader.next(write));
      require(write.key == wanted.key());
      require(write.value.has_value() == wanted.has_value());
      require(!write.value || *write.value == wanted.value());
    }
  }
  require(!reader.next(write));
}

void walk_chunk(std::string_view bytes) {
  std::string_view last;
  snapshot_row_reader reader(bytes);
  for (std::string_view key, value; reader.next(key, value); last = key) {
    require(last < key);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  compare(bytes);
  walk_chunk(bytes);
  return 0;
}
