#pragma once

#include <deque>

#include "actors/box/box_part.hpp"
#include "actors/box/box_settings.hpp"

namespace godwit::box {

/// History, single messages, search, dialogs, drafts: answers out of applied rows, a page at a time. No call costs more
/// than its page, or limits::search_rows_max rows, warrants.
class box_reading final : public box_part {
public:
  box_reading(box_core& core, const box_settings& settings) : box_part(core), settings_(settings) {}

  [[nodiscard]] static bool takes(std::uint32_t kind);
  bool call(const call_context& from, const tl::fn::function& what, entity_effects& out) override;

private:
  /// Searches read much: one at a time, and the next ones wait. Those are refused that find too many waiting.
  template <class Call>
  void look(const call_context& from, entity_effects& out, const Call& call);

  const box_settings& settings_;
  bool searching_ = false;
  std::deque<entity::row_query> waiting_;
};

} // namespace godwit::box
