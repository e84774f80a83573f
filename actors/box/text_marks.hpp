#pragma once

#include <cstddef>
#include <string_view>

#include "actors/box/text_entities.hpp"

namespace godwit::box {

/// Marks what a plain text shows by itself: links, addresses of mail, @names, #tags and /commands, in the order of the
/// text, until `entities` holds `entities_max`. Takes time linear in the text, which is valid UTF-8. What is there
/// already keeps its place: nothing is marked across it, but within or around a mere style.
void mark_text(std::string_view text, std::size_t entities_max, text_entity_list& entities);

/// What a link may lead to: the address with a scheme in front, or nothing.
std::string link_address(std::string_view address);

} // namespace godwit::box
