#include "node/metrics/process_metrics.hpp"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include "node/metrics/metric_registry.hpp"

namespace godwit::node {
namespace {

/// The fields of /proc/self/stat behind the program's name, which may hold spaces; the first one is
/// number 3 of proc(5).
std::vector<std::string> stat_fields() {
  std::ifstream in("/proc/self/stat");
  std::string text;
  std::getline(in, text);
  const auto name_end = text.rfind(')');
  std::istringstream rest(name_end == std::string::npos ? "" : text.substr(name_end + 1));
  std::vector<std::string> fields;
  for (std::string each; rest >> each;) {
    fields.push_back(each);
  }
  return fields;
}

double number(const std::vector<std::string>& fields, std::size_t number_in_manual) {
  const std::size_t index = number_in_manual - 3;
  return index < fields.size() ? std::strtod(fields[index].c_str(), nullptr) : 0;
}

/// Seconds since 1970 at which the machine started.
double boot_time() {
  std::ifstream in("/proc/stat");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("btime ")) {
      return std::strtod(line.c_str() + 6, nullptr);
    }
  }
  return 0;
}

std::uint64_t open_files() {
  std::error_code error;
  std::uint64_t count = 0;
  for (auto each = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && each != std::filesystem::directory_iterator(); each.increment(error)) {
    ++count;
  }
  return count > 0 ? count - 1 : 0; // the one that lists
}

} // namespace

void collect_process_metrics(metric_writer& out) {
  const auto fields = stat_fields();
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  out.gauge("process_resident_memory_bytes", "Resident memory.", number(fields, 24) * page);
  out.gauge("process_virtual_memory_bytes", "Address space, most of it the sparse maps of the storage.",
            number(fields, 23));
  out.counter_seconds("process_cpu_seconds_total", "Processor time in user mode.", number(fields, 14) / ticks,
                      {{"mode", "user"}});
  out.counter_seconds("process_cpu_seconds_total", "", number(fields, 15) / ticks, {{"mode", "system"}});
  out.gauge("process_threads", "Threads.", number(fields, 20));
  static const double started = boot_time() + number(fields, 22) / ticks;
  out.gauge("process_start_time_seconds", "Unix time at which the process started.", started);
  out.gauge("process_open_fds", "Open files and sockets.", static_cast<double>(open_files()));
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    out.gauge("process_max_fds", "Most files and sockets that may be open.", static_cast<double>(files.rlim_cur));
  }
}

} // namespace godwit::node
