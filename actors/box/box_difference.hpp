#pragma once

#include <cstdint>
#include <vector>

#include "actors/box/box_part.hpp"
#include "actors/box/box_settings.hpp"
#include "protocol/tl/api/forward.hpp"

namespace godwit::box {

struct update_page;

/// updates.getState and getDifference; and what a session missed between two subscriptions.
class box_difference final : public box_part {
public:
  box_difference(box_core& core, const box_settings& settings) : box_part(core), settings_(settings) {}

  [[nodiscard]] static bool takes(std::uint32_t kind);
  bool call(const call_context& from, const tl::fn::function& what, entity_effects& out) override;

  /// Tells a listener what came after this pts, in order and without a gap to what it hears live; or updatesTooLong
  /// when that is more than limits::replay_updates_max.
  void replay(const entity::listener_id& who, std::int32_t pts, unix_time now, entity_effects& out);

private:
  /// One replay, until it is through or the listener begins another.
  struct run {
    entity::listener_id who;
    std::uint64_t number = 0;
  };

  void get_difference(const call_context& from, const tl::fn::updates_getDifference& what, entity_effects& out);
  void read_on(const run& which, std::int32_t pts, bool beside, entity_effects& out);
  void tell(const run& which, update_page& page, std::int32_t pts, bool beside, unix_time now, entity_effects& out);
  void go_on(const run& which, std::int32_t pts, bool beside, entity_effects& out);
  /// Null: it has gone, or began another run.
  people::listener* listener_of(const run& which);
  void stop(const entity::listener_id& who);

  const box_settings& settings_;
  std::vector<run> runs_;
  std::uint64_t last_run_ = 0;
};

} // namespace godwit::box
