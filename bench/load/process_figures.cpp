#include "bench/load/process_figures.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace godwit::bench {
namespace {

/// Scheduler time of every thread, in nanoseconds: /proc/PID/stat counts ticks of 10 ms, too coarse for a process
/// that is nearly idle. Time of threads that ended is lost.
double scheduled_seconds(const std::filesystem::path& process) {
  double sum = 0;
  std::error_code error;
  for (const auto& thread : std::filesystem::directory_iterator(process / "task", error)) {
    std::ifstream file(thread.path() / "schedstat");
    double nanoseconds = 0;
    if (file >> nanoseconds) {
      sum += nanoseconds / 1e9;
    }
  }
  return sum;
}

} // namespace

process_figures figures_of(pid_t process) {
  const std::filesystem::path folder = std::filesystem::path("/proc") / std::to_string(process);
  process_figures found;
  std::ifstream status(folder / "status");
  for (std::string line; std::getline(status, line);) {
    const auto kilobytes = [&line](std::string_view name) { return std::stoul(line.substr(name.size())) << 10; };
    if (line.starts_with("VmRSS:")) {
      found.rss_bytes = kilobytes("VmRSS:");
    } else if (line.starts_with("RssAnon:")) {
      found.anonymous_bytes = kilobytes("RssAnon:");
    } else if (line.starts_with("Threads:")) {
      found.threads = std::stoul(line.substr(8));
    }
  }
  found.cpu_seconds = scheduled_seconds(folder);
  return found;
}

cpu_meter::cpu_meter(pid_t process)
    : process_(process), began_(std::chrono::steady_clock::now()), before_(figures_of(process).cpu_seconds) {}

double cpu_meter::seconds() const { return figures_of(process_).cpu_seconds - before_; }

double cpu_meter::elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

double cpu_meter::percent() const { return seconds() / elapsed() * 100; }

} // namespace godwit::bench
