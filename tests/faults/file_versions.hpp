#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/faults/undo_journal.hpp"

namespace godwit::faults {

inline constexpr std::uint64_t page_bytes = 4096;
inline constexpr std::uint64_t sector_bytes = 512;
inline constexpr std::uint64_t sectors_per_page = page_bytes / sector_bytes;

/// The versions of a file since its last sync, rebuilt from its journal. Version 0 is the state before the
/// first unsynced change, version n the newest.
class file_versions {
public:
  using page_content = std::array<unsigned char, page_bytes>;

  /// The versions of one page, only those in which it changed.
  struct page_history {
    std::vector<page_content> contents; ///< oldest first; the last one is what the file holds now
    /// Of each sector: the oldest of `contents` that a power failure can leave.
    std::array<std::size_t, sectors_per_page> oldest_possible{};
  };

  /// `mapping` is the whole journal file. `fd` reads the file. Both must outlive this object.
  file_versions(journal_header& mapping, int fd);

  /// Empty if nothing needs undoing.
  [[nodiscard]] std::size_t record_count() const { return records_.size(); }

  /// Pages that unsynced changes touched, ascending.
  [[nodiscard]] std::vector<std::uint64_t> pages() const;
  [[nodiscard]] page_history history_of(std::uint64_t page_number) const;

  /// The file's size if the changes up to version `version` decided it, raised to what is durable anyway.
  [[nodiscard]] std::uint64_t size_at(std::size_t version) const;
  [[nodiscard]] std::size_t oldest_possible_size() const;
  [[nodiscard]] std::uint64_t current_size() const { return current_size_; }

private:
  std::vector<const undo_record*> records_;
  std::map<std::uint64_t, std::vector<std::size_t>> records_of_page_;
  int fd_;
  std::uint64_t current_size_ = 0;
};

} // namespace godwit::faults
