#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/wire/wire_node.hpp"
#include "tests/e2e/wire/witness.hpp"

namespace godwit::test {

/// One node that is maltreated, and a witness beside. After each case: the witness felt nothing, the node runs,
/// its memory is bounded, its log has not grown with what was done to it and tells no secret.
class bad_input : public ::testing::Test {
protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;

  static wire_node& node();
  /// Counts what was done, for the bound on the log.
  void did(std::size_t bad_events) { events_ += bad_events; }

  /// A client with a session of a new key; it says help.getConfig.
  static std::unique_ptr<socket_client> stranger(mtproto::transport_kind transport = {mtproto::framing::intermediate,
                                                                                      false});
  /// One that is signed in, besides.
  static std::unique_ptr<socket_client> member(std::uint64_t number);

  /// The same bytes in every run.
  std::string noise(std::size_t size);
  std::uint64_t dice(std::uint64_t below) { return random_() % below; }

  /// How long the node may wait for a first packet, as it was told.
  static constexpr int first_packet_seconds = 2;

private:
  static std::unique_ptr<wire_node> node_;
  static std::unique_ptr<witness> witness_;
  static std::size_t calm_bytes_;

  std::mt19937_64 random_{20'260'301};
  std::size_t events_ = 0;
  std::size_t log_before_ = 0;
  int rounds_before_ = 0;
};

/// Every framing, plain and obfuscated.
std::vector<mtproto::transport_kind> all_transports();

} // namespace godwit::test
