#include "node/identity/certificates.hpp"

#include <gmock/gmock.h>

#include "tests/node/identity/identity_fixture.hpp"

namespace godwit::node::testing {
namespace {

using ::testing::HasSubstr;
using fault = certificate_fault;

/// What is wrong with it; a message without a remedy fails the test.
std::optional<fault> fault_of(const node_credentials& who, wall_seconds when = now) {
  const auto bad = certificate_status(who, when);
  if (!bad) {
    return std::nullopt;
  }
  EXPECT_EQ(bad->message.back(), '.');
  EXPECT_EQ(bad->message.find('\n'), std::string::npos);
  EXPECT_THAT(bad->message, ::testing::AnyOf(HasSubstr("emove"), HasSubstr("Set the clock"), HasSubstr("restart")));
  return bad->what;
}

// Goal: a certificate names its node and cluster, is good from a day before it was made, and for a year.
TEST(certificates, AreMadeForOneNodeAndAYear) {
  const auto who = credentials_of(3);
  const auto facts = read_certificate(who.certificate_pem);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->cluster_id, std::string(32, 'a'));
  EXPECT_EQ(facts->node_id, 3U);
  EXPECT_EQ(facts->not_before, now - day);
  EXPECT_EQ(facts->not_after - facts->not_before, certificate_seconds);
  EXPECT_EQ(fault_of(who), std::nullopt);
  EXPECT_FALSE(read_certificate(who.ca_pem)) << "an authority is no node";
  EXPECT_FALSE(read_certificate("nothing"));
}

// Goal: each thing that can be wrong is told apart from the others, with a remedy.
TEST(certificates, EachFaultHasItsOwnName) {
  const auto who = credentials_of(3);
  const auto spoiled = [&](auto change) {
    node_credentials copy = who;
    change(copy);
    return copy;
  };
  EXPECT_EQ(fault_of(spoiled([](auto& c) { c.certificate_pem = "-----BEGIN CERTIFICATE-----\n"; })), fault::unreadable);
  EXPECT_EQ(fault_of(spoiled([](auto& c) { c.certificate_pem = c.ca_pem; })), fault::unreadable);
  const auto other = credentials_of(3, 'b');
  EXPECT_EQ(fault_of(spoiled([&](auto& c) {
              c.certificate_pem = other.certificate_pem;
              c.key_pem = other.key_pem;
            })),
            fault::of_another_cluster);
  const auto second = credentials_beside(who, 4);
  EXPECT_EQ(fault_of(spoiled([&](auto& c) {
              c.certificate_pem = second.certificate_pem;
              c.key_pem = second.key_pem;
            })),
            fault::of_another_node);
  EXPECT_EQ(fault_of(spoiled([&](auto& c) { c.key_pem = second.key_pem; })), fault::of_another_key);
  EXPECT_EQ(fault_of(spoiled([](auto& c) { c.key_pem.clear(); })), fault::of_another_key);
  EXPECT_EQ(fault_of(who, now - day - 1), fault::not_yet_valid);
  EXPECT_EQ(fault_of(who, now - day), std::nullopt);
  EXPECT_EQ(fault_of(who, now - day + certificate_seconds), std::nullopt);
  EXPECT_EQ(fault_of(who, now - day + certificate_seconds + 1), fault::expired);
}

// Goal: the same cluster's name in a certificate of another authority makes nobody a member.
TEST(certificates, AnAuthorityThatCallsItselfTheSameIsAnother) {
  const auto who = credentials_of(3);
  auto forged = credentials_of(3);
  forged.ca_pem = who.ca_pem;
  EXPECT_EQ(fault_of(forged), fault::of_another_cluster);
}

// Goal: a node without its authority's key, or with another one's, is told so and makes no certificate.
TEST(certificates, AreMadeByTheAuthorityAlone) {
  auto who = credentials_of(3);
  who.ca_key_pem = credentials_of(3, 'b').ca_key_pem;
  const auto made = make_node_certificate(who, now);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error(), HasSubstr("Restore"));
}

// Goal: renewal at two thirds of the life, to the second.
TEST(certificates, AreRenewedAtTwoThirdsOfTheirLife) {
  const certificate_facts facts{.cluster_id = {}, .node_id = 1, .not_before = 1000, .not_after = 1000 + 3 * 500};
  EXPECT_FALSE(renewal_due(facts, 0));
  EXPECT_FALSE(renewal_due(facts, 1999));
  EXPECT_TRUE(renewal_due(facts, 2000));
  EXPECT_TRUE(renewal_due(facts, 100'000));
}

// Goal: the hash that names an authority is that of its certificate and of no other.
TEST(certificates, AnAuthorityIsNamedByItsHash) {
  const auto who = credentials_of(1);
  EXPECT_EQ(certificate_hash(who.ca_pem).size(), 64U);
  EXPECT_NE(certificate_hash(who.ca_pem), certificate_hash(credentials_of(1).ca_pem));
  EXPECT_EQ(certificate_hash("nothing"), "");
}

} // namespace
} // namespace godwit::node::testing
