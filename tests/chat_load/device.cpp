#include "tests/chat_load/device.hpp"

#include <algorithm>

#include "protocol/tl/api/call_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/methods.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::chat_load {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds patience{4000};
/// A pause that is worth a note.
constexpr milliseconds pause_noted{1000};
/// What may pass until a device that was away is connected again.
constexpr milliseconds reconnect_time{1000};
/// What a client believes of a date, in seconds.
constexpr double ahead_max = 30;
constexpr double behind_max = 300;
/// Packets of a troubled device.
constexpr roughness rough{.doubled = 0.05, .delayed = 0.05};

std::string in_init(const std::string& query) {
  tl::fn::initConnection inner;
  inner.api_id = 17;
  inner.device_model = "Chat client";
  inner.system_version = "Linux 6.1";
  inner.app_version = "1.0.0";
  inner.system_lang_code = "en";
  inner.lang_code = "en";
  inner.query = query;
  const std::string inited = bytes_of(inner);
  tl::fn::invokeWithLayer outer;
  outer.layer = device_layer;
  outer.query = inited;
  return bytes_of(outer);
}

std::string name_of(const std::string& query) {
  const tl::method_info* const method =
    tl::find_method(tl::reader({reinterpret_cast<const std::uint8_t*>(query.data()), query.size()}).peek_id());
  return method != nullptr ? std::string(method->name) : "?";
}

/// FLOOD_WAIT_n and an unavailable shard: when to ask again.
std::optional<milliseconds> wait_of(const mtproto::client_answer& answer) {
  if (answer.error_code >= 500) {
    return milliseconds(500);
  }
  if (answer.error_code == 420) {
    const std::size_t number = answer.error_text.rfind('_');
    return milliseconds(1000 * std::atoi(answer.error_text.c_str() + number + 1) + 50);
  }
  return std::nullopt;
}

} // namespace

std::string bytes_of(const tl::fn::function& what) {
  std::string bytes;
  tl::writer out(bytes);
  what.store(out, device_layer);
  return bytes;
}

void run_figures::note_breach(const std::string& what) {
  constexpr std::size_t kept = 50;
  ++breaches_seen;
  if (breaches.size() < kept) {
    breaches.push_back(what);
  }
}

device::device(bench::socket_loop& loop, const std::vector<bench::client_target>& where,
               std::shared_ptr<const bench::client_key> key, account_facts& account, std::uint32_t number,
               std::uint64_t seed, const std::filesystem::path& folder, run_figures& figures)
    : loop_(loop),
      account_(account),
      name_("a" + std::to_string(account.number) + "d" + std::to_string(number)),
      dice_(seed),
      figures_(figures),
      log_(folder / (name_ + ".jsonl")),
      link_(loop, where, std::move(key), simulation::mix(seed), *this) {
  for (const known_peer& each : account.contacts) {
    hashes_[each.user] = each.access_hash;
  }
  json_object what;
  what.number("format", 1).number("user", account.user).text("name", name_);
  log_.write("device", what.boolean("differences", true).boolean("in_order", false));
}

void device::begin() {
  link_.start();
  get_state();
}

// --- calls ----------------------------------------------------------------------------------------

void device::ask(const tl::fn::function& what, answer_fn done, std::function<void()> repeated) {
  auto made = std::make_shared<request>();
  made->query = bytes_of(what);
  made->method = name_of(made->query);
  made->done = std::move(done);
  made->repeated = std::move(repeated);
  made->asked_at = clock::now();
  requests_.push_back(made);
  send(made);
}

void device::send(const request_ptr& what) {
  ++figures_.calls;
  what->again_at = what->repeated ? clock::now() + patience : clock::time_point::max();
  const bool init = !std::exchange(inited_, true);
  open_[{session_, link_.call(init ? in_init(what->query) : what->query)}] = what;
}

void device::link_answered(const mtproto::client_answer& answer) {
  const auto found = open_.find({session_, answer.call});
  if (found == open_.end()) {
    return;
  }
  const request_ptr what = found->second;
  open_.erase(found);
  if (answer.is_error) {
    ++figures_.errors[what->method + " " + answer.error_text];
    if (answer.error_code == 401) {
      figures_.note_breach(name_ + ": " + what->method + ": " + answer.error_text);
      what->again_at = clock::now() + pause_noted;
      return;
    }
    what->told_to_wait = what->told_to_wait || answer.error_code == 420;
    if (const auto wait = wait_of(answer)) {
      what->again_at = clock::now() + *wait;
      return;
    }
  }
  if (std::exchange(what->answered, true) && !what->repeated) {
    return;
  }
  note_pause(*what);
  std::erase(requests_, what);
  what->done(answer);
}

void device::note_pause(const request& what) {
  const auto from = std::max(what.asked_at, trouble_over_);
  if (!what.told_to_wait && clock::now() - from > pause_noted) {
    figures_.pauses.push_back({from, clock::now()});
  }
}

void device::check_date(const char* of, std::int32_t date, double since) {
  const double now = history_log::now();
  if (date > now + ahead_max || date < since - behind_max) {
    figures_.note_breach(name_ + ": the date of " + of + " is " +
                         std::to_string(date - static_cast<std::int64_t>(now)) + " s from the right time");
  }
}

void device::tick() {
  link_.tick();
  if (!link_.is_up()) {
    return;
  }
  std::vector<request_ptr> late;
  std::copy_if(requests_.begin(), requests_.end(), std::back_inserter(late),
               [now = clock::now()](const request_ptr& each) { return now >= each->again_at; });
  for (const request_ptr& each : late) {
    ++figures_.repeats;
    if (each->repeated) {
      each->repeated();
    }
    send(each);
  }
}

// --- connections ----------------------------------------------------------------------------------

void device::link_up() {
  ++figures_.reconnects;
  ++connections_;
  json_object where;
  const bool old_session = !known_at_.insert(link_.node()).second;
  where.number("node", static_cast<std::int64_t>(link_.node()) + 1).flag("old_session", old_session);
  log_.write("connected", where);
  if (dice_.chance(0.3)) {
    // A client that believes in nothing it asked before.
    for (const request_ptr& each : requests_) {
      if (each->repeated) {
        each->again_at = clock::now() + milliseconds(dice_.below(300));
      }
    }
  }
}

void device::begin_session() {
  ++figures_.sessions;
  link_.begin_session();
  ++session_;
  known_at_.clear();
  open_.clear();
  inited_ = false;
  link_.cut(milliseconds(10 + dice_.below(500)));
  catch_up();
  for (const request_ptr& each : requests_) {
    each->again_at = clock::now();
  }
}

void device::be_troubled_every(milliseconds mean) {
  link_.set_roughness(rough);
  if (!std::exchange(troubled_, true)) {
    trouble();
  }
  const auto wait = milliseconds(dice_.below(static_cast<std::uint64_t>(2 * mean.count())));
  loop_.at(clock::now() + wait, [this, mean] {
    if (troubled_) {
      trouble();
      be_troubled_every(mean);
    }
  });
}

void device::trouble() {
  hurry(dice_.below(4));
  constexpr milliseconds longest{4000};
  trouble_over_ = clock::now() + longest + reconnect_time;
  switch (dice_.below(5)) {
  case 0: link_.cut(milliseconds(1)); break;
  case 1: link_.cut(milliseconds(dice_.below(500))); break;
  case 2: link_.cut(milliseconds(1000 + dice_.below(3000))); break; // away for a time
  case 3: link_.stop_reading(milliseconds(100 + dice_.below(900))); break;
  default:
    if (box_.is_known()) {
      begin_session();
    }
  }
}

void device::come_to_rest() {
  acting_ = false;
  troubled_ = false;
  link_.set_roughness({});
}

// --- updates --------------------------------------------------------------------------------------

void device::link_pushed(const mtproto::buffer_slice& updates) {
  ++figures_.pushes;
  tl::reader in(updates.bytes());
  const auto what = tl::Updates::fetch(in);
  if (!in.ok() || what == nullptr) {
    throw std::runtime_error(name_ + ": a push that cannot be read");
  }
  const seen_updates seen = see(*what, account_.user);
  note_hashes(seen);
  if (seen.too_long) {
    ++figures_.too_long;
    log_.write("too_long", {});
    catch_up();
  }
  for (const seen_update& each : seen.updates) {
    if (each.what == seen_update::kind::new_message) {
      check_date("a message", each.message.date, 0);
    }
    log_.write("live", each.json());
    take(each);
  }
}

void device::take(const seen_update& what) {
  if (catching_up_ || !box_.is_known()) {
    held_.push_back(what);
  } else if (box_.take(what) == client_box::verdict::gap) {
    ++figures_.gaps;
    held_.push_back(what);
    catch_up();
  }
}

void device::note_hashes(const seen_updates& what) {
  for (const auto& [user, hash] : what.access_hashes) {
    hashes_[user] = hash;
  }
}

void device::get_state() {
  catching_up_ = true;
  ask(tl::fn::updates_getState{}, [this, asked = history_log::now()](const mtproto::client_answer& answer) {
    if (answer.is_error) {
      throw std::runtime_error(name_ + ": getState: " + answer.error_text);
    }
    const auto state = result_of<tl::fn::updates_getState>(answer);
    check_date("a state", state->date, asked);
    json_object what;
    log_.write(
      "state",
      what.number("pts", state->pts).number("qts", state->qts).number("date", state->date).number("seq", state->seq));
    box_.set_state(state->pts, state->qts, state->date);
    caught_up();
  });
}

void device::catch_up() {
  if (catching_up_) {
    once_more_ = true;
    return;
  }
  catching_up_ = true;
  get_difference();
}

void device::get_difference() {
  ++figures_.differences;
  tl::fn::updates_getDifference what;
  what.pts = box_.pts();
  what.qts = box_.qts();
  what.date = box_.date();
  ask(what, [this, asked = history_log::now()](const mtproto::client_answer& answer) {
    if (answer.is_error) {
      throw std::runtime_error(name_ + ": getDifference: " + answer.error_text);
    }
    const auto difference = result_of<tl::fn::updates_getDifference>(answer);
    difference_came(*difference, asked);
  });
}

void device::difference_came(const tl::updates_Difference& what, double asked) {
  const seen_difference facts = see(what, account_.user);
  note_hashes(facts.others);
  if (facts.too_long) {
    throw std::runtime_error(name_ + ": differenceTooLong, which was not asked for");
  }
  log_.write("difference", facts.json(asked, box_.pts()));
  for (const seen_message& each : facts.messages) {
    box_.learn(each);
  }
  for (const seen_update& each : facts.others.updates) {
    box_.apply(each);
  }
  if (!facts.empty) {
    box_.set_state(facts.pts, facts.qts, facts.date);
  }
  facts.slice ? get_difference() : caught_up();
}

void device::caught_up() {
  catching_up_ = false;
  for (const seen_update& each : std::exchange(held_, {})) {
    take(each);
  }
  if (std::exchange(once_more_, false)) {
    catch_up();
  }
}

std::string device::condition() const {
  std::string made = name_ + " at node " + std::to_string(link_.node() + 1) + (link_.is_up() ? "" : ", not connected") +
                     (catching_up_ ? ", catches up" : "") + ", pts " + std::to_string(box_.pts()) + ", waits for";
  for (const request_ptr& each : requests_) {
    made += " " + each->method;
  }
  return made;
}

tl::box<tl::InputPeer> device::input(const known_peer& who) const {
  if (who.user == account_.user) {
    return tl::make<tl::inputPeerSelf>();
  }
  auto made = tl::make<tl::inputPeerUser>();
  made->user_id = who.user;
  made->access_hash = who.access_hash;
  return made;
}

} // namespace godwit::chat_load
