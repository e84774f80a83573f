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
      again_timer_([this] { create_again(); }),
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
  ask(id, std::move(done));
}

void auth_keys::refresh(auth_key_id id, found_fn done) {
  if (const auto at = asked_.find(id); at != asked_.end()) {
    lookups_.at(at->second).next.push_back(std::move(done));
    return;
  }
  ask(id, std::move(done));
}

void auth_keys::ask(auth_key_id id, found_fn done) {
  if (const auto at = asked_.find(id); at != asked_.end()) {
    lookups_.at(at->second).waiting.push_back(std::move(done));
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
  router_.send(std::move(request)); // before it counts as asked: when that fails, no answer comes
  asked_.emplace(id, token);
  lookup& entry = lookups_[token];
  entry.id = id;
  entry.waiting.push_back(std::move(done));
  probe_.lookups.add();
}

void auth_keys::reply(const cluster::entity_reply& what) {
  if (const auto at = lookups_.find(what.token); at != lookups_.end()) {
    lookup entry = std::move(at->second);
    lookups_.erase(at);
    asked_.erase(entry.id);
    for (found_fn& each : std::exchange(entry.next, {})) {
      ask(entry.id, std::move(each));
    }
    lookup_answered(std::move(entry), what);
  } else if (creations_.contains(what.token)) {
    creation_answered(what.token, what);
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
  creations_.emplace(token,
                     creation{request, std::move(key), std::move(done), home_.now() + limits::key_commit_ms_max});
  router_.send(std::move(request));
}

void auth_keys::creation_answered(std::uint64_t token, const cluster::entity_reply& reply) {
  const auto at = creations_.find(token);
  if (reply.status == cluster::reply_status::unavailable && home_.now() < at->second.give_up_at) {
    // The same request, for it may have been carried out: a key that is there already is no other's.
    again_.push_back(token);
    if (!again_timer_.armed()) {
      home_.arm(again_timer_, home_.now() + limits::ask_again_ms);
    }
    return;
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
  cache_.put(std::move(entry.key));
  probe_.keys_cached.set(static_cast<std::int64_t>(cache_.size()));
  entry.done(mtproto::commit_outcome::durable);
}

void auth_keys::create_again() {
  for (const std::uint64_t token : std::exchange(again_, {})) {
    if (const auto at = creations_.find(token); at != creations_.end()) {
      router_.send(at->second.request);
    }
  }
}

void auth_keys::note_client(known_key_ptr permanent) {
  if (permanent->note_waits) {
    return;
  }
  const cluster::monotonic_ms due = permanent->noted_at + limits::client_note_ms;
  if (permanent->noted_at == 0 || home_.now() >= due) {
    return write_note(*permanent);
  }
  permanent->note_waits = true;
  notes_.emplace(due, std::move(permanent));
  home_.arm(notes_timer_, notes_.begin()->first);
}

void auth_keys::write_notes(cluster::monotonic_ms until) {
  while (!notes_.empty() && notes_.begin()->first <= until) {
    const known_key_ptr key = std::move(notes_.begin()->second);
    notes_.erase(notes_.begin());
    key->note_waits = false;
    if (!key->dropped) {
      write_note(*key);
    }
  }
  if (!notes_.empty()) {
    home_.arm(notes_timer_, notes_.begin()->first);
  }
}

void auth_keys::write_note(known_key& permanent) {
  static const mtproto::client_info unknown;
  const mtproto::client_info& client = permanent.client != nullptr ? *permanent.client : unknown;
  permanent.noted_at = home_.now();
  command::KeyCommand what;
  command::NoteLayer& note = *what.mutable_note_layer();
  note.set_layer(permanent.layer);
  command::Device& device = *note.mutable_device();
  device.set_api_id(client.api_id);
  device.set_device_model(client.device_model);
  device.set_system_version(client.system_version);
  device.set_app_version(client.app_version);
  device.set_system_lang_code(client.system_lang_code);
  device.set_lang_code(client.lang_code);
  device.set_platform(client.lang_pack);
  cluster::entity_request_ptr request = request_to(permanent.id, what.SerializeAsString());
  request->reply_to = nullptr;
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
