#include "actors/box/user_box.hpp"

#include <utility>

#include "actors/box/box_core.hpp"
#include "actors/box/box_difference.hpp"
#include "actors/box/box_reading.hpp"
#include "actors/box/box_settings.hpp"
#include "actors/box/box_views.hpp"
#include "actors/box/message_changes.hpp"
#include "actors/box/message_sending.hpp"
#include "protocol/tl/api/absent.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::box {
namespace {

/// The newest of a peer's pinned messages.
void find_pinned(entity::row_reader& reader, user_id peer, tl::userFull& full) {
  const std::string of_peer = peer_key(peer);
  reader.scan_back(records_table::message_pinned, of_peer, behind(of_peer),
                   [&](std::string_view key, std::string_view) {
                     if (const auto place = read_message_key(key)) {
                       full.pinned_msg_id = place->id;
                     }
                     return false;
                   });
}

} // namespace

struct user_box::parts {
  parts(people::account_core& account, people::people& people) : core{account, people, {}} {}

  box_core core;
  box_settings settings{core};
  message_sending sending{core, settings};
  message_changes changes{core};
  box_reading reading{core, settings};
  box_difference difference{core, settings};

  /// Whose a call is; null: nobody's.
  box_part* of(std::uint32_t kind) {
    if (message_sending::takes(kind)) {
      return &sending;
    }
    if (message_changes::takes(kind)) {
      return &changes;
    }
    if (box_settings::takes(kind)) {
      return &settings;
    }
    if (box_reading::takes(kind)) {
      return &reading;
    }
    return box_difference::takes(kind) ? &difference : nullptr;
  }
};

user_box::user_box(people::account_core& account, people::people& people)
    : parts_(std::make_unique<parts>(account, people)) {
  account.note_beside = [&core = parts_->core](update_kind kind, std::int64_t peer, std::int32_t id, bool on,
                                               unix_time now, entity_effects& out) {
    persistence::records::Update update;
    update.set_peer(peer);
    update.set_id(id);
    update.set_on(on);
    core.append_beside(std::move(update), kind, now, out);
  };
  account.fill_full = [&settings = parts_->settings](user_id peer, const std::shared_ptr<tl::userFull>& full,
                                                     layer_t layer, unix_time /*now*/, entity_effects& out,
                                                     entity::continuation then) {
    full->notify_settings = notify_view(settings.notify_of(peer), layer);
    full->can_pin_message = true;
    // The reader's thread alone has the object until `then`.
    out.queries.push_back(
      {[full, peer](entity::row_reader& reader) { find_pinned(reader, peer, *full); }, std::move(then)});
  };
}

user_box::~user_box() {
  parts_->core.account.note_beside = nullptr;
  parts_->core.account.fill_full = nullptr;
}

std::vector<records_table> user_box::tables() {
  std::vector<records_table> all = box_settings::tables();
  all.push_back(records_table::done_call);
  return all;
}

bool user_box::load(records_table table, std::string_view sub_key, std::string_view value) {
  if (table == records_table::done_call) {
    return parts_->core.calls.load(sub_key, value);
  }
  return parts_->settings.load(table, sub_key, value);
}

std::uint64_t user_box::repetition_hash(std::uint32_t kind, std::string_view body) {
  return message_changes::takes(kind) ? done_calls::hash_of(body) : 0;
}

bool user_box::takes(std::uint32_t kind) {
  return message_sending::takes(kind) || message_changes::takes(kind) || box_settings::takes(kind) ||
         box_reading::takes(kind) || box_difference::takes(kind);
}

bool user_box::call(const people::call_context& from, const tl::fn::function& what, entity_effects& out) {
  box_part* const part = parts_->of(what.kind());
  return part != nullptr && part->call(from, what, out);
}

bool user_box::delivered(std::uint64_t ticket, command::Delivery what, unix_time now, entity_effects& out) {
  const user_id from{what.from()};
  switch (what.what_case()) {
  case command::Delivery::kMessage:
    parts_->sending.arrived(ticket, from, std::move(*what.mutable_message()), now, out);
    return true;
  case command::Delivery::kEdited: parts_->changes.arrived(ticket, from, what.edited(), now, out); return true;
  case command::Delivery::kDeleted: parts_->changes.arrived(ticket, from, what.deleted(), now, out); return true;
  case command::Delivery::kRead: parts_->changes.arrived(ticket, from, what.read(), now, out); return true;
  case command::Delivery::kPinned: parts_->changes.arrived(ticket, from, what.pinned(), now, out); return true;
  case command::Delivery::kNotice: parts_->sending.arrived(ticket, what.notice(), now, out); return true;
  default: return false;
  }
}

void user_box::typing(user_id from, const command::Typing& what, unix_time now, entity_effects& out) {
  parts_->settings.typing(from, what, now, out);
}

void user_box::subscribed(const entity::listener_id& who, std::int32_t pts, unix_time now, entity_effects& out) {
  parts_->difference.replay(who, pts, now, out);
}

void user_box::session_lost(const entity::listener_id& who) { parts_->core.calls.session_lost(who); }

} // namespace godwit::box
