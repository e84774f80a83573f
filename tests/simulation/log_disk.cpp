#include "tests/simulation/log_disk.hpp"

namespace godwit::simulation {

std::string carry_out(log_disk& disk, const persistence::log_write& write, std::size_t parts) {
  if (write.reset && parts-- > 0) {
    disk.entries.clear();
    disk.first = *write.reset;
  }
  if (write.hard && parts > 0) {
    --parts;
    disk.hard = *write.hard;
  }
  if (write.first != 0 && parts > 0) {
    if (write.first < disk.first || write.first > disk.last() + 1) {
      return "a write at entry " + std::to_string(write.first) + " into a log that holds " +
             std::to_string(disk.first) + " to " + std::to_string(disk.last());
    }
    disk.entries.resize(write.first - disk.first);
    for (const persistence::log_entry& entry : write.entries) {
      if (parts == 0) {
        break;
      }
      --parts;
      disk.entries.push_back(entry);
    }
  }
  if (parts > 0) {
    while (disk.first < write.trim_below && !disk.entries.empty()) {
      disk.entries.pop_front();
      ++disk.first;
    }
  }
  return {};
}

} // namespace godwit::simulation
