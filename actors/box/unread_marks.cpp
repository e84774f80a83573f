#include "actors/box/unread_marks.hpp"

#include <utility>

#include "actors/box/box_calls.hpp"
#include "actors/box/box_views.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"

namespace godwit::box {

void set_unread_mark(box_core& core, user_id peer, bool unread, Dialog& dialog, const people::listener_id& but,
                     unix_time now, entity_effects& out) {
  if (dialog.unread_mark() == unread) {
    return;
  }
  dialog.set_unread_mark(unread);
  if (unread) {
    out.put_mark(records_table::unread_mark, peer_key(peer));
  } else {
    out.erase(records_table::unread_mark, peer_key(peer));
  }
  persistence::records::Update update;
  update.set_peer(peer.value());
  update.set_on(unread);
  core.append_beside(std::move(update), update_kind::unread_mark, now, out);
  if (somebody_hears(core, but)) {
    auto view = tl::make<tl::updateDialogUnreadMark>();
    auto where = tl::make<tl::dialogPeer>();
    where->peer = peer_view(peer);
    view->peer = std::move(where);
    view->unread = unread;
    tell_sessions(core, std::move(view), but, now, out);
  }
}

} // namespace godwit::box
