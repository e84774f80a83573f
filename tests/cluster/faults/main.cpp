#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/chat_load/check_recordings.hpp"
#include "tests/cluster/faults/fault_driver.hpp"
#include "tests/cluster/faults/namespace_network.hpp"

namespace {

namespace fs = std::filesystem;
using namespace godwit;
using namespace godwit::cluster_faults;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

struct options {
  std::uint64_t seed = 1;
  double minutes = 5;
  std::uint32_t faults = 0;
  unsigned nodes = 3;
  chat_load::run_options run{.accounts = 60, .folder = {}};
  std::uint32_t pause_ms = 1000;
  std::uint32_t trouble_ms = 15'000;
  std::string folder;
  bool keep = false;
  std::string program = GODWIT_PROGRAM;
  std::string checker = GODWIT_CHECKER;
  std::string compare = GODWIT_COMPARE_STATE;
  std::vector<std::string> settings;
  std::string namespaces = "never"; ///< or always, auto
  std::vector<std::string> only;    ///< kinds of faults
  bool early = false;
};

/// Of the whole run: what signing up, resting, reading and judging take.
constexpr milliseconds other_time = 50s;
constexpr milliseconds fault_time_min = 15s;
/// One fault in so long, unless the number is given.
constexpr milliseconds fault_every = 6s;
constexpr milliseconds sign_in_every = 7s;
constexpr auto ready_patience = 60s;
constexpr auto end_patience = 40s;

/// Lines of progress, on standard output and in a file.
class story {
public:
  explicit story(const fs::path& file) : file_(file), began_(std::chrono::steady_clock::now()) {}

  void tell(const std::string& what) {
    char time[32];
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began_;
    std::snprintf(time, sizeof(time), "%7.1f s  ", passed.count());
    std::printf("%s%s\n", time, what.c_str());
    std::fflush(stdout);
    file_ << time << what << std::endl;
  }

  [[nodiscard]] double seconds_at(std::chrono::steady_clock::time_point when) const {
    return std::chrono::duration<double>(when - began_).count();
  }

private:
  std::ofstream file_;
  std::chrono::steady_clock::time_point began_;
};

class fault_run {
public:
  /// `network`: a line about it.
  fault_run(const options& with, bool namespaces, const std::string& network, fs::path folder)
      : with_(with), namespaces_(namespaces), folder_(std::move(folder)), story_(folder_ / "story") {
    story_.tell(network);
  }

  /// Whether all went well.
  bool run() {
    faulty_cluster cluster({.program = with_.program,
                            .nodes = with_.nodes,
                            .seed = with_.seed,
                            .settings = settings(),
                            .namespaces = namespaces_});
    try {
      run(cluster);
    } catch (const std::exception& error) {
      violation(error.what());
      cluster.keep_views(folder_);
      cluster.end_all(end_patience);
    }
    cluster.keep_logs(folder_);
    judge(cluster);
    if (violations_ > 0) {
      cluster.keep_storages(folder_);
    }
    std::printf("seed %llu: %s; %llu acknowledged sends, %llu violations, longest pause %.1f s with a majority, %.1f s "
                "in all (%.0f s without one), %zu devices signed in meanwhile\n",
                static_cast<unsigned long long>(with_.seed), faults_.c_str(),
                static_cast<unsigned long long>(acknowledged_), static_cast<unsigned long long>(violations_),
                pauses_.with_majority_seconds, pauses_.seconds, without_majority_, added_);
    return violations_ == 0;
  }

private:
  [[nodiscard]] std::vector<std::string> settings() const {
    std::vector<std::string> all{"auth.codes_per_number_day=10000"};
    all.insert(all.end(), with_.settings.begin(), with_.settings.end());
    return all;
  }

  void violation(const std::string& what) {
    ++violations_;
    story_.tell("VIOLATION " + what);
  }

  void run(faulty_cluster& cluster) {
    for (unsigned node = 1; node <= cluster.nodes(); ++node) {
      cluster.start(node);
    }
    if (!cluster.wait_ready(ready_patience)) {
      std::string logs;
      for (unsigned node = 1; node <= cluster.nodes(); ++node) {
        logs += "\n--- node " + std::to_string(node) + "\n" + cluster.log_end(node);
      }
      throw std::runtime_error("the cluster does not become ready" + logs);
    }
    story_.tell(std::to_string(cluster.nodes()) + " nodes are ready");
    fault_driver* driving = nullptr;
    chat_load::run_options run = with_.run;
    run.seed = with_.seed;
    run.pause = milliseconds(with_.pause_ms);
    run.trouble = milliseconds(with_.trouble_ms);
    run.folder = folder_;
    chat_load::chat_run devices(run, cluster.targets(), [&] {
      if (driving != nullptr) {
        driving->check();
      }
    });
    fault_driver driver(cluster, devices, !with_.early, [this](const std::string& what) { story_.tell(what); });
    driving = &driver;
    try {
      drive(devices, driver);
    } catch (...) {
      note(devices, driver);
      throw;
    }
    note(devices, driver);
    driving = nullptr;
    if (cluster.end_all(end_patience)) {
      story_.tell("all nodes have ended");
    } else {
      violation("a node did not end well when it was told to");
    }
  }

  void drive(chat_load::chat_run& devices, fault_driver& driver) {
    devices.sign_up();
    story_.tell(std::to_string(with_.run.accounts) + " accounts with two devices each are signed in");
    devices.begin();
    milliseconds waited{0};
    if (!with_.early) {
      const auto began = std::chrono::steady_clock::now();
      wait_spread(driver);
      waited = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
    }
    const milliseconds given(static_cast<std::int64_t>(with_.minutes * 60'000));
    const milliseconds whole = std::max(given - other_time - waited, fault_time_min);
    const auto faults = with_.faults > 0 ? with_.faults : static_cast<std::uint32_t>(whole / fault_every);
    plan_options plan{.seed = with_.seed, .nodes = with_.nodes, .faults = faults, .whole = whole};
    for (const std::string& each : with_.only) {
      plan.only.push_back(*kind_named(each)); // looked at before
    }
    driver.begin(make_plan(plan));
    for (milliseconds at = sign_in_every; at < whole; at += sign_in_every) {
      devices.loop().at(std::chrono::steady_clock::now() + at, [&devices] { devices.add_device(); });
    }
    devices.run_for(whole);
    story_.tell("healing");
    if (!driver.heal(ready_patience)) {
      throw std::runtime_error("a node is not ready though nothing ails it");
    }
    story_.tell("all nodes are ready");
    if (with_.early) {
      wait_spread(driver); // whatever befell it, the cluster forms
    }
    story_.tell("coming to rest");
    devices.end();
    story_.tell("everything was read");
  }

  void wait_spread(fault_driver& driver) {
    if (!driver.wait_spread(ready_patience)) {
      throw std::runtime_error("the nodes do not come to lead a part of the shards each");
    }
    story_.tell("every node leads its part");
  }

  void note(chat_load::chat_run& devices, const fault_driver& driver) {
    std::uint32_t all = 0;
    std::string kinds;
    for (const auto& [kind, count] : driver.done()) {
      kinds += (kinds.empty() ? "" : ", ") + std::string(name_of(kind)) + " " + std::to_string(count);
      all += count;
    }
    faults_ = std::to_string(all) + " faults (" + kinds + ")";
    acknowledged_ = devices.figures().acknowledged;
    pauses_ = driver.pauses();
    if (pauses_.with_majority_seconds > 0) {
      char at[32];
      std::snprintf(at, sizeof(at), "%.1f s", story_.seconds_at(pauses_.with_majority_from));
      story_.tell(std::string("the longest pause with a majority began at ") + at);
    }
    without_majority_ = driver.without_majority_seconds();
    added_ = devices.added();
    violations_ += devices.figures().breaches_seen;
    chat_load::print(devices.figures());
  }

  void judge(const faulty_cluster& cluster) {
    if (cluster.nodes() > 1) {
      std::vector<std::string> command{with_.compare};
      for (const fs::path& each : cluster.storages()) {
        command.push_back(each);
      }
      if (chat_load::run_program(command) != 0) {
        violation("the databases of the nodes are not equal");
      }
    }
    if (chat_load::check_recordings(with_.checker, folder_) != 0) {
      violation("the recordings of the devices break a promise");
    }
  }

  options with_;
  bool namespaces_;
  fs::path folder_;
  story story_;
  std::uint64_t violations_ = 0;
  std::string faults_ = "no faults";
  std::uint64_t acknowledged_ = 0;
  fault_driver::longest_pause pauses_;
  double without_majority_ = 0;
  std::size_t added_ = 0;
};

/// Whether namespaces are to be had, in which this process is then; and a line about it. Throws std::runtime_error where
/// they have to be, and are not.
bool enter_namespaces(const options& with, std::string& line) {
  if (with.namespaces == "never") {
    line = "links are proxies";
    return false;
  }
  const auto refusal = enter_own_network([&] { namespace_network::try_out(with.nodes); });
  if (refusal && with.namespaces == "always") {
    throw std::runtime_error("network namespaces cannot be had: " + *refusal);
  }
  line = refusal ? "links are proxies, for network namespaces cannot be had: " + *refusal
                 : "links are real, between network namespaces";
  return !refusal;
}

bool run_in_folder(const options& with) {
  std::string network;
  const bool namespaces = enter_namespaces(with, network);
  fs::path folder = with.folder;
  if (folder.empty()) {
    std::string name = (fs::temp_directory_path() / "godwit-cluster-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error(name + ": cannot be made");
    }
    folder = name;
  }
  fs::create_directories(folder);
  const bool good = fault_run(with, namespaces, network, folder).run();
  if (!good) {
    std::string only;
    for (const std::string& each : with.only) {
      only += (only.empty() ? " --only " : ",") + each;
    }
    std::printf(
      "FAILED; recordings, logs and databases are in %s; to repeat:\n"
      "  tests/cluster/run --seed %llu --minutes %g --accounts %u --nodes %u --faults %u --namespaces %s%s%s\n",
      folder.c_str(), static_cast<unsigned long long>(with.seed), with.minutes, with.run.accounts, with.nodes,
      with.faults, namespaces ? "always" : "never", only.c_str(), with.early ? " --early" : "");
  } else if (with.folder.empty() && !with.keep) {
    fs::remove_all(folder);
  } else {
    std::printf("the recordings are in %s\n", folder.c_str());
  }
  return good;
}

} // namespace

int main(int argc, char** argv) {
  options with;
  CLI::App app{
    "Runs a cluster of real processes on imagined disks and links, lets client devices of every node send, edit, "
    "delete, read, reconnect and sign in, and meanwhile kills nodes with a power failure, freezes them, cuts and mutes "
    "and slows links, fills disks, hangs their syncs, sets clocks wrong and restarts all at once, as the seed says. "
    "Then "
    "it heals everything, lets the devices read all there is, compares the databases of the nodes, and has the checker "
    "judge what every device saw. Exit code 0: no violation; 1: there were some, and what is needed to look for the "
    "reason is kept."};
  if (const char* const seed = std::getenv("GODWIT_SEED")) {
    with.seed = std::strtoull(seed, nullptr, 10);
  }
  app.add_option("--seed", with.seed, "Of everything drawn at random (GODWIT_SEED)")->capture_default_str();
  app.add_option("--minutes", with.minutes, "Length of the run")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--faults", with.faults, "How many; 0: one in six seconds")->capture_default_str();
  app.add_option("--only", with.only, "Faults of these kinds alone, with commas between them")
    ->delimiter(',')
    ->check([](const std::string& each) { return kind_named(each) ? std::string() : each + " is no kind of fault"; });
  app.add_flag("--early", with.early, "Faults begin while the cluster still forms, with one node that votes");
  app.add_option("--nodes", with.nodes, "Of the cluster")->check(CLI::Range(1, 9))->capture_default_str();
  app.add_option("--accounts", with.run.accounts, "Each with two devices, some with more later")
    ->check(CLI::Range(2, 10'000))
    ->capture_default_str();
  app.add_option("--pause", with.pause_ms, "Milliseconds between two things that a device does, in the mean")
    ->capture_default_str();
  app.add_option("--trouble", with.trouble_ms, "Milliseconds between two troubles of a device's connection; 0: none")
    ->capture_default_str();
  app
    .add_option("--namespaces", with.namespaces,
                "The network between nodes: in namespaces, which cuts it as cables and routers do; or proxies; or "
                "namespaces where they are permitted")
    ->check(CLI::IsMember({"auto", "always", "never"}))
    ->capture_default_str();
  app.add_flag("--keep", with.keep, "Keeps the recordings of a good run, too");
  app.add_option("--folder", with.folder, "Where recordings and logs go; else a new folder for temporary files");
  app.add_option("--set", with.settings, "More settings of the nodes, section.key=value");
  app.add_option("--godwit", with.program, "The program")->capture_default_str();
  app.add_option("--checker", with.checker, "Of tests/checker")->capture_default_str();
  app.add_option("--compare", with.compare, "godwit_compare_state")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return run_in_folder(with) ? 0 : 1;
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
