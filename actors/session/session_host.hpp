#pragma once

#include <caf/actor.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

#include "actors/session/session_key.hpp"
#include "protocol/ids.hpp"

namespace godwit::actors {

class session;

/// One session for the operator's list.
struct session_info {
  session_key key;
  user_id user;
  authorization_id authorization;
  layer_t layer = 0;
  std::string device;
  std::string app;
  std::string address;
  std::size_t connections = 0;
  std::size_t calls_running = 0;
  std::size_t memory_bytes = 0;
};

/// Who starts sessions and keeps count of them, as the sessions of one loop see it: the gateway. On the loop.
class session_host {
public:
  virtual ~session_host() = default;

  virtual void session_started(session& which) = 0;
  /// Forgets the session; `failed`: by an error of ours. Said once, also for one that never started.
  virtual void session_ended(const session_key& key, const caf::actor& who, bool failed) = 0;
  /// The last connection is gone, or the session keeps another number of bytes since. The host may end the longest
  /// without one when they are too many.
  virtual void session_lingers(session& which, std::size_t memory_bytes) = 0;
  /// It has a connection again, or ends.
  virtual void session_lingers_no_more(session& which) = 0;
  /// It is about to end: from here on new connections find it no more.
  virtual void session_leaves(session& which) = 0;
  /// It had packets in its mailbox after all. False: another took its place meanwhile.
  virtual bool session_returns(session& which) = 0;
  /// The client of `asker` wants another session of its key gone. True: there was one.
  virtual bool destroy_session(const session_key& which) = 0;
  /// The key is gone: every session of it ends, and no loop knows it any more.
  virtual void key_destroyed(auth_key_id key) = 0;
};

} // namespace godwit::actors
