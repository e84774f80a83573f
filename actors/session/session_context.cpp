#include "actors/session/session_context.hpp"

#include <algorithm>
#include <utility>

#include "cluster/base/home_loop.hpp"

namespace godwit::actors {

session_context::session_context(session_services& of, known_key_ptr with, session_id session, caf::actor me)
    : services(of),
      key(std::move(with)),
      id{key->id, session},
      self(std::move(me)),
      machine({.id = session,
               .key = key->key,
               .first = key->first,
               .layer = key->permanent() != nullptr ? key->permanent()->layer : 0,
               .random = &of.random}) {}

connection_link* session_context::link(mtproto::connection_id which) const {
  for (const connection_link_ptr& each : links) {
    if (each->id() == which) {
      return each.get();
    }
  }
  return nullptr;
}

layer_t session_context::layer(layer_t of_call) const {
  layer_t known = of_call != 0 ? of_call : machine.layer();
  if (known == 0 && key->permanent() != nullptr) {
    known = key->permanent()->layer;
  }
  return std::min(known, layer_max);
}

cluster::caller session_context::caller(layer_t of_call) const {
  cluster::caller who;
  if (const known_key* const owner = key->permanent()) {
    who.user = owner->user;
    who.authorization = owner->authorization;
    who.key = owner->id;
  }
  who.session = id.session;
  who.layer = layer(of_call);
  return who;
}

cluster::entity_request_ptr session_context::request(const cluster::entity_ref& to, cluster::request_type type,
                                                     std::string body, layer_t of_call) {
  auto made = caf::make_counted<cluster::entity_request>();
  made->to = to;
  made->type = type;
  made->from = caller(of_call);
  made->body = std::move(body);
  made->reply_to = self;
  if (type == cluster::request_type::call) {
    made->client_here = client_here;
  }
  made->token = ++last_token;
  return made;
}

void finish_call(session_context& context, const open_call& call, rpc_result<std::string> answer) {
  method_probe& probe = context.services.probe.method(call.method);
  const call_result result = answer ? call_result::ok : result_of(code_of(answer.error().errc));
  probe.ended[static_cast<std::size_t>(result)].add();
  probe.latency.observe(std::chrono::steady_clock::now() - call.began);
  const unix_ms now = context.services.home.wall();
  if (answer) {
    context.machine.answer(call.id, mtproto::payload(std::move(*answer)), now, context.out);
  } else {
    context.machine.answer(call.id, answer.error(), now, context.out);
  }
}

void drop_call(session_context& context, const open_call& call) {
  context.services.probe.method(call.method).ended[static_cast<std::size_t>(call_result::dropped)].add();
}

} // namespace godwit::actors
