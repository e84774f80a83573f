#include "node/config/secrets_file.hpp"

#include <cstdlib>
#include <fstream>
#include <numeric>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace godwit::node {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class secrets_file : public ::testing::Test {
protected:
  secrets_file() {
    std::string name = (std::filesystem::temp_directory_path() / "godwit_secrets_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    secrets_.cluster_id = "00112233445566778899aabbccddeeff";
    secrets_.node_id = 3;
    std::iota(secrets_.access_hash_key.begin(), secrets_.access_hash_key.end(), std::uint8_t{0});
    std::iota(secrets_.salt_key.begin(), secrets_.salt_key.end(), std::uint8_t{100});
  }
  ~secrets_file() override { std::filesystem::remove_all(folder_); }

  expected<node_secrets, std::string> read(const std::string& text) {
    std::ofstream(folder_ / "secrets.toml", std::ios::binary) << text;
    return read_secrets(folder_ / "secrets.toml");
  }

  static std::string replaced(std::string text, const std::string& what, const std::string& by) {
    return text.replace(text.find(what), what.size(), by);
  }

  std::filesystem::path folder_;
  node_secrets secrets_;
};

// Goal: what was written is read, and stays readable: the text is the format of data folders out there.
TEST_F(secrets_file, WhatWasWrittenIsRead) {
  EXPECT_THAT(secrets_text(secrets_),
              HasSubstr("format = 1\ncluster_id = \"00112233445566778899aabbccddeeff\"\nnode_id = 3\n"
                        "access_hash_key = \"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\"\n"
                        "salt_key = \"6465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80818283\"\n"));
  const auto read_back = read(secrets_text(secrets_));
  ASSERT_TRUE(read_back) << read_back.error();
  EXPECT_EQ(read_back->cluster_id, secrets_.cluster_id);
  EXPECT_EQ(read_back->node_id, secrets_.node_id);
  EXPECT_EQ(read_back->access_hash_key, secrets_.access_hash_key);
  EXPECT_EQ(read_back->salt_key, secrets_.salt_key);
}

// Goal: a damaged file or a later format is refused by name, without a byte of what is in it.
TEST_F(secrets_file, DamageAndOtherFormatsAreRefusedWithoutQuotingTheFile) {
  const std::string good = secrets_text(secrets_);
  EXPECT_THAT(read(replaced(good, "format = 1", "format = 2")).error(), HasSubstr("has format 2"));
  for (const std::string& each : {std::string(), good.substr(0, good.size() - 20), replaced(good, "0405", "04zz"),
                                  replaced(good, "node_id = 3", "node_id = 0"), replaced(good, "salt_key", "sold_key"),
                                  replaced(good, "format = 1\n", "")}) {
    const auto answer = read(each);
    ASSERT_FALSE(answer) << each;
    EXPECT_THAT(answer.error(), AllOf(HasSubstr("secrets.toml"), HasSubstr("damaged"), Not(HasSubstr("0607"))));
  }
  EXPECT_THAT(read_secrets(folder_ / "none").error(), HasSubstr("No such file"));
}

} // namespace
} // namespace godwit::node
