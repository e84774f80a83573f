#include "cluster/peer/raft_codec.hpp"

#include <type_traits>
#include <variant>

#include "cluster/wire/peer_wire.pb.h"
#include "config/cluster_limits.hpp"
#include "persistence/log/configuration_codec.hpp"

namespace godwit::cluster {
namespace {

namespace raft = persistence::raft;
using persistence::entry_kind;
using persistence::log_entry;
using persistence::slice;

/// Before the head: its bytes, the lowest byte first.
constexpr std::size_t size_bytes = 4;
/// A term or an index beyond this would overflow somewhere sooner or later; no log gets there.
constexpr std::uint64_t number_max = std::uint64_t{1} << 52;

void fill(wire::RaftHead& head, const raft::append_entries& from) {
  wire::RaftAppend& to = *head.mutable_append();
  to.set_prev_index(from.prev_index);
  to.set_prev_term(from.prev_term);
  to.set_leader_commit(from.leader_commit);
  to.set_sent_at(from.sent_at);
  const int count = static_cast<int>(from.entries.size());
  to.mutable_entry_terms()->Reserve(count);
  to.mutable_entry_kinds()->Reserve(count);
  to.mutable_entry_sizes()->Reserve(count);
  for (const log_entry& each : from.entries) {
    to.add_entry_terms(each.term);
    to.add_entry_kinds(static_cast<std::uint32_t>(each.kind));
    to.add_entry_sizes(static_cast<std::uint32_t>(each.payload.size()));
  }
}

void fill(wire::RaftHead& head, const raft::append_result& from) {
  wire::RaftAppendResult& to = *head.mutable_append_result();
  to.set_rejected(from.rejected);
  to.set_last_index(from.last_index);
  to.set_echo(from.echo);
}

void fill(wire::RaftHead& head, const raft::request_vote& from) {
  wire::RaftRequestVote& to = *head.mutable_request_vote();
  to.set_last_index(from.last_index);
  to.set_last_term(from.last_term);
  to.set_disrupt_leader(from.disrupt_leader);
  to.set_pre_vote(from.pre_vote);
}

void fill(wire::RaftHead& head, const raft::vote_result& from) {
  wire::RaftVoteResult& to = *head.mutable_vote_result();
  to.set_granted(from.granted);
  to.set_pre_vote(from.pre_vote);
}

void fill(wire::RaftHead& head, const raft::install_snapshot& from) {
  wire::RaftInstallSnapshot& to = *head.mutable_install_snapshot();
  to.set_index(from.point.index);
  to.set_term(from.point.term);
  to.set_members(persistence::encode_configuration(from.point.members));
  to.set_configuration_index(from.point.configuration_index);
}

void fill(wire::RaftHead& head, const raft::timeout_now& from) {
  wire::RaftTimeoutNow& to = *head.mutable_timeout_now();
  to.set_last_index(from.last_index);
  to.set_last_term(from.last_term);
}

template <class... Numbers>
bool sane(Numbers... numbers) {
  return ((numbers <= number_max) && ...);
}

using body_or_none = std::optional<raft::message_body>;

bool known_kind(std::uint32_t kind) {
  return kind == static_cast<std::uint32_t>(entry_kind::command) ||
         kind == static_cast<std::uint32_t>(entry_kind::barrier) ||
         kind == static_cast<std::uint32_t>(entry_kind::change);
}

body_or_none read(const wire::RaftAppend& from, slice payloads) {
  const int count = from.entry_terms_size();
  if (from.entry_kinds_size() != count || from.entry_sizes_size() != count ||
      !sane(from.prev_index(), from.prev_term(), from.leader_commit())) {
    return std::nullopt;
  }
  raft::append_entries made;
  made.prev_index = from.prev_index();
  made.prev_term = from.prev_term();
  made.leader_commit = from.leader_commit();
  made.sent_at = from.sent_at();
  made.entries.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const std::size_t size = from.entry_sizes(i);
    if (size > payloads.size() || !known_kind(from.entry_kinds(i)) || !sane(from.entry_terms(i))) {
      return std::nullopt;
    }
    log_entry& entry = made.entries.emplace_back();
    entry.term = from.entry_terms(i);
    entry.kind = static_cast<entry_kind>(from.entry_kinds(i));
    entry.payload = payloads.part(0, size);
    payloads = payloads.part(size);
    if (entry.kind == entry_kind::change && !persistence::decode_configuration(entry.payload.view())) {
      return std::nullopt;
    }
  }
  return payloads.empty() ? body_or_none(std::move(made)) : std::nullopt;
}

body_or_none read(const wire::RaftInstallSnapshot& from) {
  auto members = persistence::decode_configuration(from.members());
  if (!members || members->members.size() > limits::peers_max ||
      !sane(from.index(), from.term(), from.configuration_index())) {
    return std::nullopt;
  }
  return raft::install_snapshot{{from.index(), from.term(), std::move(*members), from.configuration_index()}};
}

body_or_none read_body(const wire::RaftHead& head, const slice& payloads) {
  if (head.body_case() == wire::RaftHead::kAppend) {
    return read(head.append(), payloads);
  }
  if (!payloads.empty()) {
    return std::nullopt;
  }
  switch (head.body_case()) {
  case wire::RaftHead::kAppendResult: {
    const wire::RaftAppendResult& from = head.append_result();
    if (!sane(from.rejected(), from.last_index())) {
      return std::nullopt;
    }
    return raft::append_result{from.rejected(), from.last_index(), from.echo()};
  }
  case wire::RaftHead::kRequestVote: {
    const wire::RaftRequestVote& from = head.request_vote();
    if (!sane(from.last_index(), from.last_term())) {
      return std::nullopt;
    }
    return raft::request_vote{from.last_index(), from.last_term(), from.disrupt_leader(), from.pre_vote()};
  }
  case wire::RaftHead::kVoteResult:
    return raft::vote_result{head.vote_result().granted(), head.vote_result().pre_vote()};
  case wire::RaftHead::kInstallSnapshot: return read(head.install_snapshot());
  case wire::RaftHead::kTimeoutNow: {
    const wire::RaftTimeoutNow& from = head.timeout_now();
    if (!sane(from.last_index(), from.last_term())) {
      return std::nullopt;
    }
    return raft::timeout_now{from.last_index(), from.last_term()};
  }
  default: return std::nullopt;
  }
}

} // namespace

void encode_raft(persistence::shard_id shard, const raft::message& what, std::string& out) {
  wire::RaftHead head;
  head.set_shard(shard.value());
  head.set_term(what.term);
  std::visit([&](const auto& body) { fill(head, body); }, what.body);
  const std::size_t head_bytes = head.ByteSizeLong();
  const auto* append = std::get_if<raft::append_entries>(&what.body);
  out.reserve(out.size() + size_bytes + head_bytes +
              (append != nullptr ? persistence::payload_bytes(append->entries) : 0));
  for (std::size_t i = 0; i < size_bytes; ++i) {
    out += static_cast<char>(head_bytes >> (8 * i) & 0xFFU);
  }
  head.AppendToString(&out);
  if (append != nullptr) {
    for (const log_entry& each : append->entries) {
      out += each.payload.view();
    }
  }
}

std::optional<raft_envelope> decode_raft(persistence::node_id from, persistence::node_id to, const slice& body) {
  if (body.size() < size_bytes) {
    return std::nullopt;
  }
  std::size_t head_bytes = 0;
  for (std::size_t i = 0; i < size_bytes; ++i) {
    head_bytes |= static_cast<std::size_t>(static_cast<unsigned char>(body.view()[i])) << (8 * i);
  }
  if (head_bytes > body.size() - size_bytes || head_bytes > limits::peer_frame_bytes_max) {
    return std::nullopt;
  }
  wire::RaftHead head;
  if (!head.ParseFromArray(body.data() + size_bytes, static_cast<int>(head_bytes)) || head.shard() > 0xFFFFU ||
      !sane(head.term())) {
    return std::nullopt;
  }
  auto read = read_body(head, body.part(size_bytes + head_bytes));
  if (!read) {
    return std::nullopt;
  }
  raft_envelope made;
  made.shard = persistence::shard_id(static_cast<std::uint16_t>(head.shard()));
  made.what = {from, to, head.term(), std::move(*read)};
  return made;
}

} // namespace godwit::cluster
