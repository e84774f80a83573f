#include "tests/faults/file_versions.hpp"

#include <algorithm>
#include <cstring>

#include <sys/stat.h>
#include <unistd.h>

namespace godwit::faults {
namespace {

struct byte_range {
  std::uint64_t begin;
  std::uint64_t end;
};

byte_range common(byte_range a, byte_range b) { return {std::max(a.begin, b.begin), std::min(a.end, b.end)}; }

byte_range range_of_page(std::uint64_t number) { return {number * page_bytes, (number + 1) * page_bytes}; }

bool changes_bytes(const undo_record& record) { return record.kind != record_kind::grow && record.length > 0; }

// Turns the content after the record into the content before it. Beyond the old end of the file there
// was nothing, which reads as zeroes should the file be longer after all.
void undo(const undo_record& record, std::uint64_t page_number, file_versions::page_content& content) {
  const byte_range page = range_of_page(page_number);
  const byte_range touched = common(page, {record.offset, record.offset + record.length});
  if (touched.begin >= touched.end)
    return;
  std::memset(content.data() + (touched.begin - page.begin), 0, touched.end - touched.begin);
  const byte_range old = common(page, {record.offset, record.offset + record.old_length});
  if (old.begin < old.end)
    std::memcpy(content.data() + (old.begin - page.begin), record.old_bytes() + (old.begin - record.offset),
                old.end - old.begin);
}

} // namespace

file_versions::file_versions(journal_header& mapping, int fd) : fd_(fd) {
  struct stat status {};
  if (::fstat(fd, &status) == 0)
    current_size_ = static_cast<std::uint64_t>(status.st_size);
  const std::uint32_t active = mapping.active.load();
  const std::uint64_t tail = mapping.tail[active].load();
  for (std::uint64_t at = 0; at < tail;) {
    const auto* record = reinterpret_cast<const undo_record*>(mapping.area(active) + at);
    at += record->bytes;
    if (record->sequence <= mapping.durable_sequence.load())
      continue;
    if (changes_bytes(*record))
      for (std::uint64_t number = record->offset / page_bytes;
           number <= (record->offset + record->length - 1) / page_bytes; ++number)
        records_of_page_[number].push_back(records_.size());
    records_.push_back(record);
  }
}

std::vector<std::uint64_t> file_versions::pages() const {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(records_of_page_.size());
  for (const auto& [number, records] : records_of_page_)
    numbers.push_back(number);
  return numbers;
}

file_versions::page_history file_versions::history_of(std::uint64_t page_number) const {
  const auto& touching = records_of_page_.at(page_number);
  page_history history;
  history.contents.resize(touching.size() + 1);
  page_content content{};
  // Short at the end of the file: the rest stays zero.
  [[maybe_unused]] const auto got =
    ::pread(fd_, content.data(), page_bytes, static_cast<off_t>(page_number * page_bytes));
  history.contents.back() = content;
  for (std::size_t i = touching.size(); i-- > 0;) {
    const undo_record& record = *records_[touching[i]];
    undo(record, page_number, content);
    history.contents[i] = content;

    const auto state = record.state.load();
    if (state != record_state::durable && state != record_state::synced)
      continue;
    // A synchronous write promises its own sectors, a sync the page it wrote.
    const byte_range page = range_of_page(page_number);
    const byte_range done =
      state == record_state::synced ? page : common(page, {record.offset, record.offset + record.done_length});
    for (std::uint64_t sector = 0; sector < sectors_per_page; ++sector) {
      const std::uint64_t begin = page.begin + sector * sector_bytes;
      if (done.begin < begin + sector_bytes && begin < done.end)
        history.oldest_possible[sector] = std::max(history.oldest_possible[sector], i + 1);
    }
  }
  return history;
}

std::uint64_t file_versions::size_at(std::size_t version) const {
  std::uint64_t size = version < records_.size() ? records_[version]->old_size : current_size_;
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const undo_record& record = *records_[i];
    if (record.state.load() != record_state::durable)
      continue;
    const bool cut_off = std::any_of(records_.begin() + static_cast<std::ptrdiff_t>(i),
                                     records_.begin() + static_cast<std::ptrdiff_t>(std::max(i, version)),
                                     [](const undo_record* later) { return later->kind == record_kind::shrink; });
    if (!cut_off)
      size = std::max(size, record.offset + record.done_length);
  }
  return size;
}

std::size_t file_versions::oldest_possible_size() const {
  std::size_t version = 0;
  for (std::size_t i = 0; i < records_.size(); ++i)
    if (records_[i]->state.load() == record_state::synced)
      version = i + 1;
  return version;
}

} // namespace godwit::faults
