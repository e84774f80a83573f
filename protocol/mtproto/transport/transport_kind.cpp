#include "protocol/mtproto/transport/transport_kind.hpp"

#include <array>

namespace godwit::mtproto {

std::string_view name_of(transport_kind kind) {
  static constexpr std::array<std::string_view, transport_kinds> names = {"abridged",
                                                                          "obfuscated_abridged",
                                                                          "intermediate",
                                                                          "obfuscated_intermediate",
                                                                          "padded_intermediate",
                                                                          "obfuscated_padded_intermediate",
                                                                          "full",
                                                                          "obfuscated_full"};
  return names[index_of(kind)];
}

} // namespace godwit::mtproto
