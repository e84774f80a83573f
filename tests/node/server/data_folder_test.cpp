#include "node/server/data_folder.hpp"

#include <fstream>
#include <iterator>
#include <string>

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/identity/secrets_file.hpp"
#include "node/server/folder_secrets.hpp"
#include "protocol/crypto/rsa.hpp"
#include "tests/node/server/godwit_process.hpp"

namespace godwit::node {
namespace {

using test::godwit;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class data_folder_test : public ::testing::Test {
protected:
  [[nodiscard]] std::filesystem::path data() const { return scratch_.path() / "data"; }

  static mode_t mode_of(const std::filesystem::path& file) {
    struct stat status {};
    EXPECT_EQ(::stat(file.c_str(), &status), 0) << file;
    return status.st_mode & 0777;
  }
  static std::string read(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  static node_credentials open(const std::filesystem::path& root) {
    const data_folder folder{root};
    auto opened = open_credentials(folder, folder.key(), wall_clock_now());
    EXPECT_TRUE(opened) << (opened ? "" : opened.error());
    return opened ? *opened : node_credentials();
  }

  /// What `serve` is refused with; the port is one that is never reached.
  [[nodiscard]] std::string refusal() const {
    const auto ended = godwit({"serve", "--data", data()});
    EXPECT_EQ(ended.status, 4) << ended.err;
    return ended.err;
  }

  test::scratch_folder scratch_;
};

// Goal: init makes what the interface promises: names, forms, modes; and prints the key's fingerprint.
TEST_F(data_folder_test, InitMakesKeysSettingsAndStorage) {
  const auto made = godwit({"init", "--data", data(), "--set", "listen.port=4440", "--set", "cluster.shards=4"});
  ASSERT_EQ(made.status, 0) << made.err;
  const data_folder folder{data()};
  EXPECT_EQ(mode_of(folder.root), 0700U);
  EXPECT_EQ(mode_of(folder.key()), 0600U);
  EXPECT_EQ(mode_of(folder.certificate()), 0600U);
  EXPECT_EQ(mode_of(folder.secrets()), 0600U);
  EXPECT_EQ(mode_of(folder.settings()), 0600U);
  EXPECT_EQ(mode_of(folder.public_key()), 0644U);
  EXPECT_FALSE(std::filesystem::exists(folder.unfinished()));

  const std::string pem = read(data() / "server_rsa.pub.pem");
  EXPECT_THAT(pem, StartsWith("-----BEGIN RSA PUBLIC KEY-----\n"));
  const auto key = crypto::rsa_public_key::from_pem(pem);
  ASSERT_TRUE(key);
  EXPECT_THAT(made.out, AllOf(HasSubstr(fingerprint_text(key->fingerprint())), HasSubstr("server_rsa.pub.pem")));
  const node_credentials who = open(data());
  EXPECT_EQ(crypto::rsa_private_key::from_pem(who.server_rsa_pem)->fingerprint(), key->fingerprint());
  EXPECT_TRUE(who.founder);
  EXPECT_EQ(who.shards, 4U);
  EXPECT_EQ(certificate_status(who, wall_clock_now()), std::nullopt);

  const std::string settings = read(folder.settings());
  EXPECT_THAT(settings, AllOf(HasSubstr("port = 4440"), HasSubstr("id = \"" + who.cluster_id + "\""),
                              HasSubstr("[peers]\naddress = \"127.0.0.1\"\nport = 4431")));
}

// Goal: two clusters share nothing.
TEST_F(data_folder_test, EachClusterHasItsOwnKeysAndId) {
  ASSERT_EQ(godwit({"init", "--data", data()}).status, 0);
  ASSERT_EQ(godwit({"init", "--data", scratch_.path() / "other"}).status, 0);
  const auto one = open(data());
  const auto two = open(scratch_.path() / "other");
  EXPECT_NE(one.cluster_id, two.cluster_id);
  EXPECT_NE(one.access_hash_key, two.access_hash_key);
  EXPECT_NE(one.salt_key, two.salt_key);
  EXPECT_NE(one.record_key, two.record_key);
  EXPECT_NE(one.access_hash_key, one.salt_key);
  EXPECT_NE(one.access_hash_key, one.record_key);
  EXPECT_NE(one.ca_pem, two.ca_pem);
  EXPECT_NE(read(data() / "server_rsa.pub.pem"), read(scratch_.path() / "other" / "server_rsa.pub.pem"));
}

// Goal: a cluster never goes over what is there, whatever it is; lost+found is the file system's.
TEST_F(data_folder_test, InitRefusesAFolderThatHoldsAnything) {
  std::filesystem::create_directories(data() / "lost+found");
  ASSERT_EQ(godwit({"init", "--data", data()}).status, 0);
  const std::string key = read(data() / "secrets.toml");
  const auto again = godwit({"init", "--data", data()});
  EXPECT_EQ(again.status, 4);
  EXPECT_THAT(again.err, AllOf(HasSubstr("is not empty"), HasSubstr("godwit serve")));
  EXPECT_EQ(read(data() / "secrets.toml"), key);

  const auto other = scratch_.path() / "other";
  std::filesystem::create_directory(other);
  std::ofstream(other / "letter") << "mine";
  EXPECT_EQ(godwit({"init", "--data", other}).status, 4);
  EXPECT_EQ(read(other / "letter"), "mine");
  EXPECT_EQ(godwit({"init", "--data", other / "letter"}).status, 4);
}

// Goal: the settings file can be elsewhere, and an existing one is kept.
TEST_F(data_folder_test, InitWritesTheSettingsWhereItIsTold) {
  const auto file = scratch_.path() / "godwit.toml";
  ASSERT_EQ(godwit({"init", "--data", data(), "--config", file}).status, 0);
  EXPECT_FALSE(std::filesystem::exists(data() / "godwit.toml"));
  EXPECT_THAT(read(file), HasSubstr("data = \"" + data().string() + "\""));
  const auto checked = godwit({"config", "check", "--config", file});
  EXPECT_EQ(checked.status, 0) << checked.err;
  const auto again = godwit({"init", "--data", scratch_.path() / "other", "--config", file});
  EXPECT_EQ(again.status, 1);
  EXPECT_FALSE(std::filesystem::exists(scratch_.path() / "other" / "secrets.toml"));
}

// Goal: an init that was interrupted is recognised by both commands, and init begins again. Method: the
// marker is what stands in the folder from the first moment to the last.
TEST_F(data_folder_test, AnInterruptedInitIsRecognisedAndRepeated) {
  ASSERT_EQ(godwit({"init", "--data", data()}).status, 0);
  const std::string key = read(data() / "server_rsa.pub.pem");
  std::ofstream(data() / "init.unfinished") << "";
  std::filesystem::remove(data() / "secrets.toml");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("half made"), HasSubstr("godwit init")));
  ASSERT_EQ(godwit({"init", "--data", data()}).status, 0);
  EXPECT_NE(read(data() / "server_rsa.pub.pem"), key);
  EXPECT_FALSE(open(data()).server_rsa_pem.empty());
  EXPECT_FALSE(std::filesystem::exists(data() / "init.unfinished"));
}

// Goal: an unmounted disk never becomes a new cluster, and nothing is written into what is refused.
TEST_F(data_folder_test, ServeRefusesAMissingAndAnEmptyFolder) {
  EXPECT_THAT(refusal(), AllOf(HasSubstr("does not exist"), HasSubstr("godwit init")));
  EXPECT_FALSE(std::filesystem::exists(data()));
  std::filesystem::create_directory(data());
  EXPECT_THAT(refusal(), AllOf(HasSubstr("is empty"), HasSubstr("mounted")));
  EXPECT_TRUE(std::filesystem::is_empty(data()));
  std::filesystem::create_directory(data() / "lost+found");
  EXPECT_THAT(refusal(), HasSubstr("is empty"));
  std::ofstream(data() / "letter") << "mine";
  EXPECT_THAT(refusal(), HasSubstr("has no secrets.toml"));
}

// Goal: a folder that lost a part, or belongs elsewhere, is named with what to do; no key in the message.
TEST_F(data_folder_test, ServeRefusesWhatIsDamagedOrForeign) {
  ASSERT_EQ(godwit({"init", "--data", data()}).status, 0);
  const auto foreign = godwit({"serve", "--data", data(), "--set", "cluster.id=" + std::string(32, '0')});
  EXPECT_EQ(foreign.status, 4);
  EXPECT_THAT(foreign.err, HasSubstr("belongs to cluster"));
  const auto other = godwit({"serve", "--data", data(), "--set", "node.id=2"});
  EXPECT_EQ(other.status, 4);
  EXPECT_THAT(other.err, HasSubstr("belongs to node 1"));

  for (const char* part : {"secrets.toml", "storage"}) {
    std::filesystem::rename(data() / part, scratch_.path() / "away");
    EXPECT_THAT(refusal(), HasSubstr(std::string("has no ") + part));
    std::filesystem::rename(scratch_.path() / "away", data() / part);
  }
  const std::string text = read(data() / "secrets.toml");
  std::ofstream(data() / "secrets.toml") << text.substr(0, text.size() / 2);
  EXPECT_THAT(refusal(), AllOf(HasSubstr("secrets.toml: is damaged"), HasSubstr("copy")));
}

} // namespace
} // namespace godwit::node
