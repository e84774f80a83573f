#pragma once

#include <array>
#include <cstdint>

namespace godwit::people {

class card_book;
class presence_book;

/// What accounts share of their node; outlives them.
struct people_options {
  std::array<std::uint8_t, 32> access_hash_key{};
  card_book* cards = nullptr;
  presence_book* presence = nullptr;
};

} // namespace godwit::people
