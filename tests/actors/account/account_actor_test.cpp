// The logics as entities of a real shard host on virtual time, over a replica that commits when the test says so.

#include "actors/account/account_actor.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>

#include <gtest/gtest.h>

#include <algorithm>

#include "actors/account/account_flow.hpp"
#include "actors/account/account_options.hpp"
#include "actors/entity/entity_logic.hpp"
#include "actors/people/access_hash.hpp"
#include "actors/people/card_book.hpp"
#include "cluster/shard/entity_push.hpp"
#include "cluster/shard/local_router.hpp"
#include "cluster/shard/messages.hpp"
#include "cluster/shard/shard_host.hpp"
#include "persistence/records/account.pb.h"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/actors/account/account_client.hpp"
#include "tests/cluster/shard/fake_replica.hpp"
#include "tests/support/test_loop.hpp"

namespace godwit::account::testing {
namespace {

using cluster::entity_kind;
using cluster::entity_ref;

/// A session as an account sees it.
struct heard {
  std::vector<cluster::entity_reply> replies;
  std::vector<cluster::entity_push> ended;
  std::vector<cluster::entity_push> gone;
  std::vector<cluster::entity_push> updates;
  std::vector<std::int32_t> positions; ///< of answers and updates, as they came; where they have one
};

class listening_session final : public cluster::pinned_actor {
public:
  listening_session(caf::actor_config& config, cluster::home_loop& home, heard* into)
      : cluster::pinned_actor(config, home), into_(into) {}

  caf::behavior make_behavior() override {
    return {
      [this](const cluster::entity_reply& what) {
        into_->replies.push_back(what);
        note(what.pts);
      },
      [this](const cluster::entity_push& what) {
        auto& list = what.kind == cluster::push_kind::update  ? into_->updates
                     : what.kind == cluster::push_kind::ended ? into_->ended
                                                              : into_->gone;
        list.push_back(what);
        note(what.pts);
      },
    };
  }

private:
  void note(std::int32_t pts) {
    if (pts != 0) {
      into_->positions.push_back(pts);
    }
  }

  heard* into_;
};

/// The router of one shard, that does not reach entities of a kind while the test says so.
class uncertain_router final : public cluster::router {
public:
  void send(cluster::entity_request_ptr request) override {
    if (request->to.kind != unreachable && request->to != unreachable_one) {
      return reachable.send(std::move(request));
    }
    ++refused;
    cluster::entity_reply reply;
    reply.token = request->token;
    reply.status = cluster::reply_status::unavailable;
    caf::anon_send(request->reply_to, reply);
  }
  void send_lane(cluster::lane_message what) override { reachable.send_lane(std::move(what)); }
  [[nodiscard]] std::uint16_t shards() const override { return 1; }

  cluster::local_router reachable{1};
  std::optional<entity_kind> unreachable;
  std::optional<entity_ref> unreachable_one;
  int refused = 0;
};

class sent_codes final : public code_sender {
public:
  void send(std::uint64_t, const std::string& code, code_kind) override { codes.push_back(code); }
  std::vector<std::string> codes;
};

class account_entities : public ::testing::Test {
protected:
  static constexpr std::uint64_t number = 9996612345;

  explicit account_entities(const cluster::host_limits& limits = {}) {
    auto made = std::make_shared<account_options>();
    made->random = &random;
    made->sender = &sender;
    made->test_numbers = true;
    made->people.cards = &cards;
    made->people.presence = &presence;
    options = made;
    for (const auto kind : {entity_kind::user, entity_kind::phone, entity_kind::auth_key, entity_kind::username}) {
      factories[kind] = [this](caf::actor_system& of, cluster::home_loop& home, cluster::shard_context& shard,
                               entity_ref self) -> caf::actor {
        return of.spawn<account_actor>(home, shard, self, options);
      };
    }
    cluster::shard_host::setup setup;
    setup.factories = &factories;
    setup.router = &router;
    setup.counters = &counters;
    setup.limits = limits;
    setup.ended = [this](bool) { ended = true; };
    host = system.spawn<cluster::shard_host>(loop, replica, std::move(setup));
    router.reachable.attach({host});
    one = system.spawn<listening_session>(loop, &by_one);
    two = system.spawn<listening_session>(loop, &by_two);
    loop.run();
    replica.lead(1);
  }

  ~account_entities() override {
    caf::anon_send_exit(one, caf::exit_reason::kill);
    caf::anon_send_exit(two, caf::exit_reason::kill);
    caf::anon_send(host, cluster::shard_stop{});
    loop.advance(10'000);
    EXPECT_TRUE(ended);
    router.reachable.attach({});
  }

  void commit_all() {
    for (loop.run(); !replica.proposed.empty(); loop.run()) {
      replica.commit(replica.proposed.size());
    }
  }

  void send(const entity_ref& to, std::string body, const cluster::caller& from, const caf::actor& reply_to,
            bool listens = false) {
    auto request = caf::make_counted<cluster::entity_request>();
    request->to = to;
    request->body = std::move(body);
    request->from = from;
    request->reply_to = reply_to;
    request->token = ++tokens;
    request->listens = listens;
    router.send(request);
    loop.run();
  }

  cluster::entity_reply call(const entity_ref& to, const google::protobuf::MessageLite& what,
                             const cluster::caller& from = {}) {
    send(to, what.SerializeAsString(), from, one);
    commit_all();
    const cluster::entity_reply reply = by_one.replies.empty() ? cluster::entity_reply{} : by_one.replies.back();
    EXPECT_EQ(reply.token, tokens);
    return reply;
  }

  void make_key(std::uint64_t key) {
    command::KeyCommand create;
    create.mutable_create()->set_key(std::string(256, 'k'));
    EXPECT_EQ(call(key_of(key), create).status, cluster::reply_status::ok);
  }

  command::KeyFound lookup(std::uint64_t key) {
    command::KeyCommand what;
    what.mutable_lookup();
    return parse<command::KeyFound>(call(key_of(key), what).body);
  }

  flow_done run(account_flow flow, const cluster::caller& from) {
    flow_step step = flow.start();
    while (const auto* wanted = std::get_if<flow_request>(&step)) {
      send(wanted->to, wanted->body, from, one);
      commit_all();
      cluster::entity_reply reply = by_one.replies.back();
      reply.token = wanted->token;
      step = flow.reply(reply).value();
    }
    return std::get<flow_done>(step);
  }

  /// Signs a test number in, or up where it has no account; the caller its session has from then on.
  cluster::caller log_in(std::uint64_t key, std::uint64_t phone = number) {
    make_key(key);
    flow_context context;
    context.key = context.used_key = auth_key_id{key};
    context.session = session_id{key};
    context.layer = 229;
    context.now = 1'700'000'000;
    const cluster::caller from{
      .user = {}, .authorization = {}, .key = context.key, .session = context.session, .layer = 229, .message = {}};
    const auto flow = [&](const tl::fn::function& what) {
      return run(account_flow(*options, context, call_bytes(what, 229)), from);
    };
    tl::fn::auth_sendCode code;
    code.phone_number = std::to_string(phone);
    code.api_id = 1;
    code.settings = tl::make<tl::codeSettings>();
    tl::fn::auth_signIn in;
    in.phone_number = code.phone_number;
    in.phone_code_hash = hash_in(flow(code).answer.value());
    in.phone_code = "11111";
    flow_done done = flow(in);
    if (user_in(done.answer.value()) == 0) {
      tl::fn::auth_signUp up;
      up.phone_number = code.phone_number;
      up.phone_code_hash = in.phone_code_hash;
      up.first_name = "Ada";
      done = flow(up);
    }
    const auto login = std::get<login_changed>(done.change);
    cluster::caller out = from;
    out.user = login.user;
    out.authorization = login.authorization;
    return out;
  }

  void subscribe(const cluster::caller& from, const caf::actor& session, std::uint64_t instance = 0,
                 std::int32_t pts = 0) {
    command::UserCommand what;
    what.mutable_subscribe()->set_layer(229);
    what.mutable_subscribe()->set_instance(instance);
    what.mutable_subscribe()->set_pts(pts);
    send(user_of(from.user.value()), what.SerializeAsString(), from, session, true);
    commit_all();
  }

  void unsubscribe(const cluster::caller& from, std::uint64_t instance) {
    command::UserCommand what;
    what.mutable_unsubscribe()->set_instance(instance);
    send(user_of(from.user.value()), what.SerializeAsString(), from, nullptr);
    commit_all();
  }

  void begin_call(const cluster::caller& from, const caf::actor& session, const tl::fn::function& what) {
    auto request = caf::make_counted<cluster::entity_request>();
    request->to = user_of(from.user.value());
    request->type = cluster::request_type::call;
    request->body = call_bytes(what, from.layer);
    request->from = from;
    request->reply_to = session;
    request->token = ++tokens;
    router.send(request);
  }

  /// Sends a text, and does not wait for what comes of it.
  void begin_message(const cluster::caller& from, const caf::actor& session, tl::box<tl::InputPeer> to) {
    tl::fn::messages_sendMessage what;
    what.peer = std::move(to);
    what.message = "hello";
    what.random_id = static_cast<std::int64_t>(++tokens);
    auto request = caf::make_counted<cluster::entity_request>();
    request->to = user_of(from.user.value());
    request->type = cluster::request_type::call;
    request->body = call_bytes(what, from.layer);
    request->from = from;
    request->reply_to = session;
    request->token = tokens;
    router.send(request);
  }

  void end_login(const cluster::caller& whose, const cluster::caller& by) {
    command::UserCommand what;
    what.mutable_log_out()->set_authorization(whose.authorization.value());
    send(user_of(by.user.value()), what.SerializeAsString(), by, one);
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  test::test_loop loop{system};
  seeded_random random{1};
  sent_codes sender;
  people::card_book cards{100};
  people::presence_book presence;
  std::shared_ptr<const account_options> options;
  cluster::entity_factories factories;
  uncertain_router router;
  cluster::shard_counters counters;
  test::fake_replica replica;
  bool ended = false;
  heard by_one;
  heard by_two;
  std::uint64_t tokens = 0;
  caf::actor one;
  caf::actor two;
  caf::actor host;
};

// Goal: no code leaves before its row is committed, and no answer either.
TEST_F(account_entities, ACodeIsSentWhenItsRowIsCommitted) {
  command::PhoneCommand what;
  what.set_number(number);
  what.mutable_request_code()->set_key(1);
  what.mutable_request_code()->set_may_register(true);
  send(phone_of(number), what.SerializeAsString(), {}, one);
  EXPECT_TRUE(sender.codes.empty());
  EXPECT_TRUE(by_one.replies.empty());
  commit_all();
  EXPECT_EQ(sender.codes, std::vector<std::string>{"11111"});
  EXPECT_EQ(by_one.replies.size(), 1U);
}

// Goal: signing up and signing in work over real entities, and a new leader finds the same accounts and logins.
TEST_F(account_entities, LoginsAreThereInTheNextTerm) {
  const cluster::caller first = log_in(11);
  replica.lead(2);
  loop.run();
  const cluster::caller second = log_in(12);
  EXPECT_EQ(second.user, first.user);
  EXPECT_NE(second.authorization, first.authorization);
  EXPECT_EQ(lookup(11).authorization(), first.authorization.value());
  subscribe(first, two);
  ASSERT_EQ(by_two.replies.size(), 1U);
  EXPECT_EQ(by_two.replies.back().status, cluster::reply_status::ok);
}

// Goal: a session hears of the end of its login when that is committed and not before; then its key is told.
TEST_F(account_entities, TheSessionOfAnEndedLoginHearsOfItAfterTheCommit) {
  const cluster::caller stays = log_in(11);
  const cluster::caller goes = log_in(12);
  subscribe(goes, two);
  end_login(goes, stays);
  EXPECT_TRUE(by_two.ended.empty());
  commit_all();
  ASSERT_EQ(by_two.ended.size(), 1U);
  EXPECT_EQ(by_two.ended.front().number, goes.authorization.value());
  EXPECT_EQ(by_two.ended.front().from, user_of(goes.user.value()));
  EXPECT_EQ(lookup(12).authorization(), 0);
  EXPECT_EQ(lookup(11).authorization(), stays.authorization.value());
  subscribe(goes, two);
  EXPECT_EQ(by_two.replies.back().error, rpc_error(rpc_errc::auth_key_unregistered));
}

// Goal: the key of an ended login is told until it acknowledges. Method: it cannot be reached for a while.
TEST_F(account_entities, AKeyThatCannotBeReachedIsToldAgain) {
  const cluster::caller stays = log_in(11);
  const cluster::caller goes = log_in(12);
  router.unreachable = entity_kind::auth_key;
  end_login(goes, stays);
  commit_all();
  loop.advance(5000);
  EXPECT_GE(router.refused, 8);
  EXPECT_LE(router.refused, 11) << "at once, after 50 ms, twice that, and so on; then about once in a second";
  router.unreachable.reset();
  EXPECT_EQ(lookup(12).authorization(), goes.authorization.value());
  loop.advance(1000);
  commit_all();
  EXPECT_EQ(lookup(12).authorization(), 0);
}

TEST_F(account_entities, TheOtherSessionsHearOfANewLogin) {
  const cluster::caller first = log_in(11);
  subscribe(first, two);
  (void)log_in(12);
  ASSERT_EQ(by_two.updates.size(), 3U) << "the service's messages of the code and of the login, and the login";
  const auto moves_pts = [](const cluster::entity_push& each) { return each.pts_count == 1; };
  EXPECT_EQ(std::count_if(by_two.updates.begin(), by_two.updates.end(), moves_pts), 2);
  EXPECT_GT(by_two.updates.back().pts, by_two.updates.front().pts);
}

// Goal: each session gets one stream: changes that share a mutation are answered, and told, in the order of their pts.
// Method: two sessions write at once; the first of their messages waits for a row, and the others for that.
TEST_F(account_entities, ChangesOfOneMutationAreAnsweredAndToldInTheOrderOfTheirPts) {
  const cluster::caller first = log_in(11);
  const cluster::caller second = log_in(12);
  subscribe(first, one);
  subscribe(second, two);
  by_one = {};
  by_two = {};
  for (int i = 0; i < 4; ++i) {
    begin_message(first, one, tl::make<tl::inputPeerSelf>());
    begin_message(second, two, tl::make<tl::inputPeerSelf>());
  }
  loop.run();
  ASSERT_EQ(replica.proposed.size(), 1U);
  EXPECT_TRUE(by_one.positions.empty());
  commit_all();
  ASSERT_EQ(by_one.positions.size(), 8U);
  EXPECT_EQ(by_one.replies.size(), 4U);
  for (const cluster::entity_reply& each : by_one.replies) {
    EXPECT_EQ(each.pts_count, 1) << "the session hears of it by this alone";
  }
  EXPECT_EQ(by_one.updates.size(), 4U);
  for (std::size_t i = 1; i < by_one.positions.size(); ++i) {
    EXPECT_EQ(by_one.positions[i], by_one.positions[i - 1] + 1);
  }
  EXPECT_EQ(by_two.positions, by_one.positions);
}

// Goal: a session that listens anew hears what was decided before and is told later once, in order, with the rest that
// it missed. Method: it asks while messages of another session wait to be applied.
TEST_F(account_entities, WhatWasDecidedBeforeASubscriptionIsToldOnceAndInOrder) {
  const cluster::caller first = log_in(11);
  const cluster::caller second = log_in(12);
  subscribe(first, one);
  subscribe(second, two, 3);
  const std::int32_t from = parse<command::Subscribed>(by_two.replies.back().body).pts();
  by_two = {};
  begin_message(first, one, tl::make<tl::inputPeerSelf>());
  loop.run();
  commit_all();
  begin_message(first, one, tl::make<tl::inputPeerSelf>());
  loop.run();
  ASSERT_FALSE(replica.proposed.empty());
  by_two = {};
  command::UserCommand what;
  what.mutable_subscribe()->set_layer(229);
  what.mutable_subscribe()->set_instance(3);
  what.mutable_subscribe()->set_attempt(1);
  what.mutable_subscribe()->set_pts(from);
  send(user_of(second.user.value()), what.SerializeAsString(), second, two, true);
  const std::uint64_t subscription = tokens;
  loop.run();
  commit_all();
  ASSERT_EQ(by_two.positions, (std::vector<std::int32_t>{from + 1, from + 2}));
  for (const cluster::entity_push& each : by_two.updates) {
    EXPECT_EQ(each.subscription, subscription);
    EXPECT_EQ(each.pts_count, 1);
  }
  begin_message(first, one, tl::make<tl::inputPeerSelf>());
  loop.run();
  commit_all();
  EXPECT_EQ(by_two.positions, (std::vector<std::int32_t>{from + 1, from + 2, from + 3}));
}

class account_entities_without_patience : public account_entities {
protected:
  account_entities_without_patience() : account_entities(one_attempt()) {}
  static cluster::host_limits one_attempt() {
    cluster::host_limits made;
    made.delivery_attempts_max = 1;
    return made;
  }
};

// Goal: rows that cannot be read are the disk's fault: the message that needed them comes when they can. Method: a
// delivery is put aside at the first fault, and the reading of its receiver's dialog fails.
TEST_F(account_entities_without_patience, AMessageWhoseReceiversRowsCannotBeReadIsNotPutAside) {
  make_key(1);
  replica.flush(); // from here on what is not in memory is read from the store, which has no rows
  const cluster::caller from = log_in(11);
  const cluster::caller to = log_in(12, number + 1);
  ASSERT_NE(from.user, to.user);
  const auto position = [&] {
    subscribe(to, two);
    return parse<command::Subscribed>(by_two.replies.back().body).pts();
  };
  const std::int32_t before = position();
  const auto whom = [&] {
    auto peer = tl::make<tl::inputPeerUser>();
    peer->user_id = to.user.value();
    peer->access_hash = people::access_hash(options->people.access_hash_key, from.user, to.user);
    return peer;
  };
  begin_message(from, one, whom());
  loop.run();
  ASSERT_EQ(replica.proposed.size(), 1U);
  replica.store.broken_reads = 1;
  const auto failed = counters.entities_failed.value();
  commit_all();
  EXPECT_EQ(replica.store.broken_reads, 0);
  EXPECT_EQ(counters.entities_failed.value(), failed + 1);
  for (int i = 0; i < 100 && counters.lane_accepted.value() == 0; ++i) {
    loop.advance(100);
    commit_all();
  }
  EXPECT_EQ(counters.lane_put_aside.value(), 0U);
  EXPECT_EQ(counters.lane_accepted.value(), 1U);
  EXPECT_EQ(position(), before + 1);
}

// Goal: a client that comes to another node takes its ear along, and the session that it left behind cannot take it
// away again. Method: two actors with the name of one session.
TEST_F(account_entities, TheEarOfAClientGoesWithIt) {
  const cluster::caller first = log_in(11);
  subscribe(first, one, 1);
  const std::uint64_t subscription = tokens;
  subscribe(first, two, 2);
  ASSERT_EQ(by_one.gone.size(), 1U);
  EXPECT_EQ(by_one.gone.front().number, entity::listener_replaced);
  EXPECT_EQ(by_one.gone.front().subscription, subscription);
  EXPECT_EQ(by_one.gone.front().from, user_of(first.user.value()));
  EXPECT_TRUE(by_two.gone.empty());
  unsubscribe(first, 1);
  by_one = {};
  (void)log_in(12);
  EXPECT_FALSE(by_two.updates.empty());
  EXPECT_TRUE(by_one.updates.empty());
  for (const cluster::entity_push& each : by_two.updates) {
    EXPECT_GT(each.subscription, subscription);
  }
  unsubscribe(first, 2);
  ASSERT_EQ(by_two.gone.size(), 1U) << "whoever stands for it on the way may go";
  EXPECT_EQ(by_two.gone.front().number, entity::listener_forgotten);
}

// Goal: sessions hear that their account's actor is gone, under the subscription that it served. Method: a new term.
TEST_F(account_entities, ListenersHearThatTheTermEnded) {
  const cluster::caller first = log_in(11);
  subscribe(first, two);
  const std::uint64_t subscription = tokens;
  EXPECT_EQ(by_two.replies.back().term, 1U);
  replica.lead(2);
  loop.run();
  ASSERT_EQ(by_two.gone.size(), 1U);
  EXPECT_EQ(by_two.gone.front().subscription, subscription);
  EXPECT_EQ(by_two.gone.front().number, 0);
  subscribe(first, two);
  EXPECT_EQ(by_two.replies.back().term, 2U);
}

// Goal: a shard that is away does not stop people whose own shard lives. Method: an account of which nothing is known
// cannot be reached, and is asked about.
TEST_F(account_entities, WhoCannotBeReachedIsWaitedForBriefly) {
  const cluster::caller first = log_in(11);
  const user_id other{first.user.value() + 1};
  router.unreachable_one = user_of(other.value());
  by_one.replies.clear();
  tl::fn::users_getUsers what;
  auto asked = tl::make<tl::inputUser>();
  asked->user_id = other.value();
  asked->access_hash = people::access_hash(options->people.access_hash_key, first.user, other);
  what.id.push_back(std::move(asked));
  begin_call(first, one, what);
  loop.advance(limits::card_patience_ms - 100);
  commit_all();
  EXPECT_TRUE(by_one.replies.empty());
  loop.advance(200);
  commit_all();
  ASSERT_EQ(by_one.replies.size(), 1U);
  ASSERT_EQ(by_one.replies.back().status, cluster::reply_status::ok);
  tl::reader in(by_one.replies.back().body);
  const auto users = tl::fn::users_getUsers::fetch_result(in, first.layer);
  ASSERT_EQ(users.size(), 1U);
  EXPECT_NE(tl::as<tl::userEmpty>(users.front().get()), nullptr);
}

// Goal: who was online is online after a change of leader, until a session says otherwise.
TEST_F(account_entities, WhoWasOnlineIsOnlineForTheNextLeader) {
  const cluster::caller first = log_in(11);
  subscribe(first, two);
  tl::fn::account_updateStatus status;
  begin_call(first, two, status);
  commit_all();
  const auto until = presence.find(first.user).online_until;
  ASSERT_GT(until, loop.date());
  replica.lead(2);
  loop.run();
  subscribe(first, two, 0, 1);
  cluster::caller other = first;
  other.session = session_id{99};
  subscribe(other, one, 3);
  unsubscribe(other, 3); // the account looks at who is there
  EXPECT_EQ(presence.find(first.user).online_until, until);
  status.offline = true;
  begin_call(first, two, status);
  commit_all();
  EXPECT_EQ(presence.find(first.user).online_until, 0);
}

// Goal: an account is kept while a session listens, and rests when the last one is gone. Method: the session dies.
TEST_F(account_entities, AnAccountRestsWhenNobodyListens) {
  const cluster::caller first = log_in(11);
  subscribe(first, two);
  const auto accounts = [&] { return counters.entities_of(entity_kind::user).value(); };
  loop.advance(3'600'000);
  EXPECT_EQ(accounts(), 1);
  caf::anon_send_exit(two, caf::exit_reason::kill);
  loop.advance(3'600'000);
  EXPECT_EQ(accounts(), 0);
}

// Goal: keys that nobody asks for any more go, too. Method: a day later another key of the shard is made, and with
// an id below theirs it passes by.
TEST_F(account_entities, KeysWhoseTimeIsOverGoWhenOthersAreMade) {
  for (std::uint64_t key = 21; key <= 24; ++key) {
    make_key(key);
  }
  const auto stored = [&](std::uint64_t key) {
    const auto table = persistence::table_id{static_cast<std::uint8_t>(records_table::auth_key)};
    persistence::slice value;
    return replica.state().find(persistence::row_key(table, cluster::entity_id{key}), value) ==
           persistence::shard_state::found::value;
  };
  loop.advance(86'400'000);
  EXPECT_TRUE(stored(21));
  make_key(20);
  commit_all();
  for (std::uint64_t key = 21; key <= 24; ++key) {
    EXPECT_FALSE(stored(key)) << key;
  }
  EXPECT_TRUE(stored(20));
}

// Goal: keys that an earlier version stored in the open, and that nobody asks for, do not stay so. Method: another
// key is made as above, when there is something to seal with.
TEST_F(account_entities, KeysInTheOpenAreSealedWhenOthersAreMade) {
  for (std::uint64_t key = 21; key <= 23; ++key) {
    make_key(key);
  }
  const auto row = [&](std::uint64_t key) {
    const auto table = persistence::table_id{static_cast<std::uint8_t>(records_table::auth_key)};
    persistence::slice value;
    persistence::records::AuthKey found;
    EXPECT_EQ(replica.state().find(persistence::row_key(table, cluster::entity_id{key}), value),
              persistence::shard_state::found::value);
    EXPECT_TRUE(found.ParseFromString(std::string(value.view())));
    return found;
  };
  EXPECT_FALSE(row(21).key().empty());
  auto sealing = std::make_shared<account_options>(*options);
  sealing->record_key.emplace().fill(3);
  options = sealing;
  loop.advance(3'600'000); // those in memory rest
  make_key(20);
  commit_all();
  for (std::uint64_t key = 20; key <= 23; ++key) {
    EXPECT_EQ(row(key).key(), "") << key;
    EXPECT_FALSE(row(key).sealed_key().empty()) << key;
    EXPECT_EQ(lookup(key).key(), std::string(256, 'k')) << key;
  }
}

} // namespace
} // namespace godwit::account::testing
