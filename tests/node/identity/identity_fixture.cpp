#include "tests/node/identity/identity_fixture.hpp"

#include <fstream>
#include <span>
#include <vector>

#include <unistd.h>

#include "node/identity/hex.hpp"

namespace godwit::node::testing {

node_credentials credentials_of(std::uint64_t node_id, char cluster) {
  node_credentials who;
  who.cluster_id = std::string(32, cluster);
  who.node_id = node_id;
  who.shards = 16;
  who.access_hash_key.fill(0x11);
  who.salt_key.fill(0x22);
  who.record_key.fill(0x33);
  who.server_rsa_pem = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n";
  const auto authority = make_authority(who.cluster_id, now);
  EXPECT_TRUE(authority);
  who.ca_pem = authority->certificate_pem;
  who.ca_key_pem = authority->key_pem;
  return credentials_beside(who, node_id);
}

node_credentials credentials_beside(const node_credentials& who, std::uint64_t node_id) {
  node_credentials out = who;
  out.node_id = node_id;
  const auto own = make_node_certificate(out, now);
  EXPECT_TRUE(own);
  out.certificate_pem = own->certificate_pem;
  out.key_pem = own->key_pem;
  return out;
}

identity_test::identity_test() {
  std::string name = (std::filesystem::temp_directory_path() / "godwit_identity_XXXXXX").string();
  EXPECT_NE(::mkdtemp(name.data()), nullptr);
  folder_ = name;
}

identity_test::~identity_test() { std::filesystem::remove_all(folder_); }

std::filesystem::path identity_test::write(const std::string& name, const std::string& text) const {
  const auto path = folder_ / name;
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << text;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return path;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

void expect_no_secret(const std::string& text, const node_credentials& of) {
  const auto body = [](const std::string& pem) { return pem.substr(pem.find('\n') + 1, 40); };
  std::vector<std::string> secrets = {"canary", body(of.ca_key_pem), body(of.key_pem)};
  for (const auto* key : {&of.access_hash_key, &of.salt_key, &of.record_key}) {
    secrets.push_back(to_hex(std::span(*key).first(8)));
    secrets.emplace_back(reinterpret_cast<const char*>(key->data()), 8);
  }
  for (const std::string& each : secrets) {
    EXPECT_EQ(text.find(each), std::string::npos) << each;
    EXPECT_EQ(text.find(to_hex(each)), std::string::npos) << each;
  }
}

} // namespace godwit::node::testing
