#include "node/server/folder_secrets.hpp"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/identity/hex.hpp"
#include "node/identity/key_file.hpp"
#include "node/identity/secrets_file.hpp"
#include "persistence/lmdb/storage.hpp"
#include "protocol/crypto/random.hpp"
#include "protocol/crypto/rsa.hpp"
#include "tests/node/server/file_bytes.hpp"
#include "tests/node/server/godwit_process.hpp"

namespace godwit::node {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr wall_seconds now = 1'790'000'000;
constexpr wall_seconds day = 86'400;

class folder_secrets : public ::testing::Test {
protected:
  folder_secrets() { fs::create_directory(folder_.root); }

  static std::string read(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  /// A folder as it is after init; making RSA keys takes long, so once.
  node_credentials make() {
    static const auto drawn = draw_credentials(1, 4, now);
    EXPECT_TRUE(drawn);
    EXPECT_TRUE(write_credentials(folder_, folder_.key(), *drawn));
    return *drawn;
  }

  expected<node_credentials, std::string> open(wall_seconds when = now) {
    return open_credentials(folder_, folder_.key(), when);
  }
  std::string refusal(wall_seconds when = now) {
    const auto opened = open(when);
    EXPECT_FALSE(opened);
    return opened ? std::string() : opened.error();
  }

  /// A folder of the version that kept secrets in the open.
  node_credentials make_open() {
    const node_credentials who = make();
    fs::remove(folder_.key());
    fs::remove(folder_.certificate());
    std::ofstream(folder_.secrets()) << "format = 1\ncluster_id = \"" << who.cluster_id
                                     << "\"\nnode_id = 1\naccess_hash_key = \"" << to_hex(who.access_hash_key)
                                     << "\"\nsalt_key = \"" << to_hex(who.salt_key) << "\"\n";
    std::ofstream(folder_.open_server_key()) << who.server_rsa_pem;
    const persistence::lmdb::storage_settings made{.node = persistence::node_id(1), .shard_count = 4};
    EXPECT_TRUE(persistence::lmdb::storage::create(folder_.storage(), made));
    return who;
  }

  /// Looks into every file of the folder but the key's.
  void expect_nothing_in_the_open(const node_credentials& of) const {
    const auto middle = [](const std::string& pem) { return pem.substr(pem.find('\n') + 1, 48); };
    std::vector<std::string> secrets = {middle(of.server_rsa_pem), middle(of.ca_key_pem), middle(of.key_pem)};
    for (const auto* key : {&of.access_hash_key, &of.salt_key, &of.record_key}) {
      secrets.emplace_back(reinterpret_cast<const char*>(key->data()), key->size());
      secrets.push_back(to_hex(*key));
    }
    for (const auto& each : fs::recursive_directory_iterator(folder_.root)) {
      if (!each.is_regular_file() || each.path() == folder_.key()) {
        continue;
      }
      const std::string bytes = test::bytes_on_disk(each.path());
      for (const std::string& secret : secrets) {
        EXPECT_EQ(bytes.find(secret), std::string::npos) << each.path();
        EXPECT_EQ(bytes.find(to_hex(secret)), std::string::npos) << each.path();
      }
    }
  }

  test::scratch_folder scratch_;
  data_folder folder_{scratch_.path() / "data"};
};

// Goal: what was written opens again, and nothing secret is in any file beside the key's.
TEST_F(folder_secrets, OpenAsTheyWereWritten) {
  const auto who = make();
  const auto opened = open();
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_EQ(opened->server_rsa_pem, who.server_rsa_pem);
  EXPECT_EQ(opened->record_key, who.record_key);
  EXPECT_EQ(opened->key_pem, who.key_pem);
  EXPECT_TRUE(opened->founder);
  expect_nothing_in_the_open(who);
}

// Goal: without its key, or with another one, the folder stays shut; the message names file and remedy.
TEST_F(folder_secrets, AWrongOrMissingKeyIsNamed) {
  make();
  const std::string kept = read(folder_.key());
  fs::remove(folder_.key());
  EXPECT_THAT(refusal(), AllOf(HasSubstr(folder_.key().string()), HasSubstr("node.key_file")));
  EXPECT_FALSE(fs::exists(folder_.key())) << "no new key over secrets that it does not open";
  std::ofstream(folder_.key()) << key_file_text(draw_folder_key(crypto::system_random()));
  fs::permissions(folder_.key(), fs::perms::owner_read);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("is encrypted under key"), HasSubstr("node.key_file")));
  fs::remove(folder_.key());
  std::ofstream(folder_.key()) << kept;
  fs::permissions(folder_.key(), fs::perms::owner_read);
  EXPECT_TRUE(open());
}

// Goal: a folder with its secrets in the open is sealed when it is opened; nothing is lost, nothing stays behind.
TEST_F(folder_secrets, OfAnEarlierVersionAreSealed) {
  const auto before = make_open();
  const auto opened = open();
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_EQ(opened->server_rsa_pem, before.server_rsa_pem);
  EXPECT_EQ(opened->access_hash_key, before.access_hash_key);
  EXPECT_EQ(opened->salt_key, before.salt_key);
  EXPECT_EQ(opened->shards, 4U) << "those of the storage";
  EXPECT_TRUE(opened->founder);
  EXPECT_EQ(certificate_status(*opened, now), std::nullopt);
  EXPECT_FALSE(fs::exists(folder_.open_server_key()));
  expect_nothing_in_the_open(*opened);
  const auto again = open();
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->record_key, opened->record_key);
  EXPECT_EQ(again->certificate_pem, opened->certificate_pem);
}

// Goal: sealing that stopped anywhere is done again or completed. Method: the files as they are after each step.
TEST_F(folder_secrets, SealingThatStoppedIsRepeated) {
  const auto before = make_open();
  const std::string secrets = read(folder_.secrets());
  std::ofstream(folder_.key()) << key_file_text(draw_folder_key(crypto::system_random()));
  fs::permissions(folder_.key(), fs::perms::owner_read);
  const std::string key = read(folder_.key());
  std::ofstream(folder_.certificate()) << "left by the first attempt";
  auto opened = open();
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_EQ(opened->server_rsa_pem, before.server_rsa_pem);
  EXPECT_EQ(read(folder_.key()), key) << "the key that was there is used";
  std::ofstream(folder_.open_server_key()) << before.server_rsa_pem;
  opened = open();
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_FALSE(fs::exists(folder_.open_server_key())) << "removed once it is sealed";
}

// Goal: an earlier folder that lost its server key, or has a broken one, is refused and stays as it is.
TEST_F(folder_secrets, OfAnEarlierVersionThatAreIncompleteAreRefused) {
  make_open();
  const std::string secrets = read(folder_.secrets());
  std::ofstream(folder_.open_server_key()) << "-----BEGIN PRIVATE KEY-----\nhalf";
  EXPECT_THAT(refusal(), AllOf(HasSubstr("server_rsa.pem"), HasSubstr("copy")));
  fs::remove(folder_.open_server_key());
  EXPECT_THAT(refusal(), AllOf(HasSubstr("server_rsa.pem"), HasSubstr("copy")));
  EXPECT_EQ(read(folder_.secrets()), secrets);
}

// Goal: a certificate is made anew when it is missing, due or over, and stays otherwise.
TEST_F(folder_secrets, TheCertificateIsRenewedWhenItIsTime) {
  const auto who = make();
  const wall_seconds due = now - backdated_seconds + certificate_seconds / 3 * 2;
  EXPECT_EQ(open(due - 1)->certificate_pem, who.certificate_pem);
  const auto renewed = open(due);
  ASSERT_TRUE(renewed) << renewed.error();
  EXPECT_NE(renewed->certificate_pem, who.certificate_pem);
  EXPECT_NE(renewed->key_pem, who.key_pem);
  EXPECT_EQ(read_certificate(renewed->certificate_pem)->not_before, due - backdated_seconds);
  EXPECT_EQ(open(due)->certificate_pem, renewed->certificate_pem) << "kept on the disk";
  const auto later = open(due + 2 * certificate_seconds);
  ASSERT_TRUE(later) << later.error();
  EXPECT_EQ(certificate_status(*later, due + 2 * certificate_seconds), std::nullopt);
  fs::remove(folder_.certificate());
  EXPECT_TRUE(open());
  EXPECT_TRUE(fs::exists(folder_.certificate()));
}

// Goal: the same while a node runs, by its own clock.
TEST_F(folder_secrets, ARunningNodeRenewsItsCertificate) {
  auto who = make();
  const std::string first = who.certificate_pem;
  const wall_seconds due = now - backdated_seconds + certificate_seconds / 3 * 2;
  auto done = renew_certificate(folder_, {}, who, due - 1);
  ASSERT_TRUE(done) << done.error();
  EXPECT_FALSE(*done);
  EXPECT_EQ(who.certificate_pem, first);
  done = renew_certificate(folder_, {}, who, due);
  ASSERT_TRUE(done) << done.error();
  EXPECT_TRUE(*done);
  EXPECT_NE(who.certificate_pem, first);
  EXPECT_EQ(certificate_status(who, due + certificate_seconds / 2), std::nullopt);
  EXPECT_EQ(open(due)->certificate_pem, who.certificate_pem);
  fs::remove(folder_.key());
  done = renew_certificate(folder_, {}, who, due + certificate_seconds);
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error(), HasSubstr("node.key"));
}

// Goal: another's certificate is refused with what to do.
TEST_F(folder_secrets, AForeignCertificateIsRefused) {
  auto who = make();
  const auto key = read_key_file(folder_.key());
  ASSERT_TRUE(key);
  const auto put = [&](node_credentials other) {
    const auto made = make_node_certificate(other, now);
    ASSERT_TRUE(made);
    other.certificate_pem = made->certificate_pem;
    other.key_pem = made->key_pem;
    std::ofstream(folder_.certificate()) << certificate_text(other, *key, crypto::system_random());
  };
  auto second = who;
  second.node_id = 2;
  put(second);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("node_certificate.pem"), HasSubstr("of node 2"), HasSubstr("Remove")));
  auto foreign = who;
  foreign.cluster_id = std::string(32, 'f');
  const auto authority = make_authority(foreign.cluster_id, now);
  foreign.ca_pem = authority->certificate_pem;
  foreign.ca_key_pem = authority->key_pem;
  put(foreign);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("of cluster " + foreign.cluster_id), HasSubstr("Remove")));
  put(who);
  EXPECT_TRUE(open());
}

// Goal: a certificate that was made while the clock was ahead is made anew once it is right. Before the authority
// itself is good there is no making one: that is a clock that is wrong now.
TEST_F(folder_secrets, ACertificateFromTheFutureIsMadeAnew) {
  auto who = make();
  const auto key = read_key_file(folder_.key());
  ASSERT_TRUE(key);
  const auto ahead = make_node_certificate(who, now + 30 * day);
  ASSERT_TRUE(ahead);
  who.certificate_pem = ahead->certificate_pem;
  who.key_pem = ahead->key_pem;
  std::ofstream(folder_.certificate()) << certificate_text(who, *key, crypto::system_random());
  EXPECT_THAT(refusal(now - 2 * day), AllOf(HasSubstr("authority is good from"), HasSubstr("Set the clock")));
  const auto opened = open();
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_NE(opened->certificate_pem, ahead->certificate_pem);
  EXPECT_EQ(certificate_status(*opened, now), std::nullopt);
  EXPECT_EQ(open()->certificate_pem, opened->certificate_pem) << "kept on the disk";
}

} // namespace
} // namespace godwit::node
