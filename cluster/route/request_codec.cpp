#include "cluster/route/request_codec.hpp"

#include <limits>
#include <map>
#include <utility>

#include "cluster/wire/request_wire.pb.h"
#include "config/cluster_limits.hpp"

namespace godwit::cluster {

namespace {

struct named_error {
  std::string_view name;
  rpc_errc code;
};

constexpr named_error errors[] = {
#define RPC_ERROR(name, code, text) {#name, rpc_errc::name},
#include "protocol/rpc_errors.def"
#undef RPC_ERROR
};

std::string_view name_of(rpc_errc code) { return errors[static_cast<std::size_t>(code)].name; }

std::optional<rpc_errc> error_named(std::string_view name) {
  static const std::map<std::string_view, rpc_errc> by_name = [] {
    std::map<std::string_view, rpc_errc> out;
    for (const named_error& each : errors) {
      out.emplace(each.name, each.code);
    }
    return out;
  }();
  const auto found = by_name.find(name);
  return found == by_name.end() ? std::nullopt : std::optional(found->second);
}

template <class Message>
bool parse(Message& into, std::string_view body) {
  return body.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()) &&
         into.ParseFromArray(body.data(), static_cast<int>(body.size()));
}

/// No box has a position below 0, and nothing lies in front of its beginning.
bool are_positions(std::int32_t pts, std::int32_t pts_count) { return pts >= 0 && pts_count >= 0 && pts_count <= pts; }

std::optional<entity_ref> entity_from(std::uint32_t kind, std::uint64_t id) {
  if (kind == 0 || kind > std::numeric_limits<std::uint8_t>::max()) {
    return std::nullopt;
  }
  return entity_ref{static_cast<entity_kind>(kind), entity_id{id}};
}

} // namespace

// --- requests ---------------------------------------------------------------------------------------

void encode_request(std::string& out, const entity_request& what, std::uint64_t number, std::uint64_t asker,
                    std::uint8_t hops, bool relay) {
  thread_local wire::Request record;
  record.Clear();
  record.set_number(number);
  record.set_asker(asker);
  record.set_kind(static_cast<std::uint32_t>(what.to.kind));
  record.set_entity(what.to.id.value());
  record.set_type(static_cast<std::uint32_t>(what.type));
  // The server's own commands have none; those of sessions do.
  if (what.from.key.value() != 0 || what.from.layer != 0 || what.from.user.value() != 0) {
    wire::Caller& from = *record.mutable_from();
    from.set_user(what.from.user.value());
    from.set_authorization(static_cast<std::uint64_t>(what.from.authorization.value()));
    from.set_key(what.from.key.value());
    from.set_session(what.from.session.value());
    from.set_layer(what.from.layer);
    from.set_message(what.from.message.value());
  }
  record.set_body(what.body);
  record.set_hops(hops);
  record.set_listens(what.listens);
  record.set_relay(relay);
  record.AppendToString(&out);
}

std::optional<request_envelope> decode_request(std::string_view body) {
  thread_local wire::Request record;
  if (!parse(record, body)) {
    return std::nullopt;
  }
  const auto to = entity_from(record.kind(), record.entity());
  const auto type = static_cast<request_type>(record.type());
  if (!to || record.number() == 0 || record.hops() > std::numeric_limits<std::uint8_t>::max() ||
      (type != request_type::call && type != request_type::command)) {
    return std::nullopt;
  }
  request_envelope out;
  out.number = record.number();
  out.asker = record.asker();
  out.relay = record.relay();
  out.request = caf::make_counted<entity_request>();
  out.request->to = *to;
  out.request->type = type;
  const wire::Caller& from = record.from();
  out.request->from.user = user_id{from.user()};
  out.request->from.authorization = authorization_id{static_cast<std::int64_t>(from.authorization())};
  out.request->from.key = auth_key_id{from.key()};
  out.request->from.session = session_id{from.session()};
  out.request->from.layer = from.layer();
  out.request->from.message = msg_id{from.message()};
  out.request->body.swap(*record.mutable_body());
  out.request->hops = static_cast<std::uint8_t>(record.hops());
  out.request->listens = record.listens();
  return out;
}

// --- replies ----------------------------------------------------------------------------------------

void encode_reply(std::string& out, const entity_reply& what) {
  thread_local wire::Reply record;
  record.Clear();
  record.set_number(what.token);
  record.set_status(static_cast<std::uint32_t>(what.status));
  if (what.status == reply_status::error) {
    record.set_error(std::string(name_of(what.error.errc)));
    record.set_error_argument(what.error.argument);
  }
  record.set_body(what.body);
  record.set_pts(what.pts);
  record.set_pts_count(what.pts_count);
  record.set_leader(what.leader.value());
  record.set_term(what.term);
  record.AppendToString(&out);
}

std::optional<entity_reply> decode_reply(std::string_view body) {
  thread_local wire::Reply record;
  if (!parse(record, body) || record.number() == 0 ||
      record.status() > static_cast<std::uint32_t>(reply_status::moved) || record.leader() > limits::node_id_max ||
      record.term() >> 52 != 0 || !are_positions(record.pts(), record.pts_count())) {
    return std::nullopt;
  }
  entity_reply out;
  out.token = record.number();
  out.status = static_cast<reply_status>(record.status());
  if (out.status == reply_status::error) {
    // A newer version's error says nothing here; the caller may ask again.
    out.error = {error_named(record.error()).value_or(rpc_errc::rpc_call_fail), record.error_argument()};
  }
  out.body.swap(*record.mutable_body());
  out.pts = record.pts();
  out.pts_count = record.pts_count();
  out.leader = persistence::node_id{record.leader()};
  out.term = record.term();
  return out;
}

// --- pushes -----------------------------------------------------------------------------------------

void encode_push(std::string& out, const entity_push& what) {
  thread_local wire::Push record;
  record.Clear();
  record.set_number(what.subscription);
  record.set_kind(static_cast<std::uint32_t>(what.kind));
  if (what.body) {
    record.set_body(*what.body);
    record.set_has_body(true);
  }
  record.set_pts(what.pts);
  record.set_pts_count(what.pts_count);
  record.set_value(what.number);
  record.AppendToString(&out);
}

std::optional<entity_push> decode_push(std::string_view body) {
  thread_local wire::Push record;
  if (!parse(record, body) || record.number() == 0 || record.kind() == 0 ||
      record.kind() > std::numeric_limits<std::uint8_t>::max() || !are_positions(record.pts(), record.pts_count())) {
    return std::nullopt;
  }
  entity_push out;
  out.subscription = record.number();
  out.kind = static_cast<push_kind>(record.kind());
  if (record.has_body()) {
    out.body = std::make_shared<const std::string>(std::move(*record.mutable_body()));
  }
  out.pts = record.pts();
  out.pts_count = record.pts_count();
  out.number = record.value();
  return out;
}

void encode_listener_gone(std::string& out, const listener_gone& what) {
  wire::ListenerGone record;
  record.set_number(what.number);
  record.set_asker(what.asker);
  record.set_kind(static_cast<std::uint32_t>(what.entity.kind));
  record.set_entity(what.entity.id.value());
  record.AppendToString(&out);
}

std::optional<listener_gone> decode_listener_gone(std::string_view body) {
  wire::ListenerGone record;
  if (!parse(record, body)) {
    return std::nullopt;
  }
  const auto entity = entity_from(record.kind(), record.entity());
  return entity ? std::optional(listener_gone{record.number(), record.asker(), *entity}) : std::nullopt;
}

} // namespace godwit::cluster
