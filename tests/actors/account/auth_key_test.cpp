#include <gtest/gtest.h>

#include "actors/account/auth_key_logic.hpp"
#include "config/limits.hpp"
#include "persistence/records/account.pb.h"
#include "tests/actors/account/account_client.hpp"

namespace godwit::account::testing {
namespace {

constexpr std::uint64_t permanent = 5;
constexpr std::uint64_t temporary = 6;
constexpr std::int32_t day = 86'400;

class auth_key : public ::testing::Test {
protected:
  rpc_result<std::string> send(std::uint64_t key, const command::KeyCommand& what) {
    return world.command(key_of(key), what.SerializeAsString());
  }
  rpc_result<std::string> create(std::uint64_t key, char fill = 'k', std::int32_t expires_in = 0) {
    command::KeyCommand what;
    what.mutable_create()->set_key(std::string(256, fill));
    what.mutable_create()->set_temporary(expires_in != 0);
    what.mutable_create()->set_expires_in(expires_in);
    what.mutable_create()->set_server_salt(99);
    return send(key, what);
  }
  command::KeyFound lookup(std::uint64_t key) {
    command::KeyCommand what;
    what.mutable_lookup();
    return parse<command::KeyFound>(send(key, what).value());
  }
  rpc_result<std::string> bind(std::uint64_t temp, std::uint64_t to, std::int32_t for_seconds) {
    command::KeyCommand what;
    what.mutable_bind_temp()->set_permanent_key(to);
    what.mutable_bind_temp()->set_expires_at(world.now + for_seconds);
    return send(temp, what);
  }
  rpc_result<std::string> user(bool binds, std::int64_t whom, std::int64_t authorization) {
    command::KeyCommand what;
    if (binds) {
      what.mutable_bind_user()->set_user(whom);
      what.mutable_bind_user()->set_authorization(authorization);
    } else {
      what.mutable_unbind_user()->set_user(whom);
      what.mutable_unbind_user()->set_authorization(authorization);
    }
    return send(permanent, what);
  }

  logic_world world;
};

TEST_F(auth_key, ThatIsNotThereIsAnsweredWithAuthority) { EXPECT_FALSE(lookup(permanent).found()); }

TEST_F(auth_key, IsThereAfterARestart) {
  ASSERT_TRUE(create(permanent).has_value());
  world.restart();
  const auto found = lookup(permanent);
  EXPECT_TRUE(found.found());
  EXPECT_EQ(found.key(), std::string(256, 'k'));
  EXPECT_FALSE(found.temporary());
  EXPECT_EQ(found.server_salt(), 99U);
}

// MTProto, "Creating an Authorization Key": a key whose id is taken by another is made anew (dh_gen_retry).
TEST_F(auth_key, WhoseIdIsTakenIsToldApartFromARepeat) {
  EXPECT_FALSE(parse<command::KeyCreated>(create(permanent, 'k').value()).id_taken());
  EXPECT_FALSE(parse<command::KeyCreated>(create(permanent, 'k').value()).id_taken());
  EXPECT_TRUE(parse<command::KeyCreated>(create(permanent, 'x').value()).id_taken());
  EXPECT_EQ(lookup(permanent).key(), std::string(256, 'k'));
}

TEST_F(auth_key, ThatNobodyLogsInWithEndsAfterADay) {
  ASSERT_TRUE(create(permanent).has_value());
  world.now += day - 1;
  EXPECT_TRUE(lookup(permanent).found());
  world.now += 1;
  EXPECT_FALSE(lookup(permanent).found());
  EXPECT_TRUE(world.rows(key_of(permanent)).empty());
}

TEST_F(auth_key, OfALoginStaysAndAfterItForAMonth) {
  ASSERT_TRUE(create(permanent).has_value());
  ASSERT_TRUE(user(true, 1, 2).has_value());
  world.now += 1000 * day;
  EXPECT_EQ(lookup(permanent).authorization(), 2);
  ASSERT_TRUE(user(false, 1, 2).has_value());
  EXPECT_EQ(lookup(permanent).authorization(), 0);
  world.now += 30 * day - 1;
  EXPECT_TRUE(lookup(permanent).found()) << "a device that was thrown out hears 401, not that its key is unknown";
  world.now += 1;
  EXPECT_FALSE(lookup(permanent).found());
}

// Goal: a late word about an old login does not end a new one.
TEST_F(auth_key, IsUnboundOnlyFromTheLoginThatIsNamed) {
  ASSERT_TRUE(create(permanent).has_value());
  ASSERT_TRUE(user(true, 1, 3).has_value());
  ASSERT_TRUE(user(false, 1, 2).has_value());
  ASSERT_TRUE(user(false, 2, 3).has_value());
  EXPECT_EQ(lookup(permanent).authorization(), 3);
}

TEST_F(auth_key, ThatIsTemporaryStandsForOnePermanentKeyUntilItsTime) {
  ASSERT_TRUE(create(permanent).has_value());
  ASSERT_TRUE(create(temporary, 't', day).has_value());
  EXPECT_EQ(error_of(bind(permanent, permanent, day)), rpc_errc::temp_auth_key_empty);
  EXPECT_EQ(error_of(bind(temporary, permanent, 0)), rpc_errc::expires_at_invalid);
  ASSERT_TRUE(bind(temporary, permanent, 2 * day).has_value());
  EXPECT_EQ(lookup(temporary).permanent_key(), permanent);
  EXPECT_EQ(lookup(temporary).expires_at(), world.now + day) << "not beyond what the handshake agreed on";
  EXPECT_TRUE(bind(temporary, permanent, day).has_value());
  EXPECT_EQ(error_of(bind(temporary, permanent + 9, day)), rpc_errc::temp_auth_key_already_bound);
  world.now += day;
  EXPECT_FALSE(lookup(temporary).found());
}

// https://core.telegram.org/api/pfs; TDLib has a temporary key for each of its sessions, all bound to one permanent
// key at once.
TEST_F(auth_key, HasSeveralTemporaryKeysAtOnceAndABoundOnThem) {
  ASSERT_TRUE(create(permanent).has_value());
  command::KeyCommand add;
  for (std::uint64_t temp = 100; temp < 100 + 2 * limits::temporary_keys_per_key_max; ++temp) {
    add.mutable_add_temp()->set_temporary_key(temp);
    add.mutable_add_temp()->set_expires_at(world.now + day);
    ASSERT_TRUE(send(permanent, add).has_value());
  }
  persistence::records::AuthKey row;
  ASSERT_TRUE(row.ParseFromString(world.rows(key_of(permanent)).begin()->second));
  EXPECT_EQ(static_cast<std::size_t>(row.temporary_key_size()), limits::temporary_keys_per_key_max);
}

TEST_F(auth_key, ThatIsDestroyedTakesItsTemporaryKeysAlong) {
  ASSERT_TRUE(create(permanent).has_value());
  ASSERT_TRUE(create(temporary, 't', day).has_value());
  ASSERT_TRUE(bind(temporary, permanent, day).has_value());
  command::KeyCommand what;
  what.mutable_add_temp()->set_temporary_key(temporary);
  what.mutable_add_temp()->set_expires_at(world.now + day);
  ASSERT_TRUE(send(permanent, what).has_value());
  what.mutable_destroy();
  EXPECT_TRUE(parse<command::KeyDestroyed>(send(permanent, what).value()).existed());
  world.run();
  EXPECT_FALSE(lookup(permanent).found());
  EXPECT_FALSE(lookup(temporary).found());
  EXPECT_FALSE(parse<command::KeyDestroyed>(send(permanent, what).value()).existed());
}

TEST_F(auth_key, ThatIsBoundToAnAccountIsNotDestroyed) {
  ASSERT_TRUE(create(permanent).has_value());
  ASSERT_TRUE(user(true, 1, 2).has_value());
  command::KeyCommand what;
  what.mutable_destroy();
  const auto destroyed = parse<command::KeyDestroyed>(send(permanent, what).value());
  EXPECT_EQ(destroyed.user(), 1);
  EXPECT_EQ(destroyed.authorization(), 2);
  EXPECT_TRUE(lookup(permanent).found());
}

TEST_F(auth_key, RemembersWhatItsClientIs) {
  ASSERT_TRUE(create(permanent).has_value());
  command::KeyCommand what;
  what.mutable_note_layer()->set_layer(198);
  what.mutable_note_layer()->mutable_device()->set_device_model("Test");
  ASSERT_TRUE(send(permanent, what).has_value());
  const int commits = world.commits();
  ASSERT_TRUE(send(permanent, what).has_value());
  EXPECT_EQ(world.commits(), commits) << "nothing new";
  world.restart();
  EXPECT_EQ(lookup(permanent).layer(), 198);
  EXPECT_EQ(lookup(permanent).device().device_model(), "Test");
}

TEST_F(auth_key, OfAWrongSizeIsRefused) {
  command::KeyCommand what;
  what.mutable_create()->set_key("short");
  EXPECT_EQ(error_of(send(permanent, what)), rpc_errc::method_invalid);
}

/// The one row of a key, as it is stored.
std::string stored(logic_world& world, std::uint64_t key) { return world.rows(key_of(key)).begin()->second; }

// Goal: in its row a key is sealed; it is there after a restart, under the same record key alone, and in its own row
// alone.
TEST_F(auth_key, IsSealedInItsRow) {
  world.options.record_key.emplace().fill(3);
  world.restart();
  ASSERT_TRUE(create(permanent).has_value());
  ASSERT_TRUE(create(temporary).has_value());
  EXPECT_EQ(stored(world, permanent).find(std::string(8, 'k')), std::string::npos);
  persistence::records::AuthKey row;
  ASSERT_TRUE(row.ParseFromString(stored(world, permanent)));
  EXPECT_EQ(row.key(), "");
  EXPECT_EQ(row.sealed_key().size(), 256 + crypto::sealed_extra_bytes);
  ASSERT_TRUE(user(true, 1, 2).has_value());
  world.restart();
  EXPECT_EQ(lookup(permanent).key(), std::string(256, 'k'));
  EXPECT_EQ(lookup(permanent).user(), 1);
  EXPECT_TRUE(parse<command::KeyCreated>(create(permanent, 'x').value()).id_taken());
  EXPECT_FALSE(parse<command::KeyCreated>(create(permanent, 'k').value()).id_taken());

  const auto loads = [&](std::uint64_t into, std::uint64_t from) {
    return auth_key_logic(cluster::entity_id{into}, world.options).load(records_table::auth_key, {}, stored(world, from));
  };
  EXPECT_TRUE(loads(permanent, permanent));
  EXPECT_FALSE(loads(permanent, temporary));
  world.options.record_key->fill(4);
  EXPECT_FALSE(loads(permanent, permanent));
  world.options.record_key.reset();
  EXPECT_FALSE(loads(permanent, permanent));
}

// Goal: a row of an earlier version, with the key in the open, is read, and sealed by the first command that comes to
// it, one that only asks among them.
TEST_F(auth_key, InAnEarlierRowIsSealedByTheFirstCommand) {
  ASSERT_TRUE(create(permanent).has_value());
  EXPECT_NE(stored(world, permanent).find(std::string(8, 'k')), std::string::npos);
  world.options.record_key.emplace().fill(3);
  world.restart();
  EXPECT_EQ(lookup(permanent).key(), std::string(256, 'k'));
  EXPECT_EQ(stored(world, permanent).find(std::string(8, 'k')), std::string::npos);
  const int commits = world.commits();
  EXPECT_EQ(lookup(permanent).key(), std::string(256, 'k'));
  EXPECT_EQ(world.commits(), commits) << "once";
  ASSERT_TRUE(user(true, 1, 2).has_value());
  world.restart();
  EXPECT_EQ(lookup(permanent).key(), std::string(256, 'k'));
  EXPECT_EQ(lookup(permanent).authorization(), 2);
}

} // namespace
} // namespace godwit::account::testing
