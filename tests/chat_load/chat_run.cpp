#include "tests/chat_load/chat_run.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "bench/load/session_farm.hpp"
#include "bench/load/sign_in.hpp"
#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/chat_load/late_sign_in.hpp"

namespace godwit::chat_load {
namespace {

using namespace std::chrono_literals;
using clock = bench::socket_loop::clock;

constexpr std::uint32_t devices_per_account = 2;
constexpr std::uint32_t signing_in_max = 32;
constexpr auto tick_time = 200ms;

} // namespace

/// Clients that make their keys and sign in; gone afterwards.
struct chat_run::signing_in {
  struct one {
    std::unique_ptr<bench::load_client> client;
    std::shared_ptr<const bench::client_key> key;
    bool done = false;
  };
  std::vector<one> all;
  std::uint32_t next = 0;
  std::uint32_t running = 0;
  std::string failure;
};

chat_run::chat_run(const run_options& options, std::vector<bench::client_target> nodes, std::function<void()> check)
    : options_(options), nodes_(std::move(nodes)), check_(std::move(check)), dice_(options.seed) {
  bench::raise_open_files();
  for (bench::client_target& each : nodes_) {
    each.layer = device_layer;
  }
  for (std::uint32_t i = 0; i < options.accounts; ++i) {
    account_facts& made = accounts_.emplace_back();
    made.number = i;
    made.phone = bench::phone_of(i);
  }
  devices_of_.assign(options.accounts, devices_per_account);
}

chat_run::~chat_run() = default;

bench::client_target chat_run::any_node() { return nodes_[dice_.below(nodes_.size())]; }

bool chat_run::all_idle() const {
  return std::all_of(devices_.begin(), devices_.end(), [](const auto& each) { return each->is_idle(); });
}

void chat_run::wait(const char* what, std::chrono::seconds patience, const std::function<bool()>& done) {
  const auto until = clock::now() + patience;
  loop_.run_until([&] {
    check_();
    return done() || clock::now() > until;
  });
  if (done()) {
    return;
  }
  std::string who;
  int left = 10;
  for (const auto& each : devices_) {
    if ((!each->is_idle() || (all_idle() && !each->has_ended())) && --left >= 0) {
      who += "\n  " + each->condition();
    }
  }
  who += late_.empty() ? "" : "\n  " + std::to_string(late_.size()) + " devices that sign in";
  throw std::runtime_error(std::string(what) + " takes too long:" + who);
}

// --- before ---------------------------------------------------------------------------------------

/// The devices of this number, of all accounts.
void chat_run::sign_in(std::uint32_t number) {
  signing_in now;
  now.all.resize(options_.accounts);
  const std::function<void()> more = [&] {
    while (now.running < signing_in_max && now.next < now.all.size()) {
      const std::uint32_t index = now.next++;
      ++now.running;
      signing_in::one& one = now.all[index];
      const auto lost = [&now](const std::string& why) { now.failure = "a connection was lost: " + why; };
      one.client = std::make_unique<bench::load_client>(loop_, any_node(), lost);
      one.client->make_key([&, index](std::shared_ptr<const bench::client_key> key) {
        signing_in::one& mine = now.all[index];
        mine.key = key;
        mine.client->use_key(std::move(key));
        bench::sign_in(*mine.client, index, [&, index](const std::string& failed) {
          now.failure = failed.empty() ? now.failure : "sign-in: " + failed;
          now.all[index].done = true;
          --now.running;
        });
      });
    }
  };
  wait("signing in", 120s, [&] {
    if (!now.failure.empty()) {
      throw std::runtime_error(now.failure);
    }
    more();
    return now.next == now.all.size() && now.running == 0;
  });
  for (std::uint32_t i = 0; i < options_.accounts; ++i) {
    keys_[devices_per_account * i + number] = now.all[i].key;
  }
}

/// Who each account is, and whom it writes to.
void chat_run::import_contacts() {
  std::vector<std::unique_ptr<bench::load_client>> clients;
  std::string failure;
  std::uint32_t left = 2 * options_.accounts;
  std::vector<std::set<std::uint32_t>> friends(options_.accounts);
  for (std::uint32_t i = 0; i < options_.accounts; ++i) {
    for (int n = 0; n < 3; ++n) {
      const auto other = static_cast<std::uint32_t>(dice_.below(options_.accounts));
      if (other != i) {
        friends[i].insert(other);
        friends[other].insert(i);
      }
    }
  }
  const auto fail = [&failure](const std::string& why) { failure = "importing contacts: " + why; };
  for (std::uint32_t i = 0; i < options_.accounts; ++i) {
    clients.push_back(std::make_unique<bench::load_client>(loop_, any_node(), fail));
    bench::load_client& client = *clients.back();
    account_facts& account = accounts_[i];
    client.use_key(keys_[devices_per_account * i]);
    tl::fn::users_getUsers self;
    self.id.push_back(tl::make<tl::inputUserSelf>());
    client.call(
      self,
      [&](const mtproto::client_answer& answer) {
        if (answer.is_error) {
          return fail(answer.error_text);
        }
        const auto users = result_of<tl::fn::users_getUsers>(answer);
        const auto* user = users.empty() ? nullptr : tl::as<tl::user>(users.front());
        account.user = user != nullptr ? user->id : 0;
        account.contacts.push_back({account.user, 0});
        --left;
      },
      true);
    tl::fn::contacts_importContacts import;
    for (const std::uint32_t each : friends[i]) {
      auto contact = tl::make<tl::inputPhoneContact>();
      contact->client_id = each;
      contact->phone = "+" + bench::phone_of(each);
      contact->first_name = "Friend " + std::to_string(each);
      import.contacts.push_back(std::move(contact));
    }
    client.call(import, [&, wanted = friends[i].size()](const mtproto::client_answer& answer) {
      if (answer.is_error) {
        return fail(answer.error_text);
      }
      const auto result = result_of<tl::fn::contacts_importContacts>(answer);
      std::size_t found = 0;
      for (const auto& each : result->users) {
        const auto* user = tl::as<tl::user>(each);
        if (user != nullptr && !user->self && user->access_hash) {
          account.contacts.push_back({user->id, *user->access_hash});
          ++found;
        }
      }
      if (found != wanted) {
        fail(std::to_string(found) + " of " + std::to_string(wanted) + " were found");
      }
      --left;
    });
  }
  wait("importing contacts", 60s, [&] {
    if (!failure.empty()) {
      throw std::runtime_error(failure);
    }
    return left == 0;
  });
  for (account_facts& each : accounts_) {
    std::sort(each.contacts.begin(), each.contacts.end(),
              [](const known_peer& a, const known_peer& b) { return a.user < b.user; });
  }
}

// --- the run --------------------------------------------------------------------------------------

void chat_run::sign_up() {
  keys_.resize(devices_per_account * options_.accounts);
  for (std::uint32_t number = 0; number < devices_per_account; ++number) {
    sign_in(number);
  }
  import_contacts();
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    make_device(i / devices_per_account, i % devices_per_account, keys_[i]);
  }
  tick_all();
  wait("the first state", 60s, [this] { return all_idle(); });
}

device& chat_run::make_device(std::uint32_t account, std::uint32_t number,
                              std::shared_ptr<const bench::client_key> key) {
  devices_.push_back(std::make_unique<device>(loop_, nodes_, std::move(key), accounts_[account], number, dice_.next(),
                                              options_.folder, figures_));
  devices_.back()->begin();
  return *devices_.back();
}

void chat_run::tick_all() {
  check_();
  take_late();
  for (const auto& each : devices_) {
    if (!each->has_ended()) {
      each->tick();
    }
  }
  loop_.at(clock::now() + tick_time, [this] { tick_all(); });
}

void chat_run::begin() {
  acting_ = true;
  for (const auto& each : devices_) {
    each->act_every(options_.pause);
    if (options_.trouble.count() > 0) {
      each->be_troubled_every(options_.trouble);
    }
  }
}

void chat_run::run_for(std::chrono::milliseconds time) { loop_.run_for(time); }

void chat_run::hurry(std::uint64_t things) {
  for (const auto& each : devices_) {
    each->hurry(dice_.below(things + 1));
  }
}

void chat_run::add_device() {
  const auto account = static_cast<std::uint32_t>(dice_.below(options_.accounts));
  const std::uint32_t number = devices_of_[account]++;
  late_.push_back(std::make_unique<late_sign_in>(loop_, nodes_, late_sign_in::who{account, number}, dice_.next()));
}

void chat_run::take_late() {
  std::erase_if(late_, [this](const std::unique_ptr<late_sign_in>& each) {
    auto key = each->tick();
    if (key == nullptr) {
      return false;
    }
    ++added_;
    device& made = make_device(each->device().account, each->device().number, std::move(key));
    if (acting_) {
      made.act_every(options_.pause);
      if (options_.trouble.count() > 0) {
        made.be_troubled_every(options_.trouble);
      }
    }
    return true;
  });
}

// --- the end --------------------------------------------------------------------------------------

void chat_run::come_to_rest() {
  acting_ = false;
  for (const auto& each : devices_) {
    each->come_to_rest();
  }
  wait("coming to rest", 120s, [this] { return all_idle() && late_.empty(); });
  // What one account did may still be on its way to another: until nobody hears of anything new.
  std::vector<std::int32_t> before;
  for (int quiet = 0; quiet < 2;) {
    loop_.run_for(0.5s);
    for (const auto& each : devices_) {
      each->catch_up();
    }
    wait("catching up", 120s, [this] { return all_idle(); });
    std::vector<std::int32_t> now;
    for (const auto& each : devices_) {
      now.push_back(each->box().pts());
    }
    quiet = now == before ? quiet + 1 : 0;
    before = std::move(now);
  }
}

void chat_run::end() {
  come_to_rest();
  for (const auto& each : devices_) {
    each->read_all();
  }
  wait("reading everything", 120s, [this] {
    return std::all_of(devices_.begin(), devices_.end(), [](const auto& each) { return each->has_ended(); });
  });
}

} // namespace godwit::chat_load
