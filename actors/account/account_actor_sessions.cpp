#include <caf/actor_cast.hpp>

#include <iterator>
#include <string>
#include <utility>

#include "actors/account/account_actor_parts.hpp"
#include "actors/account/account_options.hpp"
#include "actors/commands/account_commands.pb.h"
#include "config/limits.hpp"
#include "persistence/records/account.pb.h"

namespace godwit::account {
namespace {

using persistence::row_page;
using persistence::storage_result;
using persistence::table_id;

table_id id_of(records_table table) { return table_id{static_cast<std::uint8_t>(table)}; }

/// Keys whose time is over; if `seals`, also those of an earlier version, in the open: any command has them sealed.
std::vector<std::uint64_t> overdue_in(const storage_result<row_page>& page, unix_time now, bool seals) {
  std::vector<std::uint64_t> keys;
  if (page) {
    for (const persistence::row& each : page->rows) {
      persistence::records::AuthKey key;
      const std::string_view value = each.value.view();
      const auto id = id_of_sub_key(std::string_view(each.key).substr(1, sizeof(std::uint64_t)));
      if (!id || !key.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
        continue;
      }
      const bool expired = key.expires_at() != 0 && key.expires_at() <= now;
      if (expired || (seals && key.sealed_key().empty())) {
        keys.push_back(*id);
      }
    }
  }
  return keys;
}

} // namespace

// --- sessions ----------------------------------------------------------------------------------------

/// A client's session has one ear at a time. When it came to another node, the one that it left behind is told so. What
/// was decided before it asked, and is told when that is applied, is a part of what it missed, and comes with the rest.
void account_actor::listen(const listener_id& who, const caf::actor& session, std::uint64_t subscription) {
  for (parts::hearing& each : parts_->listeners) {
    if (each.who == who && each.session != session) {
      parts_->push(each, cluster::push_kind::gone, entity::listener_replaced);
    }
  }
  drop_listener(who);
  monitor(session);
  parts_->listeners.push_back({who, session, subscription, parts_->decision});
}

void account_actor::tell(const listener_message& what, std::uint64_t decision) {
  for (const parts::hearing& each : parts_->listeners) {
    if (each.who != what.to || decision < each.since) {
      continue;
    }
    if (what.terminated.value() != 0) {
      parts_->push(each, cluster::push_kind::ended, what.terminated.value());
    } else {
      parts_->push(each, cluster::push_kind::update, 0, what);
    }
  }
}

/// Whoever stands for it here may go.
void account_actor::forget(const listener_id& who) {
  for (const parts::hearing& each : parts_->listeners) {
    if (each.who == who) {
      parts_->push(each, cluster::push_kind::gone, entity::listener_forgotten);
    }
  }
  drop_listener(who);
}

void account_actor::drop_listener(const listener_id& who) {
  for (auto each = parts_->listeners.begin(); each != parts_->listeners.end(); ++each) {
    if (each->who == who) {
      demonitor(each->session.address());
      parts_->listeners.erase(each);
      return;
    }
  }
}

void account_actor::take_down(const caf::actor_addr& who) {
  entity_effects effects;
  for (auto each = parts_->listeners.begin(); each != parts_->listeners.end();) {
    if (each->session.address() == who) {
      parts_->logic->gone(each->who, now(), effects);
      each = parts_->listeners.erase(each);
    } else {
      ++each;
    }
  }
  apply(std::move(effects));
}

// --- keys whose time is over -------------------------------------------------------------------------

/// Ids of keys are spread evenly: a look at the few behind a new one, with each new one, comes by everywhere.
void account_actor::sweep_keys() {
  const table_id table = id_of(records_table::auth_key);
  persistence::row_range range;
  range.from = persistence::row_key(table, self_ref().id);
  range.to = persistence::prefix_end(std::string(1, static_cast<char>(table.value())));
  range.rows_max = limits::keys_swept_per_creation;
  const auto on_page = [self = caf::actor_cast<caf::actor>(this), now = now(),
                        seals = options_->record_key.has_value()](const storage_result<row_page>& page) {
    if (auto keys = overdue_in(page, now, seals); !keys.empty()) {
      caf::anon_send(self, expired_keys{std::move(keys)});
    }
  };
  // Busy readers: the next key made looks again.
  (void)shard().state().read(std::move(range), on_page);
}

void account_actor::expire_keys(const std::vector<std::uint64_t>& keys) {
  command::KeyCommand what;
  what.mutable_expire();
  for (const std::uint64_t each : keys) {
    send({{cluster::entity_kind::auth_key, cluster::entity_id{each}}, what.SerializeAsString(), 0});
  }
}

} // namespace godwit::account
