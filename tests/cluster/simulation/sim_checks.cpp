#include "tests/cluster/simulation/sim_checks.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "actors/box/box_keys.hpp"
#include "actors/entity/row_reader.hpp"
#include "persistence/records/account.pb.h"
#include "persistence/state/row_key.hpp"

namespace godwit::cluster_sim {

namespace {

using entity::records_table;

struct kept_message {
  std::size_t peer = 0; ///< account
  bool out = false;
  std::string text;
  std::int32_t date = 0;
};

struct kept_box {
  std::map<std::int32_t, kept_message> messages;
  std::vector<std::int32_t> positions; ///< of the updates that are rows
};

shard_id shard_at(const sim_world& world, std::uint16_t slot) {
  return slot == world.plan.shards ? cluster::meta_shard : shard_id{slot};
}

std::string account_name(std::size_t which) { return "account " + std::to_string(which); }

std::size_t account_of(const sim_world& world, std::int64_t user) {
  for (std::size_t i = 0; i < world.accounts.size(); ++i) {
    if (world.accounts[i].user.value() == user) {
      return i;
    }
  }
  return world.accounts.size();
}

/// Calls `visit` for the rows of an entity in a table, by sub-key.
template <class Visit>
void rows_of(const simulation::stored_rows& rows, records_table table, user_id user, const Visit& visit) {
  const std::string prefix = persistence::row_key(persistence::table_id{static_cast<std::uint8_t>(table)},
                                                  persistence::entity_id{static_cast<std::uint64_t>(user.value())});
  for (auto each = rows.lower_bound(prefix); each != rows.end() && each->first.starts_with(prefix); ++each) {
    visit(std::string_view(each->first).substr(prefix.size()), each->second.view());
  }
}

kept_box box_of(sim_world& world, std::size_t account) {
  const user_id user = world.accounts[account].user;
  const shard_id shard =
    cluster::shard_of(cluster::entity_id{static_cast<std::uint64_t>(user.value())}, world.plan.shards);
  const auto rows = world.machine(0).states[shard].rows();
  kept_box out;
  rows_of(*rows, records_table::message, user, [&](std::string_view key, std::string_view value) {
    const auto place = box::read_message_key(key);
    persistence::records::Message message;
    if (!place || !message.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      return world.violated(account_name(account) + ": a row of a message cannot be read");
    }
    out.messages[place->id] = {account_of(world, place->peer.value()), message.out(), message.text(), message.date()};
  });
  rows_of(*rows, records_table::update, user, [&](std::string_view key, std::string_view) {
    if (const auto place = box::read_update_key(key); place && place->beside == 0) {
      out.positions.push_back(place->pts);
    }
  });
  return out;
}

void check_equal_state(sim_world& world) {
  for (std::uint16_t slot = 0; slot <= world.plan.shards; ++slot) {
    const shard_id shard = shard_at(world, slot);
    const auto& first = world.machine(0).states[shard];
    for (std::uint32_t node = 1; node < node_count; ++node) {
      const auto& other = world.machine(node).states[shard];
      const auto same = [](const auto& a, const auto& b) {
        return a.first == b.first && a.second.view() == b.second.view();
      };
      const bool equal =
        std::equal(first.rows()->begin(), first.rows()->end(), other.rows()->begin(), other.rows()->end(), same);
      if (!equal) {
        world.violated("shard " + std::to_string(shard.value()) + ": nodes 1 and " + std::to_string(node + 1) +
                       " have other rows, " + std::to_string(first.rows()->size()) + " and " +
                       std::to_string(other.rows()->size()));
      }
    }
  }
}

/// Texts of what one account has from or for another, in the order of its box.
std::vector<std::string> texts_of(const kept_box& box, std::size_t peer, bool out) {
  std::vector<std::string> texts;
  for (const auto& [id, message] : box.messages) {
    if (message.peer == peer && message.out == out) {
      texts.push_back(message.text);
    }
  }
  return texts;
}

/// The texts of one device are numbered: "account:device:number".
void check_order(sim_world& world, std::size_t account, const kept_box& box) {
  std::map<std::string, std::uint64_t> last;
  for (const auto& [id, message] : box.messages) {
    const std::size_t colon = message.text.rfind(':');
    if (message.peer == world.accounts.size() || colon == std::string::npos) {
      continue;
    }
    const std::uint64_t number = std::stoull(message.text.substr(colon + 1));
    std::uint64_t& before = last[message.text.substr(0, colon)];
    if (number <= before) {
      world.violated(account_name(account) + ": " + message.text + " stands behind number " + std::to_string(before));
    }
    before = number;
  }
}

void check_acknowledged(sim_world& world, std::size_t account, const std::vector<kept_box>& boxes) {
  for (const auto& [text, ack] : world.accounts[account].sent) {
    const auto found = boxes[account].messages.find(ack.id);
    if (found == boxes[account].messages.end() || found->second.text != text || !found->second.out ||
        found->second.peer != ack.to || found->second.date != ack.date) {
      world.violated(account_name(account) + ": " + text + ", acknowledged as message " + std::to_string(ack.id) +
                     ", is not there");
    }
  }
  for (std::size_t other = 0; other < world.accounts.size(); ++other) {
    const auto sent = texts_of(boxes[account], other, true);
    const auto came = texts_of(boxes[other], account, false);
    const auto [a, b] = std::mismatch(sent.begin(), sent.end(), came.begin(), came.end());
    if (a != sent.end() || b != came.end()) {
      world.violated("from " + account_name(account) + " to " + account_name(other) + ": " +
                     std::to_string(sent.size()) + " messages were sent and " + std::to_string(came.size()) +
                     " came; number " + std::to_string(a - sent.begin() + 1) + " is " +
                     (a != sent.end() ? *a : "none") + " and " + (b != came.end() ? *b : "none"));
    }
    auto once = sent;
    std::sort(once.begin(), once.end());
    if (const auto twice = std::adjacent_find(once.begin(), once.end()); twice != once.end()) {
      world.violated(account_name(account) + ": " + *twice + " was sent twice");
    }
  }
}

void check_positions(sim_world& world, std::size_t account, const kept_box& box) {
  for (std::size_t i = 1; i < box.positions.size(); ++i) {
    if (box.positions[i] != box.positions[i - 1] + 1) {
      world.violated(account_name(account) + ": pts " + std::to_string(box.positions[i]) + " follows " +
                     std::to_string(box.positions[i - 1]));
    }
  }
}

void check_device(sim_world& world, const sim_device& device, const kept_box& box) {
  const auto& kept = device.box().messages();
  if (!box.positions.empty() && device.box().pts() != box.positions.back()) {
    world.violated("device " + device.name() + " is at pts " + std::to_string(device.box().pts()) + ", its box at " +
                   std::to_string(box.positions.back()));
  }
  for (const auto& [id, message] : box.messages) {
    const auto found = kept.find(id);
    if (found == kept.end()) {
      world.violated("device " + device.name() + " does not have message " + std::to_string(id) + ", \"" +
                     message.text + "\"");
    } else if (found->second.text != message.text || found->second.out != message.out ||
               account_of(world, found->second.peer) != message.peer || found->second.date != message.date) {
      world.violated("device " + device.name() + " has message " + std::to_string(id) + " as \"" + found->second.text +
                     "\", its box as \"" + message.text + "\"");
    }
  }
  if (kept.size() > box.messages.size()) {
    world.violated("device " + device.name() + " has " + std::to_string(kept.size()) + " messages, its box " +
                   std::to_string(box.messages.size()));
  }
}

} // namespace

std::string unsettled(sim_world& world) {
  for (std::uint16_t slot = 0; slot <= world.plan.shards; ++slot) {
    const shard_id shard = shard_at(world, slot);
    bool still = true;
    std::string how = "shard " + std::to_string(shard.value()) + ":";
    std::optional<persistence::index_t> index;
    for (std::uint32_t node = 0; node < node_count; ++node) {
      if (!world.runs(node)) {
        return "node " + std::to_string(node + 1) + " does not run";
      }
      const auto all = world.at(node).shards().status();
      const cluster::shard_status is = slot < all.size() ? all[slot] : cluster::shard_status{};
      const persistence::index_t stored = world.machine(node).states[shard].state().point.index;
      still = still && is.applied == stored && is.last == stored && is.leader != persistence::no_node &&
              !is.installing && stored == index.value_or(stored);
      index = stored;
      how += " node " + std::to_string(node + 1) + " role " + std::to_string(static_cast<int>(is.role)) + " term " +
             std::to_string(is.term) + " leader " + std::to_string(is.leader.value()) + " stored " +
             std::to_string(stored) + " applied " + std::to_string(is.applied) + " commit " +
             std::to_string(is.commit) + " last " + std::to_string(is.last) +
             (is.installing ? " installing," + world.at(node).transfers() + ";" : ";");
    }
    if (!still) {
      return how;
    }
  }
  return {};
}

bool settled(sim_world& world) { return unsettled(world).empty(); }

void check_boxes(sim_world& world, const sim_devices& devices) {
  check_equal_state(world);
  std::vector<kept_box> boxes;
  for (std::size_t i = 0; i < world.accounts.size(); ++i) {
    boxes.push_back(box_of(world, i));
  }
  for (std::size_t i = 0; i < world.accounts.size(); ++i) {
    check_order(world, i, boxes[i]);
    check_acknowledged(world, i, boxes);
    check_positions(world, i, boxes[i]);
  }
  for (const auto& each : devices) {
    check_device(world, *each, boxes[each->account()]);
  }
}

} // namespace godwit::cluster_sim
