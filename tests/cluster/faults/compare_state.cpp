#include "tests/cluster/faults/compare_state.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "cluster/base/entity.hpp"
#include "persistence/lmdb/storage.hpp"
#include "persistence/state/mutation.hpp"

namespace godwit::cluster_faults {
namespace {

namespace lmdb = persistence::lmdb;
using persistence::index_t;
using persistence::log_entry;
using persistence::shard_id;

constexpr std::size_t differences_max = 40;

/// Nothing is written here, so there is nothing to hear.
class deaf final : public persistence::log_sink, public persistence::state_sink {
public:
  void log_written(std::span<const persistence::log_completion>) override {}
  void log_failed(const persistence::storage_error&) override {}
  void log_recovered() override {}
  void state_flushed(std::span<const persistence::flush_completion>) override {}
  void state_failed(const persistence::storage_error&) override {}
  void state_recovered() override {}
};

template <class T>
T value_of(persistence::storage_result<T> result) {
  if (!result) {
    throw std::runtime_error(result.error().message);
  }
  return std::move(*result);
}

std::string hex(std::string_view bytes) {
  constexpr std::size_t shown = 48;
  std::string text;
  for (const char each : bytes.substr(0, shown)) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", static_cast<unsigned>(static_cast<unsigned char>(each)));
    text += digits;
  }
  return text + (bytes.size() > shown ? "…" : "") + " (" + std::to_string(bytes.size()) + " bytes)";
}

/// What is kept of a value, so that nodes with many rows fit the memory: a long one's beginning, length and hash.
std::string kept(std::string_view value) {
  constexpr std::size_t whole_max = 96;
  if (value.size() <= whole_max) {
    return std::string(value);
  }
  return std::string(value.substr(0, whole_max)) + " of " + std::to_string(value.size()) + " bytes, hash " +
         std::to_string(std::hash<std::string_view>{}(value));
}

/// A shard on one node.
struct held_shard {
  index_t applied = 0;
  std::map<std::string, std::string> rows; ///< values as kept() makes them
  index_t first = 1;                       ///< of the log
  std::vector<log_entry> entries;

  [[nodiscard]] const log_entry* at(index_t index) const {
    return index < first || index - first >= entries.size() ? nullptr : &entries[index - first];
  }
};

struct opened_node {
  std::string name;
  deaf sink;
  std::unique_ptr<lmdb::storage> storage;

  explicit opened_node(const std::filesystem::path& folder) : name(folder.string()) {
    storage = value_of(lmdb::storage::open(folder, sink, sink));
  }

  held_shard read(shard_id shard) const {
    held_shard made;
    made.applied = value_of(storage->state().recover(shard)).point.index;
    auto log = value_of(storage->log().recover(shard, made.applied));
    made.first = log.first;
    made.entries = std::move(log.entries);
    const auto snapshot = value_of(storage->state().snapshot());
    const auto scanned = snapshot->scan(shard, {}, [&](std::string_view key, std::string_view value) {
      made.rows.emplace_hint(made.rows.end(), key, kept(value));
      return true;
    });
    if (!scanned) {
      throw std::runtime_error(scanned.error().message);
    }
    return made;
  }

  /// One entry with its payload, from the disk.
  std::optional<log_entry> entry(shard_id shard, index_t index) const {
    auto found = storage->log().read(shard, index, 1, 1);
    return found && !found->empty() ? std::optional(std::move(found->front())) : std::nullopt;
  }
};

class comparison {
public:
  explicit comparison(std::span<const std::filesystem::path> folders) {
    for (const auto& each : folders) {
      nodes_.push_back(std::make_unique<opened_node>(each));
    }
  }

  state_comparison run() {
    const std::uint16_t shards = nodes_.front()->storage->settings().shard_count;
    for (const auto& each : nodes_) {
      if (each->storage->settings().shard_count != shards) {
        differ("the number of shards in " + each->name);
        return found_;
      }
    }
    for (std::uint16_t number = 0; number < shards; ++number) {
      compare(shard_id{number});
    }
    compare(cluster::meta_shard);
    return found_;
  }

private:
  void differ(const std::string& what) {
    if (found_.differences.size() < differences_max) {
      found_.differences.push_back(what);
    }
  }

  void compare(shard_id shard) {
    shard_ = shard == cluster::meta_shard ? "the cluster's own shard" : "shard " + std::to_string(shard.value());
    std::vector<held_shard> held;
    index_t target = 0;
    for (const auto& each : nodes_) {
      held.push_back(each->read(shard));
      target = std::max(target, held.back().applied);
    }
    if (target == 0) {
      return;
    }
    ++found_.shards;
    compare_logs(held, target);
    for (std::size_t i = 0; i < held.size(); ++i) {
      if (!advance(shard, held, i, target)) {
        return;
      }
    }
    found_.rows += held.front().rows.size();
    for (std::size_t i = 1; i < held.size(); ++i) {
      compare_rows(held.front(), held[i], i);
    }
  }

  void compare_logs(const std::vector<held_shard>& held, index_t target) {
    for (std::size_t i = 1; i < held.size(); ++i) {
      for (index_t index = held[i].first; index <= target; ++index) {
        const log_entry* const one = held.front().at(index);
        const log_entry* const other = held[i].at(index);
        if (one != nullptr && other != nullptr && (one->term != other->term || one->kind != other->kind)) {
          differ(shard_ + ", entry " + std::to_string(index) + ": of term " + std::to_string(one->term) + " in " +
                 nodes_.front()->name + ", " + std::to_string(other->term) + " in " + nodes_[i]->name);
          return;
        }
      }
    }
  }

  /// Applies what is missing up to `target`. False: nobody has it.
  bool advance(shard_id shard, std::vector<held_shard>& held, std::size_t which, index_t target) {
    held_shard& mine = held[which];
    for (index_t next = mine.applied + 1; next <= target; ++next) {
      std::optional<log_entry> entry = nodes_[which]->entry(shard, next);
      for (std::size_t i = 0; !entry && i < nodes_.size(); ++i) {
        entry = nodes_[i]->entry(shard, next);
      }
      if (!entry) {
        differ(shard_ + ": the rows in " + nodes_[which]->name + " end at " + std::to_string(mine.applied) + " of " +
               std::to_string(target) + ", and no log has what follows");
        return false;
      }
      apply(*entry, mine.rows);
      mine.applied = next;
      ++found_.entries;
    }
    return true;
  }

  void apply(const log_entry& entry, std::map<std::string, std::string>& rows) {
    if (entry.kind != persistence::entry_kind::command) {
      return;
    }
    persistence::batch_reader batch(entry.payload.view());
    persistence::row_write write;
    while (batch.next(write)) {
      if (write.value) {
        rows[std::string(write.key)] = kept(*write.value);
      } else {
        rows.erase(std::string(write.key));
      }
    }
    if (!batch.ok()) {
      differ(shard_ + ": an entry that is no batch");
    }
  }

  void compare_rows(const held_shard& one, const held_shard& other, std::size_t which) {
    const std::string& left = nodes_.front()->name;
    const std::string& right = nodes_[which]->name;
    for (const auto& [key, value] : one.rows) {
      const auto same = other.rows.find(key);
      if (same == other.rows.end()) {
        differ(shard_ + ", row " + hex(key) + " is in " + left + ", not in " + right);
      } else if (same->second != value) {
        differ(shard_ + ", row " + hex(key) + " is " + hex(value) + " in " + left + ", " + hex(same->second) + " in " +
               right);
      }
    }
    for (const auto& [key, value] : other.rows) {
      if (!one.rows.contains(key)) {
        differ(shard_ + ", row " + hex(key) + " is in " + right + ", not in " + left);
      }
    }
  }

  std::vector<std::unique_ptr<opened_node>> nodes_;
  std::string shard_;
  state_comparison found_;
};

} // namespace

state_comparison compare_states(std::span<const std::filesystem::path> folders) {
  return folders.empty() ? state_comparison{} : comparison(folders).run();
}

} // namespace godwit::cluster_faults
