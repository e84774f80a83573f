#include "node/identity/bundle.hpp"

#include <gmock/gmock.h>

#include "node/identity/hex.hpp"
#include "tests/node/identity/identity_fixture.hpp"

namespace godwit::node::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class bundles : public identity_test {
protected:
  bundles() {
    what_.credentials = credentials_of(2);
    what_.credentials.founder = false;
    what_.cluster_name = "a \"quoted\" name";
    what_.seeds = {"127.0.0.1:4431", "[::1]:4431"};
    what_.sets = {"auth.registration=closed"};
    what_.expires_at = now + bundle_seconds;
  }

  bundle what_;
};

// Goal: everything that a node needs arrives.
TEST_F(bundles, WhatWasPackedIsUnpacked) {
  for (const char* passphrase : {"", "correct horse battery"}) {
    const std::string text = bundle_text(what_, passphrase, random_);
    const auto read = read_bundle(text, passphrase, now);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(read->credentials.cluster_id, what_.credentials.cluster_id);
    EXPECT_EQ(read->credentials.node_id, 2U);
    EXPECT_EQ(read->credentials.shards, 16U);
    EXPECT_FALSE(read->credentials.founder);
    EXPECT_EQ(read->credentials.record_key, what_.credentials.record_key);
    EXPECT_EQ(read->credentials.server_rsa_pem, what_.credentials.server_rsa_pem);
    EXPECT_EQ(read->credentials.certificate_pem, what_.credentials.certificate_pem);
    EXPECT_EQ(read->credentials.key_pem, what_.credentials.key_pem);
    EXPECT_EQ(read->credentials.ca_key_pem, what_.credentials.ca_key_pem);
    EXPECT_EQ(read->cluster_name, what_.cluster_name);
    EXPECT_EQ(read->seeds, what_.seeds);
    EXPECT_EQ(read->sets, what_.sets);
    const auto label = read_bundle_label(text);
    ASSERT_TRUE(label);
    EXPECT_EQ(label->node_id, 2U);
    EXPECT_EQ(label->expires_at, what_.expires_at);
    EXPECT_EQ(label->passphrase, *passphrase != '\0');
    EXPECT_EQ(text.find("WHOEVER HAS THIS FILE") != std::string::npos, *passphrase == '\0');
    expect_no_secret(text, what_.credentials);
  }
}

// Goal: each refusal says what is wrong and what to do.
TEST_F(bundles, EachRefusalHasARemedy) {
  const std::string text = bundle_text(what_, "correct horse battery", random_);
  const auto refusal = [&](const std::string& of, const std::string& passphrase = "correct horse battery",
                           wall_seconds when = now) {
    const auto read = read_bundle(of, passphrase, when);
    EXPECT_FALSE(read);
    return read ? std::string() : read.error();
  };
  EXPECT_THAT(refusal(text, "wrong horse battery!"), HasSubstr("passphrase"));
  EXPECT_THAT(refusal(text, "correct horse battery", what_.expires_at + 1),
              AllOf(HasSubstr("could be used until " + date_text(what_.expires_at)), HasSubstr("godwit invite")));
  EXPECT_TRUE(read_bundle(text, "correct horse battery", what_.expires_at));
  EXPECT_THAT(refusal(text, "correct horse battery", now - 2 * day), HasSubstr("Set the clock"));
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"node_id = 2", "node_id = 3"},
                                                        {"expires_at = 1", "expires_at = 2"},
                                                        {"passphrase = true", "passphrase = false"},
                                                        {what_.credentials.cluster_id, std::string(32, 'b')}}) {
    EXPECT_THAT(refusal(replaced(text, from, to)), HasSubstr("does not open")) << from;
  }
  for (const std::string& each : {std::string(), std::string("letter"), text.substr(0, text.size() / 2),
                                  replaced(text, "godwit_bundle = 1", "godwit_bundle = 2")}) {
    EXPECT_THAT(refusal(each), AllOf(HasSubstr("no bundle"), HasSubstr("godwit invite")));
    EXPECT_FALSE(read_bundle_label(each));
  }
}

// Goal: the certificate in a bundle is checked before anything is made of it.
TEST_F(bundles, ACertificateThatIsNotThisNodesIsRefused) {
  const auto other = credentials_beside(what_.credentials, 5);
  what_.credentials.certificate_pem = other.certificate_pem;
  what_.credentials.key_pem = other.key_pem;
  const auto read = read_bundle(bundle_text(what_, "", random_), "", now);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error(), HasSubstr("node 5"));
}

// Goal: a drawn passphrase is long, readable, and another one each time.
TEST_F(bundles, APassphraseIsDrawn) {
  const auto one = draw_passphrase(random_);
  EXPECT_EQ(one.size(), 31U);
  EXPECT_GE(one.size(), passphrase_bytes_min);
  EXPECT_EQ(one.find_first_not_of("abcdefghijkmnpqrstuvwxyz23456789-"), std::string::npos);
  EXPECT_NE(draw_passphrase(random_), one);
}

} // namespace
} // namespace godwit::node::testing
