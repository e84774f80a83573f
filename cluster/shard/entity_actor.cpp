#include "cluster/shard/entity_actor.hpp"

#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <stdexcept>
#include <typeinfo>
#include <utility>

#include "cluster/shard/lane_rows.hpp"
#include "cluster/shard/messages.hpp"
#include "cluster/shard/shard_log.hpp"
#include "persistence/base/mutant.hpp"

namespace godwit::cluster {

using persistence::mutant;
using persistence::mutated;
using persistence::row_key;
using persistence::row_page;
using persistence::row_range;
using persistence::storage_result;

namespace {

// What an idle entity keeps.
constexpr std::size_t waiting_kept = 2;

// Buffers of the entities of a loop that have no use for them now: there are many entities, most of them idle, and a
// busy one would have its own grow again and again.
constexpr std::size_t buffers_kept = 64;
constexpr std::size_t buffer_bytes_kept = 16 << 10;

std::vector<std::string>& spare_buffers() {
  thread_local std::vector<std::string> spare;
  return spare;
}

/// `into` is empty.
void take_buffer(std::string& into) {
  std::vector<std::string>& spare = spare_buffers();
  if (!spare.empty()) {
    into = std::move(spare.back());
    spare.pop_back();
  }
}

void give_back(std::string& buffer) {
  std::vector<std::string>& spare = spare_buffers();
  const bool useful = buffer.capacity() > std::string().capacity() && buffer.capacity() <= buffer_bytes_kept;
  if (useful && spare.size() < buffers_kept) {
    buffer.clear();
    spare.push_back(std::move(buffer));
  }
  buffer = {};
}

} // namespace

/// What an entity needs until its rows are there.
struct entity_actor::loader {
  std::vector<persistence::table_id> tables;
  std::size_t at = 0; ///< in tables
  std::string from;   ///< where the next page begins; empty: at the beginning of the table
  std::vector<loaded_row> rows;
  std::vector<entity_request_ptr> early;
  loop_timer retry;

  explicit loader(std::function<void()> ring) : retry(std::move(ring)) {}
};

entity_actor::entity_actor(caf::actor_config& config, home_loop& home, shard_context& shard, entity_ref self)
    : pinned_actor(config, home), shard_(shard), self_(self) {}

entity_actor::~entity_actor() = default;

caf::behavior entity_actor::make_behavior() {
  set_exception_handler([this](std::exception_ptr& what) { return fail_with(what); });
  set_default_handler(caf::drop);
  loader_ = std::make_unique<loader>([this] { caf::anon_send(caf::actor_cast<caf::actor>(this), entity_load{}); });
  loader_->tables = tables();
  read_page();
  const caf::message_handler own{
    [this](const entity_request_ptr& request) { take_request(request); },
    [this](const proposals_applied& up_to) { applied(up_to.token); },
    [this](entity_page& loaded) { take_page(std::move(loaded.page)); },
    [this](const entity_load&) {
      if (loader_) {
        read_page();
      }
    },
    [this](const entity_rest& asked) {
      if (at_rest()) {
        quit();
      } else {
        caf::anon_send(asked.host, entity_stays{self_});
      }
    },
  };
  return own.or_else(more_handlers());
}

void entity_actor::on_exit() {
  // On the loop, unlike the destructor: the timer has to leave its queue here.
  loader_.reset();
  waiting_.clear();
}

caf::error entity_actor::fail_with(std::exception_ptr& what) const {
  const auto tell = [&](const char* type, const char* text) {
    log::error(
      shard_log, "entity_threw",
      {{"shard", shard_.shard()}, {"kind", static_cast<std::uint32_t>(self_.kind)}, {"type", type}, {"why", text}});
  };
  try {
    std::rethrow_exception(what);
  } catch (const std::logic_error& error) {
    tell(typeid(error).name(), error.what()); // a fault of ours, in our words
  } catch (const std::exception& error) {
    tell(typeid(error).name(), ""); // the text may hold what a client sent
  } catch (...) {
    tell("unknown", "");
  }
  return caf::make_error(caf::sec::runtime_error);
}

// --- loading --------------------------------------------------------------------------------------

void entity_actor::read_page() {
  while (loader_->at < loader_->tables.size()) {
    const std::string prefix = row_key(loader_->tables[loader_->at], self_.id);
    row_range range;
    range.from = loader_->from.empty() ? prefix : loader_->from;
    range.to = persistence::prefix_end(prefix);
    range.rows_max = limits::entity_page_rows_max;
    range.bytes_max = limits::entity_page_bytes_max;
    // The page may come at once and is a message all the same: an entity without rows is rare after its first day.
    const storage_result<void> asked =
      shard_.state().read(std::move(range), [self = caf::actor_cast<caf::actor>(this)](storage_result<row_page> page) {
        caf::anon_send(self, entity_page{std::move(page)});
      });
    if (!asked) {
      take_page(unexpected(asked.error()));
    }
    return;
  }
  finish_loading();
}

void entity_actor::take_page(storage_result<row_page> page) {
  if (!loader_) {
    return;
  }
  if (!page && page.error().code == persistence::persistence_errc::busy) {
    home().arm(loader_->retry, home().now() + limits::entity_load_retry_ms);
    return;
  }
  if (!page) {
    log::error(shard_log, "entity_not_loaded", {{"shard", shard_.shard()}, {"why", page.error().message}});
    quit(caf::exit_reason::unknown); // no fault of its own
    return;
  }
  const persistence::table_id table = loader_->tables[loader_->at];
  for (const persistence::row& each : page->rows) {
    loader_->rows.push_back(
      {table, each.key.substr(persistence::row_key_prefix_bytes), std::string(each.value.view())});
  }
  if (page->more && !page->rows.empty()) {
    loader_->from = page->rows.back().key + '\0';
  } else {
    loader_->from.clear();
    ++loader_->at;
  }
  read_page();
}

void entity_actor::finish_loading() {
  const std::unique_ptr<loader> finished = std::move(loader_);
  load(finished->rows);
  for (const entity_request_ptr& each : finished->early) {
    take_request(each);
  }
}

// --- requests -------------------------------------------------------------------------------------

void entity_actor::take_request(const entity_request_ptr& request) {
  if (!loader_) {
    ++open_;
    request->proposals_before = proposed_;
    handle(request);
  } else if (loader_->early.size() < limits::entity_early_requests_max) {
    loader_->early.push_back(request);
  } else {
    entity_reply full;
    full.status = reply_status::unavailable;
    shard_.answer(request, std::move(full));
  }
}

persistence::mutation_writer& entity_actor::mutation() {
  if (mutation_bytes_.empty() && mutation_bytes_.capacity() == std::string().capacity()) {
    take_buffer(mutation_bytes_);
  }
  return writer_;
}

void entity_actor::deliver(const entity_ref& to, std::string body) {
  lanes_.out.push_back({0, to, 0, std::move(body)});
}

void entity_actor::accept(const entity_request_ptr& request) {
  if (request->type != request_type::delivery) {
    throw std::logic_error("what is no delivery was accepted as one");
  }
  lanes_.in.push_back({request->lane, request->position});
  open_ -= std::min(open_, 1U);
}

void entity_actor::propose() {
  if (mutation_bytes_.empty() && lanes_.empty()) {
    return;
  }
  if (!mutation_bytes_.empty()) {
    if (unapplied_.empty()) {
      take_buffer(unapplied_);
    }
    persistence::append_mutation(unapplied_, mutation_bytes_);
  }
  persistence::mutation_writer& writer = mutation();
  if (!mutated(mutant::no_inbox_position)) {
    for (const lane_accept& each : lanes_.in) {
      put_inbox(writer, each);
    }
  }
  // Only now, for positions enter the log in their order, and others may have proposed since deliver().
  for (lane_item& each : lanes_.out) {
    const shard_id lane = shard_of(each.to, shard_.shards());
    each.position = shard_.next_position(lane);
    each.date = date();
    put_outbox(writer, lane, each);
  }
  unapplied_parts_.push_back({++proposed_, unapplied_.size()});
  shard_.propose(self_, mutation_bytes_, proposed_, lanes_);
  lanes_.clear();
  give_back(mutation_bytes_);
}

std::string entity_actor::unapplied() const { return unapplied_; }

void entity_actor::forget_applied() {
  std::size_t count = 0;
  while (count < unapplied_parts_.size() && unapplied_parts_[count].token <= applied_) {
    ++count;
  }
  if (count == unapplied_parts_.size()) {
    give_back(unapplied_);
    unapplied_parts_.clear();
    return;
  }
  if (count == 0) {
    return;
  }
  const std::size_t bytes = unapplied_parts_[count - 1].end;
  unapplied_.erase(0, bytes);
  unapplied_parts_.erase(unapplied_parts_.begin(), unapplied_parts_.begin() + static_cast<std::ptrdiff_t>(count));
  for (unapplied_part& each : unapplied_parts_) {
    each.end -= bytes;
  }
}

void entity_actor::require_proposed() const {
  if (!mutation_bytes_.empty() || !lanes_.empty()) {
    throw std::logic_error("an answer was made while rows were gathered and not proposed");
  }
}

void entity_actor::reply(const entity_request_ptr& request, std::string body, std::int32_t pts,
                         std::int32_t pts_count) {
  entity_reply what;
  what.body = std::move(body);
  what.pts = pts;
  what.pts_count = pts_count;
  answer(request, std::move(what));
}

void entity_actor::fail(const entity_request_ptr& request, rpc_error error) {
  entity_reply what;
  what.status = reply_status::error;
  what.error = error;
  answer(request, std::move(what));
}

void entity_actor::answer(const entity_request_ptr& request, entity_reply what) {
  require_proposed();
  if (request->type == request_type::delivery) {
    return; // nobody waits for it
  }
  waiting next{proposed_, request, std::move(what), {}};
  if (applied_ >= proposed_ || mutated(mutant::answer_before_commit)) {
    finish(std::move(next));
  } else {
    waiting_.push_back(std::move(next));
  }
}

void entity_actor::when_applied(std::function<void()> then) {
  require_proposed();
  if (applied_ >= proposed_) {
    then();
  } else {
    waiting_.push_back({proposed_, nullptr, {}, std::move(then)});
  }
}

void entity_actor::finish(waiting&& what) {
  if (what.then) {
    what.then();
  } else {
    open_ -= std::min(open_, 1U);
    // What was proposed before the request came proves nothing: its acknowledgements may be older than a change of
    // leader.
    const bool proven = what.after > what.request->proposals_before || mutated(mutant::answer_before_commit);
    proven ? shard_.answer(what.request, std::move(what.reply))
           : shard_.answer_read(what.request, std::move(what.reply));
  }
}

void entity_actor::applied(std::uint64_t token) {
  applied_ = std::max(applied_, token);
  forget_applied();
  std::size_t done_count = 0;
  // By index: what is finished may propose and add to the end.
  for (; done_count < waiting_.size() && waiting_[done_count].after <= applied_; ++done_count) {
    finish(waiting(std::move(waiting_[done_count])));
  }
  if (done_count == waiting_.size() && waiting_.capacity() > waiting_kept) {
    waiting_ = {}; // there are many entities, and most of them are idle
  } else {
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(done_count));
  }
}

bool entity_actor::at_rest() const {
  return !loader_ && open_ == 0 && waiting_.empty() && applied_ >= proposed_ && mutation_bytes_.empty() &&
         lanes_.empty() && !busy();
}

} // namespace godwit::cluster
