#include "bench/load/chat_load.hpp"

#include <cstdio>
#include <stdexcept>
#include <utility>

#include "bench/load/chat_member.hpp"
#include "bench/load/chat_updates.hpp"
#include "bench/load/load_client.hpp"
#include "bench/load/sign_in.hpp"
#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/reader.hpp"

namespace godwit::bench {
namespace {

constexpr layer_t chat_layer = 229;
constexpr std::size_t acks_gathered = 64;
constexpr std::chrono::milliseconds gap_patience{500};
constexpr std::chrono::seconds progress_every{5};

client_target at_layer(client_target where) {
  where.layer = chat_layer;
  where.acks_gathered = acks_gathered;
  return where;
}

} // namespace

chat_load::chat_load(socket_loop& loop, const client_target& where, const chat_options& options)
    : loop_(loop),
      options_(options),
      farm_(
        loop, at_layer(where),
        {.connections = options.connections, .keys = 0, .accounts = options.connections, .at_once = options.at_once}) {}

chat_load::~chat_load() = default;

chat_load::member& chat_load::partner_of(const member& who) { return *members_[who.index ^ 1U]; }

void chat_load::fail(const std::string& why) {
  if (failure_.empty()) {
    failure_ = why;
  }
}

void chat_load::for_all(const char* what, const std::function<void(std::uint32_t, std::function<void()>)>& work) {
  std::uint32_t next = 0;
  std::uint32_t running = 0;
  auto told = socket_loop::clock::now();
  loop_.run_until([&] {
    while (next < options_.connections && running < options_.at_once) {
      ++running;
      work(next++, [&running] { --running; });
    }
    if (farm_.lost() > 0) {
      fail(farm_.last_failure());
    }
    if (!failure_.empty()) {
      throw std::runtime_error(std::string(what) + ": " + failure_);
    }
    if (socket_loop::clock::now() - told > progress_every) {
      told = socket_loop::clock::now();
      std::fprintf(stderr, "%s: %u of %u\n", what, next - running, options_.connections);
    }
    return next == options_.connections && running == 0;
  });
}

// --- before ---------------------------------------------------------------------------------------

void chat_load::sign_up() {
  farm_.sign_in_all(
    [this](std::uint32_t done) { std::fprintf(stderr, "signing up: %u of %u\n", done, options_.connections); });
  if (farm_.signed_in() != options_.connections) {
    throw std::runtime_error("clients cannot sign up: " + farm_.last_failure());
  }
  for (std::uint32_t i = 0; i < options_.connections; ++i) {
    members_.push_back(std::make_unique<member>(i, farm_.client(i), options_.text_bytes));
  }
  for_all("getting to know each other",
          [this](std::uint32_t index, std::function<void()> done) { meet(index, std::move(done)); });
  for (const auto& each : members_) {
    each->client.on_push([this, who = each.get()](const mtproto::buffer_slice& what) { heard_push(*who, what); });
  }
  for_all("reading states",
          [this](std::uint32_t index, std::function<void()> done) { learn_state(index, std::move(done)); });
}

void chat_load::meet(std::uint32_t index, std::function<void()> done) {
  tl::fn::contacts_importContacts what;
  auto contact = tl::make<tl::inputPhoneContact>();
  contact->phone = "+" + phone_of(index ^ 1U);
  contact->first_name = "Partner";
  what.contacts.push_back(std::move(contact));
  members_[index]->client.call(what, [this, index, done = std::move(done)](const mtproto::client_answer& answer) {
    tl::reader in(answer.result.bytes());
    const auto imported = answer.is_error ? nullptr : tl::contacts_importedContacts::fetch(in);
    const tl::user* const partner =
      imported == nullptr || imported->users.empty() ? nullptr : tl::as<tl::user>(imported->users.front());
    if (partner == nullptr || !partner->access_hash) {
      fail("contacts.importContacts " + (answer.is_error ? answer.error_text : "finds nobody"));
    } else {
      members_[index]->address(partner->id, *partner->access_hash);
    }
    done();
  });
}

void chat_load::learn_state(std::uint32_t index, std::function<void()> done) {
  member& who = *members_[index];
  who.client.call(tl::fn::updates_getState{},
                  [this, &who, done = std::move(done)](const mtproto::client_answer& answer) {
                    tl::reader in(answer.result.bytes());
                    const auto state = answer.is_error ? nullptr : tl::updates_state::fetch(in);
                    if (state == nullptr) {
                      fail("updates.getState " + answer.error_text);
                    } else {
                      who.date = state->date;
                      who.server_pts = state->pts;
                      if (!std::exchange(who.knows_state, true)) {
                        who.book.pts.begin(state->pts);
                      }
                    }
                    done();
                  });
}

// --- the load -------------------------------------------------------------------------------------

void chat_load::begin() {
  sending_ = true;
  watching_ = true;
  if (options_.per_second > 0) {
    next_at_ = socket_loop::clock::now();
    keep_pace();
  }
  for (const auto& each : members_) {
    fill(*each);
  }
  watch_gaps();
}

void chat_load::measure() {
  measuring_ = true;
  milliseconds_.clear();
}

void chat_load::fill(member& who) {
  while (sending_ && options_.per_second <= 0 && !who.stopped && who.in_flight < options_.window) {
    send(who, socket_loop::clock::now());
  }
}

/// A message that this program is late with counts from its moment.
void chat_load::keep_pace() {
  const std::chrono::duration<double> pause{1 / options_.per_second};
  for (const auto now = socket_loop::clock::now(); sending_ && next_at_ <= now;) {
    member& who = *members_[next_member_++ % members_.size()];
    if (!who.stopped) {
      send(who, next_at_);
    }
    next_at_ += std::chrono::duration_cast<socket_loop::clock::duration>(pause);
  }
  if (sending_) {
    loop_.at(next_at_, [this] { keep_pace(); });
  }
}

void chat_load::send(member& who, socket_loop::clock::time_point due) {
  const auto number = static_cast<std::uint32_t>(who.book.sent.size());
  mark_text(who.call.message, {who.index, number});
  who.call.random_id = random_id_of({who.index, number});
  who.book.sent.push_back({due});
  ++who.in_flight;
  ++in_flight_;
  who.client.call(who.call,
                  [this, &who, number](const mtproto::client_answer& answer) { answered(who, number, answer); });
}

void chat_load::answered(member& who, std::uint32_t number, const mtproto::client_answer& answer) {
  chat_message& which = who.book.sent[number];
  const heard what = answer.is_error ? heard{} : read_updates(answer.result.bytes());
  if (what.sent_id == 0) {
    ++refusals_["messages.sendMessage: " + (answer.is_error ? answer.error_text : "the answer is another object")];
    which.refused = true;
    who.stopped = true;
    --who.in_flight;
    --in_flight_;
    return;
  }
  which.id = what.sent_id;
  who.book.repeated += who.book.pts.hear(what.sent_pts) ? 0 : 1;
  ++acknowledged_;
  over(who, which);
}

void chat_load::over(member& who, const chat_message& which) {
  if (which.id != 0 && which.copy != 0) {
    --who.in_flight;
    --in_flight_;
    fill(who);
  }
}

void chat_load::heard_push(member& who, const mtproto::buffer_slice& update) {
  const heard what = read_updates(update.bytes());
  if (what.broken) {
    ++refusals_["an update that cannot be read"];
  } else if (what.too_long) {
    catch_up(who);
  } else {
    take(who, what, true);
  }
}

void chat_load::take(member& who, const heard& what, bool live) {
  for (const std::int32_t pts : what.other_pts) {
    ++who.book.other_changes;
    who.book.repeated += pts != 0 && live && !who.book.pts.hear(pts) ? 1 : 0;
  }
  for (const heard_message& each : what.messages) {
    who.book.repeated += live && !who.book.pts.hear(each.pts) ? 1 : 0;
    if (!each.out) {
      arrived(who, each.id, each.text, live);
    }
  }
}

void chat_load::arrived(member& who, std::int32_t id, std::string_view text, bool live) {
  member& author = partner_of(who);
  const auto mark = read_mark(text);
  if (!mark || mark->author != author.index || mark->number >= author.book.sent.size() ||
      text.size() != options_.text_bytes) {
    ++who.book.strange;
    return;
  }
  chat_message& which = author.book.sent[mark->number];
  if (which.copy != 0) {
    who.book.strange += which.copy == id ? 0 : 1;
    return;
  }
  which.copy = id;
  ++delivered_;
  by_difference_ += live ? 0 : 1;
  if (measuring_) {
    milliseconds_.push_back(
      std::chrono::duration<double, std::milli>(socket_loop::clock::now() - which.sent_at).count());
  }
  over(author, which);
}

void chat_load::end(double patience_seconds) {
  sending_ = false;
  measuring_ = false;
  const auto patience =
    std::chrono::duration_cast<socket_loop::clock::duration>(std::chrono::duration<double>(patience_seconds));
  auto moved_at = socket_loop::clock::now();
  std::uint64_t left = in_flight_;
  loop_.run_until([&] {
    const auto now = socket_loop::clock::now();
    if (std::exchange(left, in_flight_) != in_flight_) {
      moved_at = now;
    }
    return in_flight_ == 0 || farm_.lost() > 0 || now - moved_at > patience;
  });
  watching_ = false;
}

// --- gaps -----------------------------------------------------------------------------------------

void chat_load::catch_up(member& who, std::function<void()> then) {
  if (then) {
    who.after_catch_up.push_back(std::move(then));
  }
  if (std::exchange(who.catching_up, true)) {
    return;
  }
  ++catch_ups_;
  ++who.book.catch_ups;
  tl::fn::updates_getDifference what;
  what.pts = who.book.pts.known();
  what.date = who.date;
  who.client.call(what, [this, &who](const mtproto::client_answer& answer) {
    const heard found = answer.is_error ? heard{} : read_difference(answer.result.bytes());
    who.catching_up = false;
    if (answer.is_error || found.broken) {
      ++refusals_["updates.getDifference: " + (answer.is_error ? answer.error_text : "too long, or another object")];
    } else {
      take(who, found, false);
      who.book.pts.advance(found.state_pts);
      if (found.is_slice) {
        return catch_up(who);
      }
    }
    for (const auto& each : std::exchange(who.after_catch_up, {})) {
      each();
    }
  });
}

void chat_load::watch_gaps() {
  for (const auto& each : members_) {
    const std::int32_t known = each->book.pts.known();
    if (std::exchange(each->known_before, known) == known && each->book.pts.has_gap()) {
      catch_up(*each);
    }
  }
  if (watching_) {
    loop_.at(socket_loop::clock::now() + gap_patience, [this] { watch_gaps(); });
  }
}

} // namespace godwit::bench
