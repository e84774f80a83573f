#include "tests/cluster/faults/faulty_cluster.hpp"

#include <array>
#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include "bench/load/local_ports.hpp"
#include "tests/cluster/faults/namespace_network.hpp"

namespace godwit::cluster_faults {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string text_of(const faults::process_end& end) {
  return end.signal != 0 ? "signal " + std::to_string(end.signal) : "exit code " + std::to_string(end.exit_code);
}

} // namespace

faulty_cluster::faulty_cluster(const options& with) : program_(with.program) {
  std::vector<fs::path> data;
  for (unsigned node = 1; node <= with.nodes; ++node) {
    nodes_.push_back(std::make_unique<node_parts>());
    nodes_.back()->settings = with.settings;
    data.push_back(nodes_.back()->session.root() / "data");
  }
  layout_ = std::make_unique<bench::cluster_layout>(with.program, std::move(data));
  const auto run = [this](unsigned node, const std::vector<std::string>& command) {
    const auto end = of(node).session.wait(spawn(node, command));
    if (!end || !end->good()) {
      throw std::runtime_error("godwit " + command[1] + " failed for node " + std::to_string(node) + ": " +
                               log_end(node));
    }
  };
  layout_->make(run, of(1).session.outside());
  for (const auto& each : nodes_) {
    // What was made is there to stay.
    static_cast<void>(each->session.drop_unsynced(0, faults::drop_policy::none));
  }
  if (with.namespaces) {
    network_ = std::make_unique<namespace_network>(nodes(), layout_->peer_port(), with.seed);
  } else {
    network_ = make_proxy_network(nodes(), layout_->peer_port(), with.seed);
  }
  for (unsigned node = 1; node <= nodes(); ++node) {
    const auto more = network_->settings(node);
    of(node).settings.insert(of(node).settings.end(), more.begin(), more.end());
  }
}

faulty_cluster::~faulty_cluster() {
  for (const auto& each : nodes_) {
    each->session.kill();
  }
}

pid_t faulty_cluster::spawn(unsigned node, std::vector<std::string> command) {
  // A shell that becomes the program, for the sake of the log.
  command.insert(command.begin(),
                 {"/bin/sh", "-c", "exec \"$0\" \"$@\" </dev/null >>'" + log_of(node).string() + "' 2>&1"});
  const auto inside = network_ ? network_->enter(node) : nullptr;
  return of(node).session.spawn(command);
}

void faulty_cluster::start(unsigned node) {
  if (!runs(node)) {
    of(node).process = spawn(node, layout_->serve_command(node, of(node).settings));
  }
}

bool faulty_cluster::wait_ready(std::chrono::seconds patience) const {
  const auto until = std::chrono::steady_clock::now() + patience;
  for (unsigned node = 1; node <= nodes(); ++node) {
    while (!layout_->is_ready(node)) {
      if (std::chrono::steady_clock::now() > until) {
        return false;
      }
      std::this_thread::sleep_for(20ms);
    }
  }
  return true;
}

unsigned faulty_cluster::leads(unsigned node) const {
  return static_cast<unsigned>(bench::metric_at(layout_->metrics_port(), "godwit_shards_ready", node));
}

void faulty_cluster::kill(unsigned node, std::uint64_t seed) {
  node_parts& which = of(node);
  if (which.process <= 0) {
    return;
  }
  which.session.kill(std::exchange(which.process, -1));
  constexpr std::array policies{faults::drop_policy::all, faults::drop_policy::random, faults::drop_policy::torn};
  const auto dropped = which.session.drop_unsynced(seed, policies[seed % policies.size()]);
  if (!dropped) {
    throw std::runtime_error("unsynced writes cannot be dropped: " + dropped.error());
  }
}

void faulty_cluster::freeze(unsigned node, bool frozen) {
  if (runs(node)) {
    ::kill(of(node).process, frozen ? SIGSTOP : SIGCONT);
  }
}

bool faulty_cluster::end_all(std::chrono::seconds patience) {
  for (const auto& each : nodes_) {
    if (each->process > 0) {
      ::kill(each->process, SIGTERM);
    }
  }
  bool good = true;
  for (const auto& each : nodes_) {
    if (each->process > 0) {
      const auto end = each->session.wait(each->process, patience);
      good = good && end && end->good();
      each->session.kill(std::exchange(each->process, -1));
    }
  }
  return good;
}

std::vector<faulty_cluster::ended_node> faulty_cluster::ended() {
  std::vector<ended_node> found;
  for (unsigned node = 1; node <= nodes(); ++node) {
    if (runs(node)) {
      if (const auto end = of(node).session.wait(of(node).process, 0ms)) {
        of(node).process = -1;
        found.push_back({node, text_of(*end)});
      }
    }
  }
  return found;
}

std::vector<bench::client_target> faulty_cluster::targets() const {
  std::vector<bench::client_target> made;
  for (unsigned node = 1; node <= nodes(); ++node) {
    made.push_back(layout_->target(node));
  }
  return made;
}

std::vector<fs::path> faulty_cluster::storages() const {
  std::vector<fs::path> made;
  for (unsigned node = 1; node <= nodes(); ++node) {
    made.push_back(layout_->data(node) / "storage");
  }
  return made;
}

std::string faulty_cluster::log_end(unsigned node) const {
  constexpr std::size_t shown = 3000;
  const std::string log = read(log_of(node));
  return log.substr(log.size() - std::min(log.size(), shown));
}

void faulty_cluster::keep_logs(const fs::path& to) const {
  for (unsigned node = 1; node <= nodes(); ++node) {
    std::error_code ignored;
    fs::copy_file(log_of(node), to / ("node-" + std::to_string(node) + ".log"), fs::copy_options::overwrite_existing,
                  ignored);
  }
}

void faulty_cluster::keep_views(const fs::path& to) {
  for (unsigned node = 1; node <= nodes(); ++node) {
    std::ofstream view(to / ("node-" + std::to_string(node) + ".view"));
    view << bench::http_get(layout_->metrics_port(), "/readyz", node) << "\n";
    for (const char* what : {"nodes", "shards"}) {
      const fs::path answer = of(node).session.outside() / what;
      const pid_t asking = of(node).session.spawn(
        {"/bin/sh", "-c", "exec \"$0\" ctl --data \"$1\" --timeout 5 \"$2\" >'" + answer.string() + "' 2>&1", program_,
         layout_->data(node), what});
      static_cast<void>(of(node).session.wait(asking, 10s));
      of(node).session.kill(asking);
      view << read(answer) << "\n";
    }
  }
}

void faulty_cluster::keep_storages(const fs::path& to) const {
  for (unsigned node = 1; node <= nodes(); ++node) {
    // Moved: a copy of the sparse files would fill a disk.
    std::error_code ignored;
    fs::rename(layout_->data(node) / "storage", to / ("storage-" + std::to_string(node)), ignored);
  }
}

} // namespace godwit::cluster_faults
