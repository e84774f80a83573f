#include "bench/shard_watch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>

#include <nlohmann/json.hpp>

namespace godwit::bench {
namespace {

constexpr std::chrono::milliseconds look_every{300};
constexpr std::uint64_t lag_max = 1000;

std::string output_of(const std::string& command) {
  std::string out;
  if (FILE* const pipe = ::popen(command.c_str(), "r")) {
    char piece[4096];
    for (std::size_t got = 0; (got = std::fread(piece, 1, sizeof(piece), pipe)) > 0;) {
      out.append(piece, got);
    }
    ::pclose(pipe);
  }
  return out;
}

} // namespace

shard_watch::shard_watch(const cluster_layout& of, unsigned node)
    : layout_(of), node_(node), thread_([this] { run(); }) {}

shard_watch::~shard_watch() {
  ended_ = true;
  thread_.join();
}

void shard_watch::run() {
  while (!ended_) {
    try {
      look();
    } catch (const std::exception&) { // an answer of another shape than expected tells nothing
      const std::lock_guard lock(mutex_);
      voters_.clear();
      others_ = true;
    }
    std::this_thread::sleep_for(look_every);
  }
}

void shard_watch::look() {
  const std::string answer = output_of(std::string(GODWIT_PROGRAM) + " ctl --data '" + layout_.data(node_).string() +
                                       "' --json shards 2>/dev/null");
  const auto shards = nlohmann::json::parse(answer, nullptr, false);
  std::map<std::string, std::set<std::uint64_t>> voters;
  bool others = !shards.is_array() || shards.empty();
  for (const auto& shard : shards.is_array() ? shards : nlohmann::json::array()) {
    std::set<std::uint64_t>& of = voters[shard["shard"].dump()];
    others = others || !shard.value("answered", false);
    for (const auto& member : shard.value("members", nlohmann::json::array())) {
      if (member["role"] == "voter" && member["up"] == true && member["lag"].get<std::uint64_t>() <= lag_max) {
        of.insert(member["node"].get<std::uint64_t>());
      } else {
        others = true;
      }
    }
  }
  const std::lock_guard lock(mutex_);
  voters_ = std::move(voters);
  others_ = others;
}

bool shard_watch::all_vote(std::size_t nodes) const {
  const std::lock_guard lock(mutex_);
  return !others_ &&
         std::all_of(voters_.begin(), voters_.end(), [&](const auto& each) { return each.second.size() == nodes; });
}

bool shard_watch::votes(std::uint16_t shard, std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = voters_.find(std::to_string(shard));
  return found != voters_.end() && found->second.contains(number);
}

} // namespace godwit::bench
