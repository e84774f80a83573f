#pragma once

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "node/identity/certificates.hpp"
#include "node/identity/key_file.hpp"
#include "node/identity/node_credentials.hpp"
#include "tests/protocol/crypto/seeded_random.hpp"

namespace godwit::node::testing {

/// A moment in the year 2026.
inline constexpr wall_seconds now = 1'790'000'000;
inline constexpr wall_seconds day = 86'400;

/// Credentials of one node of a cluster, with a real authority. Texts that stand for the server's key are easily found.
node_credentials credentials_of(std::uint64_t node_id, char cluster = 'a');
/// The same cluster's of another node.
node_credentials credentials_beside(const node_credentials& who, std::uint64_t node_id);

/// A temporary folder, and what sealing needs.
class identity_test : public ::testing::Test {
protected:
  identity_test();
  ~identity_test() override;

  [[nodiscard]] std::filesystem::path write(const std::string& name, const std::string& text) const;

  std::filesystem::path folder_;
  test::seeded_random random_{test::seed_or(7)};
  folder_key key_ = draw_folder_key(random_);
};

/// `text` with its first `from` replaced; the test fails when there is none.
std::string replaced(std::string text, const std::string& from, const std::string& to);

/// Every way in which a secret could stand in a text.
void expect_no_secret(const std::string& text, const node_credentials& of);

} // namespace godwit::node::testing
