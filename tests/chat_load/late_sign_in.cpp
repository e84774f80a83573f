#include "tests/chat_load/late_sign_in.hpp"

#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include "bench/load/sign_in.hpp"

namespace godwit::chat_load {
namespace {

using clock = bench::socket_loop::clock;

/// A session asks a shard for 15 s until it says that it cannot.
constexpr std::chrono::seconds patience{20};
constexpr std::chrono::milliseconds pause{500};

} // namespace

/// Callbacks of its client keep it, so that they may come late; the client is destroyed outside of them.
struct late_sign_in::attempt {
  std::unique_ptr<bench::load_client> client;
  std::shared_ptr<const bench::client_key> key;
  clock::time_point until;
  bool failed = false;
  bool done = false;
};

late_sign_in::late_sign_in(bench::socket_loop& loop, std::vector<bench::client_target> nodes, who which,
                           std::uint64_t seed)
    : loop_(loop), nodes_(std::move(nodes)), which_(which), dice_(seed) {}

late_sign_in::~late_sign_in() {
  if (now_ != nullptr) {
    now_->client.reset();
  }
}

std::shared_ptr<const bench::client_key> late_sign_in::tick() {
  if (now_ == nullptr) {
    if (clock::now() >= begin_at_) {
      begin();
    }
    return nullptr;
  }
  if (!now_->done && !now_->failed && clock::now() < now_->until) {
    return nullptr;
  }
  const std::shared_ptr<attempt> last = std::exchange(now_, nullptr);
  last->client.reset();
  begin_at_ = clock::now() + pause;
  return last->done && !last->failed ? last->key : nullptr;
}

void late_sign_in::begin() {
  now_ = std::make_shared<attempt>();
  now_->until = clock::now() + patience;
  const std::weak_ptr<attempt> weak = now_;
  const auto lost = [weak](const std::string&) {
    if (const auto mine = weak.lock(); mine != nullptr && !mine->done) {
      mine->failed = true;
    }
  };
  try {
    now_->client = std::make_unique<bench::load_client>(loop_, nodes_[dice_.below(nodes_.size())], lost);
  } catch (const std::system_error&) {
    now_->failed = true; // nobody listens there
    return;
  }
  now_->client->make_key([weak, account = which_.account](std::shared_ptr<const bench::client_key> key) {
    const auto mine = weak.lock();
    if (mine == nullptr) {
      return;
    }
    mine->key = key;
    mine->client->use_key(std::move(key));
    bench::sign_in(*mine->client, account, [weak](const std::string& failure) {
      if (const auto ended = weak.lock()) {
        (failure.empty() ? ended->done : ended->failed) = true;
      }
    });
  });
}

} // namespace godwit::chat_load
