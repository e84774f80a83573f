#include "node/identity/secrets_file.hpp"

#include <numeric>

#include <gmock/gmock.h>

#include "node/identity/hex.hpp"
#include "tests/node/identity/identity_fixture.hpp"

namespace godwit::node::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class secrets : public identity_test {
protected:
  expected<node_credentials, std::string> open(const std::string& text, const folder_key& key) {
    const auto file = write("secrets.toml", text);
    const auto read = read_secrets(file);
    if (!read) {
      return unexpected(read.error());
    }
    return unseal_secrets(*read, key, file, folder_ / "node.key");
  }

  node_credentials who_ = credentials_of(3);
};

// Goal: what was sealed opens under the same key, whole, and nothing of it stands in the file.
TEST_F(secrets, OpenUnderTheirKeyAndShowNothing) {
  who_.founder = false;
  const std::string text = secrets_text(who_, key_, random_);
  expect_no_secret(text, who_);
  EXPECT_THAT(text, AllOf(HasSubstr("cluster_id = \"" + who_.cluster_id + "\""), HasSubstr("node_id = 3")));
  const auto opened = open(text, key_);
  ASSERT_TRUE(opened) << opened.error();
  EXPECT_EQ(opened->cluster_id, who_.cluster_id);
  EXPECT_EQ(opened->node_id, 3U);
  EXPECT_EQ(opened->shards, 16U);
  EXPECT_FALSE(opened->founder);
  EXPECT_EQ(opened->access_hash_key, who_.access_hash_key);
  EXPECT_EQ(opened->salt_key, who_.salt_key);
  EXPECT_EQ(opened->record_key, who_.record_key);
  EXPECT_EQ(opened->server_rsa_pem, who_.server_rsa_pem);
  EXPECT_EQ(opened->ca_pem, who_.ca_pem);
  EXPECT_EQ(opened->ca_key_pem, who_.ca_key_pem);
  EXPECT_NE(secrets_text(who_, key_, random_), text) << "each time under another nonce";
}

// Goal: a wrong key is told from a damaged file, and names both files.
TEST_F(secrets, AWrongKeyIsToldFromADamagedFile) {
  const std::string text = secrets_text(who_, key_, random_);
  const auto other = draw_folder_key(random_);
  EXPECT_THAT(open(text, other).error(),
              AllOf(HasSubstr("secrets.toml"), HasSubstr("node.key"), HasSubstr(other.name()), HasSubstr(key_.name()),
                    HasSubstr("node.key_file"), Not(HasSubstr(to_hex(other.bytes)))));
  const auto sealed = text.find("\nsealed = \"") + 60;
  std::string changed = text;
  changed[sealed] = changed[sealed] == '0' ? '1' : '0';
  const std::vector<std::string> damaged = {
    changed,
    replaced(text, "node_id = 3", "node_id = 4"),
    replaced(text, "founder = true", "founder = false"),
    replaced(text, "shards = 16", "shards = 32"),
    replaced(text, who_.cluster_id, std::string(32, 'c')),
    replaced(text, "shards = 16", ""),
    replaced(text, "\nsealed = \"", "\nsealed = \"zz"),
    replaced(text, "node_id = 3", "node_id = 0"),
    text.substr(0, text.size() / 2),
    "",
  };
  for (const std::string& each : damaged) {
    const auto opened = open(each, key_);
    ASSERT_FALSE(opened) << each;
    EXPECT_THAT(opened.error(), AllOf(HasSubstr("secrets.toml"), HasSubstr("damaged"), HasSubstr("copy")));
  }
  EXPECT_THAT(open(replaced(text, "format = 2", "format = 3"), key_).error(), HasSubstr("formats 1 and 2"));
  EXPECT_THAT(read_secrets(folder_ / "none").error(), HasSubstr("No such file"));
}

// Goal: the file of an earlier version is read, so that it can be sealed; its damage is refused without quoting it.
TEST_F(secrets, AnEarlierFormatIsRead) {
  const std::string open_text = "format = 1\ncluster_id = \"" + who_.cluster_id +
                                "\"\nnode_id = 3\naccess_hash_key = \"" + to_hex(who_.access_hash_key) +
                                "\"\nsalt_key = \"" + to_hex(who_.salt_key) + "\"\n";
  const auto read = read_secrets(write("secrets.toml", open_text));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->format, 1);
  EXPECT_EQ(read->open.access_hash_key, who_.access_hash_key);
  EXPECT_EQ(read->open.salt_key, who_.salt_key);
  EXPECT_TRUE(read->open.founder);
  const auto damaged = read_secrets(write("secrets.toml", replaced(open_text, "salt_key", "sold_key")));
  ASSERT_FALSE(damaged);
  EXPECT_THAT(damaged.error(), AllOf(HasSubstr("damaged"), Not(HasSubstr("1111"))));
}

// Goal: the certificate's file shows the certificate alone; its private key opens here and nowhere else.
TEST_F(secrets, ThePrivateKeyOfACertificateIsSealedBesideIt) {
  const std::string text = certificate_text(who_, key_, random_);
  expect_no_secret(text, who_);
  node_credentials opened = who_;
  opened.certificate_pem.clear();
  opened.key_pem.clear();
  EXPECT_TRUE(read_certificate_text(text, key_, opened));
  EXPECT_EQ(opened.key_pem, who_.key_pem);
  EXPECT_EQ(certificate_status(opened, now), std::nullopt);
  auto second = credentials_beside(who_, 4);
  EXPECT_FALSE(read_certificate_text(text, key_, second));
  EXPECT_EQ(certificate_status(second, now)->what, certificate_fault::of_another_node);
  EXPECT_FALSE(read_certificate_text(text, draw_folder_key(random_), opened));
  EXPECT_FALSE(read_certificate_text(who_.certificate_pem, key_, opened));
  EXPECT_FALSE(read_certificate_text("", key_, opened));
}

class key_file : public identity_test {};

// Goal: a key that was written is read; one made by other tools too.
TEST_F(key_file, IsOneLineOfHexadecimalDigits) {
  const auto read = read_key_file(write("node.key", key_file_text(key_)));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->bytes, key_.bytes);
  EXPECT_EQ(read->name(), key_.name());
  EXPECT_NE(draw_folder_key(random_).name(), key_.name());
  EXPECT_TRUE(read_key_file(write("bare.key", to_hex(key_.bytes))));
}

// Goal: a key file that is missing, open to everyone, or no key is refused with the remedy, and not quoted.
TEST_F(key_file, IsRefusedWithTheRemedy) {
  EXPECT_THAT(read_key_file(folder_ / "none").error(),
              AllOf(HasSubstr("none"), HasSubstr("No such file"), HasSubstr("node.key_file")));
  const auto file = write("node.key", key_file_text(key_));
  std::filesystem::permissions(file, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  EXPECT_THAT(read_key_file(file).error(), HasSubstr("chmod 600 " + file.string()));
  const std::string digits = to_hex(key_.bytes);
  for (const std::string& each :
       {std::string(), digits.substr(1), digits + "00", digits + "\n" + digits, "x" + digits.substr(1)}) {
    const auto read = read_key_file(write("node.key", each));
    ASSERT_FALSE(read) << each;
    EXPECT_THAT(read.error(), AllOf(HasSubstr("holds no key"), Not(HasSubstr(digits.substr(8, 8)))));
  }
}

// Goal: the example of docs/formats.md.
TEST_F(key_file, IsNamedAsTheFormatSays) {
  folder_key key;
  std::iota(key.bytes.begin(), key.bytes.end(), std::uint8_t{0});
  EXPECT_EQ(key.name(), "3bba0cd5d0a4d100");
}

// Goal: a seal holds for one purpose.
TEST_F(key_file, SealsForOnePurpose) {
  const auto sealed = seal_text(key_, "one", "letter", random_);
  EXPECT_EQ(unseal_text(key_, "one", sealed), "letter");
  EXPECT_EQ(unseal_text(key_, "two", sealed), std::nullopt);
  EXPECT_EQ(unseal_text(key_, "one", sealed.substr(2)), std::nullopt);
  EXPECT_EQ(unseal_text(key_, "one", ""), std::nullopt);
  EXPECT_EQ(unseal_text(key_, "one", sealed + "0"), std::nullopt);
}

} // namespace
} // namespace godwit::node::testing
