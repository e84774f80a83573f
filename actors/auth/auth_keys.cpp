#include "actors/auth/auth_keys.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "actors/commands/account_commands.pb.h"
#include "cluster/base/home_loop.hpp"
#include "cluster/shard/router.hpp"
#include "config/limits.hpp"

namespace godwit::actors {
namespace {

std::shared_ptr<const mtproto::client_info> read_client(const command::Device& device) {
  auto client = std::make_shared<mtproto::client_info>();
  client->api_id = device.api_id();
  client->device_model = device.device_model();
  client->system_version = device.system_version();
  client->app_version = device.app_version();
  client->system_lang_code = device.system_lang_code();
  client->lang_pack = device.platform();
  client->lang_code = device.lang_code();
  return client;
}

/// What an entity said of a key, into what the loop knows of it.
bool read_key(const command::KeyFound& found, auth_key_id id, known_key& into) {
  if (found.key().size() != sizeof(crypto::auth_key::bytes)) {
    return false;
  }
  if (into.key == nullptr) {
    auto key = std::make_shared<crypto::auth_key>();
    std::copy(found.key().begin(), found.key().end(), key->bytes.begin());
    into.key = std::move(key);
  }
  into.id = id;
  into.kind = found.temporary() ? mtproto::key_kind::temporary : mtproto::key_kind::permanent;
  into.expires_at = found.temporary() ? found.expires_at() : 0;
  into.user = user_id(found.user());
  into.authorization = authorization_id(found.authorization());
  if (!into.note_waits) {
    into.layer = found.layer();
    if (found.layer() != 0 && found.has_device()) {
      into.client = read_client(found.device());
    }
  }
  if (found.has_dc()) {
    into.dc = found.dc();
  }
  into.first = mtproto::first_salt{found.server_salt(), found.created_at() + limits::first_salt_seconds};
  return true;
}

} // namespace

cluster::entity_ref key_entity(auth_key_id id) {
  return {cluster::entity_kind::auth_key, cluster::entity_id(id.value())};
}

auth_keys::auth_keys(cluster::home_loop& home, cluster::router& router, std::size_t cached_max)
    : home_(home),
      router_(router),
      cache_(cached_max == 0 ? limits::keys_cached_max : cached_max),
      again_timer_([this] { ask_those_due(); }),
      notes_timer_([this] { write_notes(home_.now()); }) {}

auth_keys::~auth_keys() = default;

cluster::entity_request_ptr auth_keys::request_to(auth_key_id id, std::string body) {
  auto request = caf::make_counted<cluster::entity_request>();
  request->to = key_entity(id);
  request->type = cluster::request_type::command;
  request->body = std::move(body);
  request->reply_to = self_;
  request->token = ++last_token_;
  return request;
}

known_key_ptr auth_keys::cached(auth_key_id id) {
  known_key_ptr key = cache_.find(id);
  if (key != nullptr && (key->is_expired(home_.date()) || (key->bound_to != nullptr && key->bound_to->dropped))) {
    drop(id);
    return nullptr;
  }
  return key;
}

void auth_keys::find(auth_key_id id, found_fn done) {
  if (known_key_ptr key = cached(id)) {
    home_.post([done = std::move(done), key = std::move(key)] { done(key_answer::known, key); });
    return;
  }
  ask(id, std::move(done), home_.now() + limits::key_lookup_ms_max);
}

bool auth_keys::is_stale(const known_key& key) const { return home_.now() - key.checked_at > limits::key_fresh_ms; }

void auth_keys::refresh(auth_key_id id, found_fn done) {
  if (const auto at = asked_.find(id); at != asked_.end()) {
    lookups_.at(at->second).next.push_back(std::move(done));
    return;
  }
  ask(id, std::move(done));
}

void auth_keys::ask(auth_key_id id, found_fn done, cluster::monotonic_ms give_up_at) {
  if (const auto at = asked_.find(id); at != asked_.end()) {
    lookup& under_way = lookups_.at(at->second);
    under_way.waiting.push_back(std::move(done));
    under_way.give_up_at = std::max(under_way.give_up_at, give_up_at);
    return;
  }
  if (lookups_.size() >= limits::key_lookups_max || !self_) {
    probe_.lookups_unavailable.add();
    home_.post([done = std::move(done)] { done(key_answer::unavailable, nullptr); });
    return;
  }
  command::KeyCommand what;
  what.mutable_lookup();
  cluster::entity_request_ptr request = request_to(id, what.SerializeAsString());
  const std::uint64_t token = request->token;
  router_.send(request); // before it counts as asked: when that fails, no answer comes
  asked_.emplace(id, token);
  lookup& entry = lookups_[token];
  entry.id = id;
  entry.request = std::move(request);
  entry.give_up_at = give_up_at;
  entry.pause = retry_pause(id.value());
  entry.waiting.push_back(std::move(done));
  probe_.lookups.add();
}

void auth_keys::reply(const cluster::entity_reply& what) {
  if (const auto at = lookups_.find(what.token); at != lookups_.end()) {
    const bool nobody_can_tell =
      what.status == cluster::reply_status::unavailable || what.status == cluster::reply_status::moved;
    if (nobody_can_tell && look_again(at->second)) {
      return;
    }
    lookup entry = std::move(at->second);
    lookups_.erase(at);
    asked_.erase(entry.id);
    for (found_fn& each : std::exchange(entry.next, {})) {
      ask(entry.id, std::move(each));
    }
    lookup_answered(std::move(entry), what);
  } else if (creations_.contains(what.token)) {
    creation_answered(what.token, what);
  } else if (auto note = noted_.extract(what.token); !note.empty()) {
    const bool lost = what.status == cluster::reply_status::unavailable || what.status == cluster::reply_status::moved;
    if (lost && !note.mapped()->dropped && !note.mapped()->note_waits) {
      write_note_later(std::move(note.mapped()), home_.now() + limits::client_note_ms);
    }
  }
}

bool auth_keys::look_again(lookup& what) {
  if (home_.now() >= what.give_up_at) {
    return false;
  }
  ask_again_later(what.request->token, what.pause.next());
  return true;
}

void auth_keys::ask_again_later(std::uint64_t token, std::uint32_t pause_ms) {
  again_.emplace(home_.now() + pause_ms, token);
  home_.arm(again_timer_, again_.begin()->first);
}

void auth_keys::ask_those_due() {
  while (!again_.empty() && again_.begin()->first <= home_.now()) {
    const std::uint64_t token = again_.begin()->second;
    again_.erase(again_.begin());
    if (const auto asked = lookups_.find(token); asked != lookups_.end()) {
      router_.send(asked->second.request);
    } else if (const auto made = creations_.find(token); made != creations_.end()) {
      router_.send(made->second.request);
    }
  }
  if (!again_.empty()) {
    home_.arm(again_timer_, again_.begin()->first);
  }
}

void auth_keys::lookup_answered(lookup what, const cluster::entity_reply& reply) {
  const auto tell = [&what](key_answer answer, const known_key_ptr& key) {
    for (const found_fn& done : what.waiting) {
      done(answer, key);
    }
  };
  command::KeyFound found;
  if (reply.status != cluster::reply_status::ok || !found.ParseFromString(reply.body)) {
    probe_.lookups_unavailable.add();
    return tell(key_answer::unavailable, nullptr);
  }
  known_key_ptr key = cache_.find(what.id);
  const bool is_new = key == nullptr;
  if (is_new) {
    key = std::make_shared<known_key>();
  }
  const bool good = found.found() && read_key(found, what.id, *key);
  if (!good || key->is_expired(home_.date())) {
    probe_.lookups_unknown.add();
    drop(what.id);
    return tell(key_answer::unknown, nullptr);
  }
  key->checked_at = home_.now();
  if (is_new) {
    cache_.put(key);
    probe_.keys_cached.set(static_cast<std::int64_t>(cache_.size()));
  }
  if (key->is_temporary() && found.permanent_key() != 0) {
    return found_temporary(std::move(key), auth_key_id(found.permanent_key()), std::move(what.waiting));
  }
  if (key->is_temporary()) {
    key->bound_to = nullptr;
  }
  tell(key_answer::known, key);
}

void auth_keys::found_temporary(known_key_ptr key, auth_key_id permanent, std::vector<found_fn> waiting) {
  refresh(permanent,
          [this, key = std::move(key), waiting = std::move(waiting)](key_answer answer, known_key_ptr owner) {
            if (answer == key_answer::known && !owner->is_temporary()) {
              key->bound_to = std::move(owner);
            } else if (answer != key_answer::unavailable) {
              // The key it stood for is gone, and it is of no use any more.
              drop(key->id);
              answer = key_answer::unknown;
            }
            for (const found_fn& done : waiting) {
              done(answer, answer == key_answer::known ? key : nullptr);
            }
          });
}

void auth_keys::create(const mtproto::new_auth_key& made, created_fn done) {
  if (!self_) {
    // Nobody would hear the answer.
    probe_.commits_failed.add();
    home_.post([done = std::move(done)] { done(mtproto::commit_outcome::failed); });
    return;
  }
  auto key = std::make_shared<known_key>();
  key->id = made.id;
  key->key = std::make_shared<const crypto::auth_key>(made.key);
  key->kind = made.kind;
  key->dc = made.dc;
  const unix_time now = home_.date();
  key->expires_at = key->is_temporary() ? now + made.expires_in_seconds : 0;
  key->first = mtproto::first_salt{static_cast<std::uint64_t>(made.server_salt), now + limits::first_salt_seconds};

  command::KeyCommand what;
  command::CreateKey& create = *what.mutable_create();
  create.set_key(made.key.bytes.data(), made.key.bytes.size());
  create.set_temporary(key->is_temporary());
  create.set_expires_in(made.expires_in_seconds);
  create.set_server_salt(static_cast<std::uint64_t>(made.server_salt));
  if (made.dc) {
    create.set_dc(*made.dc);
  }
  cluster::entity_request_ptr request = request_to(made.id, what.SerializeAsString());
  const std::uint64_t token = request->token;
  creations_.emplace(token, creation{request, std::move(key), std::move(done), home_.now() + limits::key_commit_ms_max,
                                     retry_pause(made.id.value())});
  router_.send(std::move(request));
}

void auth_keys::creation_answered(std::uint64_t token, const cluster::entity_reply& reply) {
  const auto at = creations_.find(token);
  const bool nobody_can_tell =
    reply.status == cluster::reply_status::unavailable || reply.status == cluster::reply_status::moved;
  if (nobody_can_tell && home_.now() < at->second.give_up_at) {
    // The same request, for it may have been carried out: a key that is there already is no other's.
    return ask_again_later(token, at->second.pause.next());
  }
  creation entry = std::move(at->second);
  creations_.erase(at);
  command::KeyCreated created;
  if (reply.status != cluster::reply_status::ok || !created.ParseFromString(reply.body)) {
    probe_.commits_failed.add();
    return entry.done(mtproto::commit_outcome::failed);
  }
  if (created.id_taken()) {
    return entry.done(mtproto::commit_outcome::id_taken);
  }
  entry.key->checked_at = home_.now();
  cache_.put(std::move(entry.key));
  probe_.keys_cached.set(static_cast<std::int64_t>(cache_.size()));
  entry.done(mtproto::commit_outcome::durable);
}

void auth_keys::note_client(known_key_ptr permanent) {
  if (permanent->note_waits) {
    return;
  }
  const cluster::monotonic_ms due = permanent->noted_at + limits::client_note_ms;
  if (permanent->noted_at == 0 || home_.now() >= due) {
    return write_note(std::move(permanent));
  }
  write_note_later(std::move(permanent), due);
}

void auth_keys::write_note_later(known_key_ptr permanent, cluster::monotonic_ms at) {
  permanent->note_waits = true;
  notes_.emplace(at, std::move(permanent));
  home_.arm(notes_timer_, notes_.begin()->first);
}

void auth_keys::write_notes(cluster::monotonic_ms until) {
  while (!notes_.empty() && notes_.begin()->first <= until) {
    known_key_ptr key = std::move(notes_.begin()->second);
    notes_.erase(notes_.begin());
    key->note_waits = false;
    if (!key->dropped) {
      write_note(std::move(key));
    }
  }
  if (!notes_.empty()) {
    home_.arm(notes_timer_, notes_.begin()->first);
  }
}

void auth_keys::write_note(known_key_ptr permanent) {
  static const mtproto::client_info unknown;
  const mtproto::client_info& client = permanent->client != nullptr ? *permanent->client : unknown;
  permanent->noted_at = home_.now();
  command::KeyCommand what;
  command::NoteLayer& note = *what.mutable_note_layer();
  note.set_layer(permanent->layer);
  command::Device& device = *note.mutable_device();
  device.set_api_id(client.api_id);
  device.set_device_model(client.device_model);
  device.set_system_version(client.system_version);
  device.set_app_version(client.app_version);
  device.set_system_lang_code(client.system_lang_code);
  device.set_lang_code(client.lang_code);
  device.set_platform(client.lang_pack);
  cluster::entity_request_ptr request = request_to(permanent->id, what.SerializeAsString());
  if (self_ && noted_.size() < limits::key_lookups_max) {
    noted_.emplace(request->token, std::move(permanent));
  } else {
    request->reply_to = nullptr;
  }
  router_.send(std::move(request));
}

void auth_keys::drop(auth_key_id id) {
  cache_.drop(id);
  probe_.keys_cached.set(static_cast<std::int64_t>(cache_.size()));
}

void auth_keys::abandon() {
  self_ = nullptr;
  write_notes(std::numeric_limits<cluster::monotonic_ms>::max());
  auto lookups = std::exchange(lookups_, {});
  auto creations = std::exchange(creations_, {});
  asked_.clear();
  again_.clear();
  for (auto& [token, entry] : lookups) {
    for (const auto* const list : {&entry.waiting, &entry.next}) {
      for (const found_fn& done : *list) {
        done(key_answer::unavailable, nullptr);
      }
    }
  }
  for (auto& [token, entry] : creations) {
    entry.done(mtproto::commit_outcome::failed);
  }
}

} // namespace godwit::actors
