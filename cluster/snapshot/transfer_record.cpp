#include "cluster/snapshot/transfer_record.hpp"

namespace godwit::cluster {

namespace {

constexpr monotonic_ms measure_ms = 1000;

std::string_view direction(const snapshot_transfer& of) { return of.incoming ? "in" : "out"; }

} // namespace

std::string_view to_string(snapshot_transfer::phase which) {
  switch (which) {
  case snapshot_transfer::phase::seeking: return "seeking";
  case snapshot_transfer::phase::waiting: return "waiting";
  case snapshot_transfer::phase::streaming: return "streaming";
  case snapshot_transfer::phase::broken: return "broken";
  case snapshot_transfer::phase::finishing: return "finishing";
  }
  return "unknown";
}

std::vector<snapshot_transfer> transfer_board::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<snapshot_transfer> out;
  out.reserve(all_.size());
  for (const auto& [id, each] : all_) {
    out.push_back(each);
  }
  return out;
}

transfer_record::transfer_record(home_loop& loop, transfer_board& board, shard_id shard, bool incoming, node_id peer)
    : loop_(loop), board_(board), begun_at_(loop.now()) {
  now_.shard = shard;
  now_.peer = peer;
  now_.incoming = incoming;
  now_.now = incoming ? snapshot_transfer::phase::seeking : snapshot_transfer::phase::waiting;
  now_.since = loop.wall();
  const std::lock_guard lock(board_.mutex_);
  id_ = board_.next_++;
  board_.all_.emplace(id_, now_);
}

transfer_record::~transfer_record() {
  const std::lock_guard lock(board_.mutex_);
  board_.all_.erase(id_);
}

void transfer_record::publish() {
  const std::lock_guard lock(board_.mutex_);
  board_.all_[id_] = now_;
}

void transfer_record::set(snapshot_transfer::phase now, node_id peer) {
  if (now_.now != now || now_.peer != peer) {
    now_.now = now;
    now_.peer = peer;
    publish();
  }
}

void transfer_record::begun(bool resumed, persistence::index_t index, std::uint64_t rows, std::uint64_t bytes) {
  now_.now = snapshot_transfer::phase::streaming;
  now_.rows = rows;
  now_.bytes = measured_bytes_ = bytes;
  logged_at_ = measured_at_ = loop_.now();
  publish();
  log::info(snapshot_log, resumed ? "transfer_resumed" : "transfer_begun",
            {{"shard", now_.shard},
             {"peer", now_.peer},
             {"direction", direction(now_)},
             {"index", index},
             {"rows", rows},
             {"bytes", bytes}});
}

void transfer_record::at(std::uint64_t rows, std::uint64_t bytes) {
  now_.rows = rows;
  now_.bytes = bytes;
  const monotonic_ms now = loop_.now();
  if (now - measured_at_ >= measure_ms) {
    now_.bytes_per_second = bytes < measured_bytes_ ? 0 : (bytes - measured_bytes_) * 1000 / (now - measured_at_);
    measured_at_ = now;
    measured_bytes_ = bytes;
  }
  publish();
  if (now - logged_at_ >= limits::snapshot_report_ms) {
    logged_at_ = now;
    log::info(snapshot_log, "transfer_progress",
              {{"shard", now_.shard},
               {"peer", now_.peer},
               {"direction", direction(now_)},
               {"rows", rows},
               {"bytes", bytes},
               {"bytes_per_second", now_.bytes_per_second}});
  }
}

void transfer_record::ended(std::string_view event, std::string_view why) {
  const monotonic_ms took = loop_.now() - begun_at_;
  log::info(snapshot_log, event,
            {{"shard", now_.shard},
             {"peer", now_.peer},
             {"direction", direction(now_)},
             {"rows", now_.rows},
             {"bytes", now_.bytes},
             {"ms", took},
             {"why", why}});
}

} // namespace godwit::cluster
