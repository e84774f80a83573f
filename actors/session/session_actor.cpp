#include "actors/session/session_actor.hpp"

#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>

#include <exception>
#include <typeinfo>
#include <utility>

namespace godwit::actors {

session_actor::session_actor(caf::actor_config& config, cluster::home_loop& home, session_services& services,
                             known_key_ptr key, session_id id)
    : pinned_actor(config, home), services_(services), key_(std::move(key)), id_{key_->id, id} {}

session_actor::~session_actor() = default;

caf::behavior session_actor::make_behavior() {
  set_exception_handler([this](std::exception_ptr& what) { return fail_with(what); });
  set_default_handler(caf::drop);
  set_exit_handler([this](caf::exit_msg& what) {
    failed_ = failed_ || what.reason == caf::exit_reason::unhandled_exception;
    quit(std::move(what.reason));
  });
  session_ = std::make_unique<session>(services_, std::move(key_), id_.session, caf::actor_cast<caf::actor>(this));
  services_.host.session_started(*session_);
  return {
    [this](session_packets& what) {
      session_->packets(what);
      after();
    },
    [this](cluster::entity_reply& what) {
      session_->replied(what);
      after();
    },
    [this](const cluster::entity_push& what) { session_->pushed(what); },
    [this](const session_tick&) {
      session_->tick();
      after();
    },
    [this](const connection_gone& what) {
      session_->connection_gone(what.id);
      after();
    },
    [this](const connection_drained&) { session_->connection_drained(); },
    [this](const actors::key_refreshed& what) {
      session_->key_refreshed(what);
      after();
    },
    [this](const session_last_call&) {
      session_->last_call();
      after();
    },
    [this](const session_drain&) { session_->drain(); },
    [this](const session_end& what) {
      session_->end(what);
      after();
    },
  };
}

void session_actor::after() {
  if (session_->is_over()) {
    quit();
  }
}

caf::error session_actor::fail_with(std::exception_ptr& what) {
  failed_ = true;
  try {
    std::rethrow_exception(what);
  } catch (const std::exception& error) {
    // Its text may hold what a client sent.
    static log::site site{};
    log::error(site, session_log, "session_threw", {{"type", typeid(error).name()}});
  } catch (...) {
    log::error(session_log, "session_threw", {{"type", "unknown"}});
  }
  return caf::make_error(caf::sec::runtime_error);
}

void session_actor::on_exit() {
  // On the loop, unlike the destructor: timers and tasks leave their queues here.
  if (failed_) {
    services_.probe.sessions_failed.add();
  }
  if (session_) {
    session_->abandon();
  }
  services_.host.session_ended(id_, caf::actor_cast<caf::actor>(this), failed_ || !session_);
  session_.reset();
}

} // namespace godwit::actors
