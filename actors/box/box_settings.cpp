#include "actors/box/box_settings.hpp"

#include <algorithm>

#include "actors/box/dialog_pins.hpp"
#include "actors/box/draft_keeper.hpp"
#include "actors/box/typing_relay.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/notify_fn.hpp"

namespace godwit::box {

namespace fn = tl::fn;

struct box_settings::parts {
  explicit parts(box_core& core) : notify(core), pins(core), drafts(core), typing(core) {}

  notify_book notify;
  dialog_pins pins;
  draft_keeper drafts;
  typing_relay typing;
};

box_settings::box_settings(box_core& core) : box_part(core), parts_(std::make_unique<parts>(core)) {}

box_settings::~box_settings() = default;

std::vector<records_table> box_settings::tables() {
  return {records_table::notify_settings, records_table::pinned_dialogs};
}

bool box_settings::load(records_table table, std::string_view sub_key, std::string_view value) {
  switch (table) {
  case records_table::notify_settings: return parts_->notify.load(sub_key, value);
  case records_table::pinned_dialogs: return parts_->pins.load(value);
  default: return false;
  }
}

bool box_settings::takes(std::uint32_t kind) {
  switch (kind) {
  case fn::account_getNotifyExceptions::kind_id:
  case fn::account_getNotifySettings::kind_id:
  case fn::account_resetNotifySettings::kind_id:
  case fn::account_updateNotifySettings::kind_id:
  case fn::messages_clearAllDrafts::kind_id:
  case fn::messages_getDialogUnreadMarks::kind_id:
  case fn::messages_markDialogUnread::kind_id:
  case fn::messages_reorderPinnedDialogs::kind_id:
  case fn::messages_saveDraft::kind_id:
  case fn::messages_setTyping::kind_id:
  case fn::messages_toggleDialogPin::kind_id: return true;
  default: return false;
  }
}

bool box_settings::call(const call_context& from, const tl::fn::function& what, entity_effects& out) {
  parts& to = *parts_;
  switch (what.kind()) {
  case fn::account_getNotifyExceptions::kind_id:
    to.notify.list_exceptions(from, static_cast<const fn::account_getNotifyExceptions&>(what), out);
    return true;
  case fn::account_getNotifySettings::kind_id:
    to.notify.get(from, static_cast<const fn::account_getNotifySettings&>(what), out);
    return true;
  case fn::account_resetNotifySettings::kind_id: to.notify.reset(from, out); return true;
  case fn::account_updateNotifySettings::kind_id:
    to.notify.update(from, static_cast<const fn::account_updateNotifySettings&>(what), out);
    return true;
  case fn::messages_clearAllDrafts::kind_id: to.drafts.clear_all(from, out); return true;
  case fn::messages_getDialogUnreadMarks::kind_id:
    to.pins.list_marks(from, static_cast<const fn::messages_getDialogUnreadMarks&>(what), out);
    return true;
  case fn::messages_markDialogUnread::kind_id:
    to.pins.mark(from, static_cast<const fn::messages_markDialogUnread&>(what), out);
    return true;
  case fn::messages_reorderPinnedDialogs::kind_id:
    to.pins.reorder(from, static_cast<const fn::messages_reorderPinnedDialogs&>(what), out);
    return true;
  case fn::messages_saveDraft::kind_id:
    to.drafts.save(from, static_cast<const fn::messages_saveDraft&>(what), out);
    return true;
  case fn::messages_setTyping::kind_id:
    to.typing.set(from, static_cast<const fn::messages_setTyping&>(what), out);
    return true;
  case fn::messages_toggleDialogPin::kind_id:
    to.pins.toggle(from, static_cast<const fn::messages_toggleDialogPin&>(what), out);
    return true;
  default: return false;
  }
}

void box_settings::typing(user_id from, const command::Typing& what, unix_time now, entity_effects& out) {
  parts_->typing.heard(from, what, now, out);
}

const std::vector<user_id>& box_settings::pinned() const { return parts_->pins.pinned(); }

bool box_settings::is_pinned(user_id peer) const {
  const std::vector<user_id>& all = pinned();
  return std::find(all.begin(), all.end(), peer) != all.end();
}

const persistence::records::NotifySettings& box_settings::notify_of(user_id peer) const {
  return parts_->notify.of(peer);
}

const persistence::records::NotifySettings& box_settings::notify_of(notify_sort sort) const {
  return parts_->notify.of(sort);
}

void box_settings::clear_draft(user_id peer, const entity::listener_id& but, unix_time now, entity_effects& out) {
  parts_->drafts.clear(peer, but, now, out);
}

} // namespace godwit::box
