#include "cluster/shard/request_ledger.hpp"

#include <utility>

namespace godwit::cluster {

using persistence::monotonic_ms;

void request_ledger::begin(const entity_request_ptr& request, monotonic_ms now) {
  end(*request);
  request->in_flight = first_ + entries_.size();
  entries_.push_back({request, now + timeout_, false});
  ++size_;
}

const request_ledger::entry* request_ledger::find(const entity_request& request) const {
  // The number may be of an earlier flight, or of another shard's before the number of shards changed.
  const std::uint64_t place = request.in_flight - first_;
  return request.in_flight >= first_ && place < entries_.size() && entries_[place].request.get() == &request
           ? &entries_[place]
           : nullptr;
}

void request_ledger::forwarded(const entity_request& request) {
  if (const entry* const found = find(request)) {
    entries_[request.in_flight - first_].forwarded = true;
  }
}

bool request_ledger::holds(const entity_request& request) const { return find(request) != nullptr; }

bool request_ledger::end(const entity_request& request) {
  if (find(request) == nullptr) {
    return false;
  }
  // The caller's reference keeps the request: it may be this one's.
  const entity_request_ptr released = release(entries_[request.in_flight - first_]);
  drop_ended();
  return true;
}

entity_request_ptr request_ledger::release(entry& of) {
  --size_;
  return std::exchange(of.request, nullptr);
}

void request_ledger::drop_ended() {
  while (!entries_.empty() && !entries_.front().request) {
    entries_.pop_front();
    ++first_;
  }
}

monotonic_ms request_ledger::due() const { return entries_.empty() ? 0 : entries_.front().due; }

template <class Predicate>
std::vector<entity_request_ptr> request_ledger::take_if(Predicate&& wanted) {
  std::vector<entity_request_ptr> out;
  for (entry& each : entries_) {
    if (each.request && wanted(each)) {
      out.push_back(release(each));
    }
  }
  drop_ended();
  return out;
}

std::vector<entity_request_ptr> request_ledger::take_due(monotonic_ms now) {
  std::vector<entity_request_ptr> out;
  for (; !entries_.empty() && (!entries_.front().request || entries_.front().due <= now); ++first_) {
    if (entries_.front().request) {
      out.push_back(release(entries_.front()));
    }
    entries_.pop_front();
  }
  return out;
}

std::vector<entity_request_ptr> request_ledger::take_forwarded(const entity_ref& to) {
  return take_if([&](const entry& each) { return each.forwarded && each.request->to == to; });
}

std::vector<entity_request_ptr> request_ledger::take_to(const entity_ref& to) {
  return take_if([&](const entry& each) { return each.request->to == to; });
}

std::vector<entity_request_ptr> request_ledger::take_waiting() {
  return take_if([](const entry& each) { return !each.forwarded; });
}

std::vector<entity_request_ptr> request_ledger::take_all() {
  return take_if([](const entry&) { return true; });
}

} // namespace godwit::cluster
