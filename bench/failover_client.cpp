#include "bench/failover_client.hpp"

#include <algorithm>
#include <utility>

#include "protocol/tl/api/call_fn.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::bench {
namespace {

constexpr layer_t layer = 229;
constexpr std::chrono::milliseconds again_after{200};

std::string bytes_of(const tl::fn::function& what) {
  std::string bytes;
  tl::writer out(bytes);
  what.store(out, layer);
  return bytes;
}

std::string in_init(const std::string& query) {
  tl::fn::initConnection inner;
  inner.api_id = 17;
  inner.device_model = "Steady client";
  inner.system_version = "Linux 6.1";
  inner.app_version = "1.0.0";
  inner.system_lang_code = "en";
  inner.lang_code = "en";
  inner.query = query;
  tl::fn::invokeWithLayer outer;
  outer.layer = layer;
  outer.query = bytes_of(inner);
  return bytes_of(outer);
}

} // namespace

failover_client::failover_client(socket_loop& loop, const std::vector<client_target>& nodes,
                                 std::shared_ptr<const client_key> key, std::uint64_t number,
                                 std::chrono::milliseconds pace, std::function<void(const std::string&)> broken)
    : loop_(loop),
      number_(number),
      pace_(pace),
      broken_(std::move(broken)),
      link_(loop, nodes, std::move(key), number + 1, *this) {}

void failover_client::begin() {
  link_.start();
  send();
}

void failover_client::send() {
  tl::fn::messages_sendMessage what;
  what.peer = tl::make<tl::inputPeerSelf>();
  what.message = "steady " + std::to_string(sent_);
  // One more on purpose: a refused message is asked for again under the same number.
  what.random_id = static_cast<std::int64_t>((number_ << 32) + successes_.size() + 1);
  ++sent_;
  asked_at_ = clock::now();
  const std::string query = bytes_of(what);
  waiting_ = link_.call(std::exchange(inited_, true) ? query : in_init(query));
}

void failover_client::link_answered(const mtproto::client_answer& answer) {
  if (answer.call != waiting_) {
    return;
  }
  auto next = asked_at_ + pace_;
  if (answer.is_error) {
    next = clock::now() + again_after;
    if (answer.error_code == 401) {
      broken_(answer.error_text);
    }
  } else {
    successes_.push_back(clock::now());
  }
  loop_.at(std::max(next, clock::now()), [this] { send(); });
}

failover_client::clock::duration failover_client::longest_gap_since(clock::time_point when) const {
  const auto first = std::lower_bound(successes_.begin(), successes_.end(), when);
  auto last = first == successes_.begin() ? when : *(first - 1);
  clock::duration longest{};
  for (auto at = first; at != successes_.end(); ++at) {
    longest = std::max(longest, *at - last);
    last = *at;
  }
  return std::max(longest, first == successes_.end() ? clock::now() - last : clock::duration{});
}

} // namespace godwit::bench
