// Who is let in: certificates that are right, and all the ways in which they are not.

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "node/peer/tls_setting.hpp"
#include "tests/node/peer/peer_fixture.hpp"

namespace godwit::node::test {
namespace {

class certificates : public peer_fixture {
protected:
  /// A dialled node ends with `dialler`, whatever it is; nobody is taken at the other end.
  void refused(test_node& from, test_node& to, const std::string& dialler, node_id expected = no_node) {
    const std::string why = refusal(from, to, expected);
    EXPECT_NE(why.find(dialler), std::string::npos) << why;
    EXPECT_EQ(to.taken_count(), 0U);
  }
};

/// A client of TLS without a certificate, which says what a node would: what it is answered.
std::string answer_to_stranger(std::uint16_t port, int version_max) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(context, version_max);
  BIO* const connection = BIO_new_ssl_connect(context);
  BIO_set_conn_hostname(connection, ("127.0.0.1:" + std::to_string(port)).c_str());
  std::string answer(8, '\0');
  int got = 0;
  if (BIO_do_connect(connection) == 1) {
    BIO_write(connection, "godwit\x01\x01", 8);
    got = BIO_read(connection, answer.data(), static_cast<int>(answer.size()));
  }
  answer.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  BIO_free_all(connection);
  SSL_CTX_free(context);
  ERR_clear_error();
  return answer;
}

constexpr const char* other_cluster = "ffeeddccbbaa99887766554433221100";

// Goal: a certificate of another cluster's CA is refused, whichever side shows it; each side is told what to do.
TEST_F(certificates, OfAnotherAuthorityAreRefused) {
  const test_authority other;
  test_node& one = node(1);
  test_node& foreign = node_with(other.issue(2));
  refused(one, foreign, "was not signed by this cluster's CA");
  refused(foreign, one, "was not signed by this cluster's CA");
  // A dialler that trusts both CAs and shows the foreign certificate hears it from the other side.
  peer_credentials both = other.issue(3);
  both.ca_pem += authority.ca_pem();
  refused(node_with(both), one, "does not accept this node's certificate: another cluster's CA signed it");
}

// Goal: an expired certificate is refused on both sides, with date and remedy; so is one that is not valid yet.
TEST_F(certificates, OutOfTheirTimeAreRefused) {
  test_node& one = node(1);
  test_node& expired = node_with(authority.issue({.node = 2, .valid_from_s = -3600, .valid_to_s = -60}));
  refused(one, expired, "the other node's certificate has expired on ");
  refused(expired, one, "does not accept this node's certificate: it has expired");
  test_node& early = node_with(authority.issue({.node = 3, .valid_from_s = 600}));
  refused(one, early, "is not valid before ");
  refused(early, one, "not valid yet. Compare the clocks");
}

// Goal: a good certificate of another node is refused where a certain one is expected, and taken elsewhere.
TEST_F(certificates, OfAnotherNodeThanExpectedAreRefused) {
  test_node& one = node(1);
  test_node& two = node(2);
  refused(one, two, "node 2 answers where node 3 was expected: correct the address", node_id{3});
  session& right = one.dial(two.port(), peer_stream::control, node_id{2});
  EXPECT_TRUE(eventually([&] { return right.is_open(); }));
}

// Goal: a certificate of the same CA that names another cluster, no node, or is for other purposes, is refused.
TEST_F(certificates, ThatNameNoNodeOfTheClusterAreRefused) {
  test_node& one = node(1);
  test_node& other = node_with(authority.issue({.cluster_id = other_cluster, .node = 2}));
  refused(one, other, "names another cluster than 00112233445566778899aabbccddeeff");
  refused(other, one, "names another cluster than ffeeddccbbaa99887766554433221100");
  test_node& web = node_with(authority.issue({.node = 4, .usage = "serverAuth"}));
  refused(web, one, "it is not made for nodes");
}

// Goal: whoever shows no certificate, or speaks an older TLS, gets no answer and is not taken.
TEST_F(certificates, StrangersWithoutOneAreRefused) {
  test_node& one = node(1);
  EXPECT_EQ(answer_to_stranger(one.port(), TLS1_3_VERSION), "");
  EXPECT_EQ(answer_to_stranger(one.port(), TLS1_2_VERSION), "");
  EXPECT_TRUE(eventually([&] { return one.network().probe().failed.value() == 2; }));
  EXPECT_EQ(one.taken_count(), 0U);
}

// Goal: what is wrong with a node's own certificates is told when they are loaded, before any connection.
TEST_F(certificates, OwnOnesThatAreWrongAreToldAtOnce) {
  const auto trouble = [](const peer_credentials& credentials) {
    const auto made = tls_setting::make(credentials);
    return made ? std::string("none") : made.error();
  };
  const peer_credentials good = authority.issue(1);
  EXPECT_EQ(trouble(good), "none");
  EXPECT_EQ((*tls_setting::make(good))->self(), node_id{1});
  peer_credentials bad = good;
  bad.ca_pem = "nothing";
  EXPECT_NE(trouble(bad).find("certificate authority cannot be read"), std::string::npos);
  bad = good;
  bad.certificate_pem.clear();
  EXPECT_NE(trouble(bad).find("node_certificate.pem holds no certificate"), std::string::npos);
  bad = good;
  bad.private_key_pem = "nothing";
  EXPECT_NE(trouble(bad).find("private key of the node's certificate cannot be read"), std::string::npos);
  bad.private_key_pem = authority.issue(1).private_key_pem;
  EXPECT_NE(trouble(bad).find("private key is not that of the node's certificate"), std::string::npos);
  bad = good;
  bad.ca_pem = test_authority().ca_pem();
  EXPECT_NE(trouble(bad).find("not signed by the cluster's CA"), std::string::npos);
  bad = good;
  bad.cluster_id = other_cluster;
  EXPECT_NE(trouble(bad).find("is of another cluster"), std::string::npos);
  EXPECT_NE(trouble(authority.issue({.names_node = false})).find("names no node"), std::string::npos);
  for (const std::string& text : {trouble(bad), trouble(authority.issue({.names_node = false}))}) {
    EXPECT_NE(text.find("node_certificate.pem"), std::string::npos);
  }
}

// Goal: a node without certificates and one with them do not come together, either way, and both are told why; the
// one without refuses to leave the loopback.
TEST_F(certificates, PlainAndTlsDoNotComeTogether) {
  test_node& one = node(1);
  test_node& plain = node_with(std::nullopt);
  refused(one, plain, "the other side is no node, has no certificates");
  refused(plain, one, "one that asks for certificates, and this one has none");
  const auto opened = asio_network::open(plain.loop(), {*config::parse_ip("0.0.0.0"), 0, std::nullopt});
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().find("is beyond the loopback, and this node has no certificates"), std::string::npos);
  session& far = plain.dial(4431, peer_stream::control, no_node, "192.0.2.1");
  EXPECT_TRUE(eventually([&] { return far.end().has_value(); }));
  EXPECT_NE(far.end().value_or("").find("nodes speak only on the loopback"), std::string::npos);
}

// Goal: renewed credentials hold for new connections, and those that are there go on; wrong ones change nothing.
// Method: a node whose certificate has expired gets a good one, and one of another node's number.
TEST_F(certificates, CanBeReplacedWhileConnectionsAreOpen) {
  test_node& one = node(1);
  test_node& two = node(2);
  session& before = link(one, two);
  EXPECT_FALSE(two.network().replace({}));
  ASSERT_TRUE(two.network().replace(authority.issue(22)));
  session& after = link(one, two);
  EXPECT_EQ(after.certified(), 22U);
  link(two, one);
  EXPECT_EQ(one.taken()->certified(), 22U);
  one.send(before, "still here");
  EXPECT_TRUE(eventually([&] { return two.taken()->frames_heard() == 1; }));
  test_node& late = node_with(authority.issue({.node = 3, .valid_to_s = -60}));
  EXPECT_NE(refusal(late, one).find("it has expired"), std::string::npos);
  ASSERT_TRUE(late.network().replace(authority.issue(3)));
  EXPECT_EQ(link(late, one).certified(), 1U);
}

} // namespace
} // namespace godwit::node::test
