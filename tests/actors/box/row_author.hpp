#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/box/box_keys.hpp"
#include "persistence/records/account.pb.h"
#include "persistence/records/chat.pb.h"
#include "tests/actors/box/box_world.hpp"
#include "tests/actors/box/counting_reader.hpp"

namespace godwit::box::testing {

struct authored_message {
  bool out = false;
  std::string text = "text";
  unix_time date = 0; ///< 0: the world's
  bool pinned = false;
};

/// Writes the rows of a box as its changes do, without the calls: for histories that are long or odd.
class row_author {
public:
  row_author(box_world& world, std::int64_t who) : world_(world), who_(who) {}

  message_id add(std::int64_t peer, const authored_message& what = {});
  void edit(std::int64_t peer, message_id id, const std::string& text);
  void remove(std::int64_t peer, const std::vector<message_id>& ids);
  void read_inbox(std::int64_t peer, message_id max_id);
  void beside(people::update_kind kind, std::int64_t peer, bool on);
  [[nodiscard]] persistence::records::UserBox& box() { return world_.at(who_).core->box; }

private:
  persistence::records::Dialog dialog(std::int64_t peer);
  void put(std::int64_t peer, const persistence::records::Dialog& dialog);
  void append(people::update_kind kind, persistence::records::Update update);

  box_world& world_;
  std::int64_t who_;
};

} // namespace godwit::box::testing
