#pragma once

#include <memory>

#include <gtest/gtest.h>

#include "tests/e2e/wire/replayed_client.hpp"

namespace godwit::test {

/// One node for all clients, as in life.
class client_replay : public ::testing::Test {
protected:
  static void TearDownTestSuite();
  static wire_node& node();

  /// What a client that is not logged in must hear, in just these words.
  static void expect_nobody(replayed_client& client);
  /// A constructor of no schema is a 400, never silence, 401 or 5xx.
  static void expect_unknown_is_invalid(replayed_client& client);
  static void log_out(replayed_client& client);

private:
  static std::unique_ptr<wire_node> node_;
};

} // namespace godwit::test
