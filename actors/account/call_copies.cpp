#include "actors/account/call_copies.hpp"

#include <algorithm>
#include <utility>

#include "actors/box/done_calls.hpp"
#include "cluster/base/entity.hpp"
#include "config/limits.hpp"

namespace godwit::account {
namespace {

/// Sessions of one account that call at about the same time.
constexpr std::size_t sessions_max = 256;
/// An answer that says little more than that it was done.
constexpr std::size_t answer_bytes_max = 64;

std::uint64_t hash_of(auth_key_id key, std::string_view body) {
  return box::done_calls::hash_of(body) ^ cluster::seeded_hash(key.value());
}

} // namespace

void call_copies::forget(unix_time now) {
  while (!by_time_.empty() &&
         (now - by_time_.front().first > limits::call_copy_seconds || by_time_.size() >= limits::call_copies_max)) {
    const auto [when, which] = by_time_.front();
    by_time_.pop_front();
    if (const auto found = taken_.find(which); found != taken_.end() && found->second.taken == when) {
      taken_.erase(found);
    }
  }
  if (sessions_.size() > sessions_max) {
    std::erase_if(sessions_, [now](const auto& each) { return now - each.second.called > limits::call_copy_seconds; });
  }
  if (sessions_.size() > sessions_max) {
    sessions_.clear(); // more than an account has in use
  }
}

call_copies::verdict call_copies::take(auth_key_id key, session_id session, std::string_view body, msg_id message,
                                       unix_time now) {
  forget(now);
  const std::uint64_t hash = hash_of(key, body);
  copy& known = taken_[hash];
  caller& by = sessions_[cluster::seeded_hash(key.value()) ^ cluster::seeded_hash(~session.value())];
  if (message < known.newest) {
    return {.older = true};
  }
  if (message == known.newest && message != msg_id{}) {
    return {.overtaken = message < by.newest,
            .answer = known.answer.empty() ? nullptr : &known.answer,
            .first = known.ticket};
  }
  known.newest = message;
  known.taken = now;
  known.answer.clear();
  known.ticket = 0;
  by = {std::max(by.newest, message), now};
  by_time_.emplace_back(now, hash);
  return {};
}

void call_copies::begin(auth_key_id key, std::string_view body, msg_id message, std::uint64_t ticket) {
  const std::uint64_t hash = hash_of(key, body);
  const auto found = taken_.find(hash);
  if (found != taken_.end() && found->second.newest == message && message != msg_id{}) {
    found->second.ticket = ticket;
    under_way_[ticket].call = hash;
  }
}

bool call_copies::wait(const verdict& seen, std::uint64_t ticket) {
  const auto found = under_way_.find(seen.first);
  if (seen.older || found == under_way_.end()) {
    return false;
  }
  found->second.copies.push_back(ticket);
  return true;
}

std::vector<std::uint64_t> call_copies::answered(std::uint64_t ticket, std::string_view answer) {
  const auto found = under_way_.find(ticket);
  if (found == under_way_.end()) {
    return {};
  }
  const execution done = std::move(found->second);
  under_way_.erase(found);
  if (const auto call = taken_.find(done.call); call != taken_.end() && call->second.ticket == ticket) {
    call->second.ticket = 0;
    if (answer.size() <= answer_bytes_max) {
      call->second.answer = answer;
    }
  }
  return done.copies;
}

} // namespace godwit::account
