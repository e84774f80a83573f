#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "protocol/crypto/bytes.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "tests/node/server/file_bytes.hpp"
#include "tests/node/server/godwit_process.hpp"
#include "tests/support/wire/socket_client.hpp"

namespace godwit::node {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string set(const std::string& key, std::uint16_t port) { return key + "=" + std::to_string(port); }

// Goal: a copy of a data folder's files holds no client's key, log and rows included, and the node knows the key again
// when it starts anew. Method: a client makes a key with a running node; then the bytes of every file are searched.
TEST(stored_keys, AreInNoFileInTheOpen) {
  const test::scratch_folder scratch;
  const fs::path data = scratch.path() / "data";
  const std::uint16_t port = test::free_port();
  const std::uint16_t metrics = test::free_port();
  const auto made = test::godwit({"init", "--data", data, "--set", set("listen.port", port), "--set",
                                  set("metrics.port", metrics), "--set", set("peers.port", test::free_port())});
  ASSERT_EQ(made.status, 0) << made.err;
  const auto public_key = crypto::rsa_public_key::from_pem(read(data / "server_rsa.pub.pem"));
  ASSERT_TRUE(public_key);

  test::socket_client_options options;
  options.to = {.host = "127.0.0.1", .port = port};
  test::socket_client client(options);
  mtproto::client_handshake_options exchange;
  exchange.server_keys = {*public_key};
  std::optional<mtproto::new_auth_key> key;
  {
    test::running_node node({"serve", "--data", data});
    ASSERT_TRUE(test::wait_for_page(metrics, "/readyz")) << node.err();
    ASSERT_TRUE(client.connect());
    key = client.exchange(exchange);
    ASSERT_TRUE(key);
    node.signal(SIGTERM);
    EXPECT_EQ(node.wait(), 0);
  }
  const std::string bytes(crypto::as_text(key->key.bytes));
  ASSERT_EQ(bytes.size(), 256U);
  std::size_t files = 0;
  for (const auto& each : fs::recursive_directory_iterator(data)) {
    if (each.is_regular_file()) {
      const std::string content = test::bytes_on_disk(each.path());
      for (std::size_t at = 0; at < bytes.size(); at += 32) {
        EXPECT_EQ(content.find(bytes.substr(at, 32)), std::string::npos) << each.path() << " from byte " << at;
      }
      ++files;
    }
  }
  EXPECT_GT(files, 6U);

  test::running_node node({"serve", "--data", data});
  ASSERT_TRUE(test::wait_for_page(metrics, "/readyz")) << node.err();
  ASSERT_TRUE(client.connect());
  client.open(*key);
  const auto answer = client.call(tl::fn::help_getConfig(), true);
  EXPECT_FALSE(answer.is_error) << answer.error_text;
}

} // namespace
} // namespace godwit::node
