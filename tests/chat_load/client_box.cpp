#include "tests/chat_load/client_box.hpp"

namespace godwit::chat_load {

void client_box::set_state(std::int32_t pts, std::int32_t qts, std::int32_t date) {
  pts_ = pts;
  qts_ = qts;
  date_ = date;
}

client_box::verdict client_box::take(const seen_update& what) {
  if (what.pts <= pts_) {
    return verdict::old;
  }
  if (what.pts - what.pts_count > pts_) {
    return verdict::gap;
  }
  pts_ = what.pts;
  apply(what);
  return verdict::applied;
}

void client_box::apply(const seen_update& what) {
  using kind = seen_update::kind;
  switch (what.what) {
  case kind::new_message: learn(what.message); break;
  case kind::edit:
    if (const auto found = messages_.find(what.message.id); found != messages_.end()) {
      found->second = what.message;
    }
    break;
  case kind::remove:
    for (const std::int32_t each : what.ids) {
      messages_.erase(each);
    }
    break;
  default: break;
  }
}

void client_box::learn(const seen_message& what) {
  if (what.id != 0) {
    peers_.insert(what.peer);
    messages_.insert_or_assign(what.id, what);
  }
}

void client_box::forget_dialog(std::int64_t peer) {
  std::erase_if(messages_, [peer](const auto& each) { return each.second.peer == peer; });
}

} // namespace godwit::chat_load
