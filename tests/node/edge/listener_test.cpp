// Who is let in.

#include <sys/resource.h>

#include <thread>

#include "tests/node/edge/edge_fixture.hpp"

namespace godwit::node::test {
namespace {

using mtproto::framing;
using mtproto::transport_kind;

class listening : public edge_fixture {
protected:
  /// A client that was served.
  std::unique_ptr<transport_client> served() {
    auto client = std::make_unique<transport_client>(port(), transport_kind{framing::intermediate, false});
    client->send(encrypted_packet(1));
    return client->receive().empty() ? nullptr : std::move(client);
  }
  [[nodiscard]] std::uint64_t rejected(reject_reason reason) const {
    return probe().rejected[static_cast<std::size_t>(reason)].value();
  }
};

// Goal: the bound in all holds, and a client that leaves makes room. That of one address does not hold for the
// loopback.
TEST_F(listening, ConnectionsAreBoundedInAll) {
  options.connections_max = 3;
  options.connections_per_address_max = 1;
  begin();
  std::vector<std::unique_ptr<transport_client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(served());
    ASSERT_TRUE(clients.back());
  }
  client_socket fourth(port());
  EXPECT_TRUE(fourth.ended());
  EXPECT_EQ(rejected(reject_reason::connections), 1U);
  EXPECT_EQ(rejected(reject_reason::address), 0U);
  clients.pop_back();
  ASSERT_TRUE(eventually([&] { return probe().open.value() == 2; }));
  EXPECT_TRUE(served());
}

// Goal: behind a proxy the client's address is counted, not the proxy's.
TEST_F(listening, BehindAProxyTheClientsAddressIsCounted) {
  options.connections_per_address_max = 1;
  options.proxy_sources = {*config::parse_network("127.0.0.1")};
  begin();
  const auto connect = [&](const char* source) {
    client_socket socket(port());
    socket.write(std::string("PROXY TCP4 ") + source + " 198.51.100.2 5 443\r\n\xEF\x0A");
    socket.write(encrypted_packet(1));
    return socket;
  };
  client_socket one = connect("192.0.2.1");
  EXPECT_FALSE(one.read_some().empty());
  client_socket two = connect("192.0.2.2");
  EXPECT_FALSE(two.read_some().empty());
  client_socket again = connect("192.0.2.1");
  EXPECT_TRUE(again.ended());
  EXPECT_EQ(closed(close_reason::address_limit), 1U);
  one.close();
  ASSERT_TRUE(eventually([&] { return probe().open.value() == 1; }));
  client_socket back = connect("192.0.2.1");
  EXPECT_FALSE(back.read_some().empty());
}

// Goal: a shortage of descriptors is survived without a busy loop: clients wait in the backlog and are served
// when there is room. Method: the process's limit lowered while a client connects; the accepts that failed in
// the meantime are few.
TEST_F(listening, AShortageOfDescriptorsIsWaitedOut) {
  begin();
  client_socket waiting;
  rlimit old{};
  ::getrlimit(RLIMIT_NOFILE, &old);
  {
    // One descriptor more, for the client's own socket.
    client_socket probe_of_number(port());
    rlimit low = old;
    low.rlim_cur = static_cast<rlim_t>(probe_of_number.fd()) + 1;
    ASSERT_TRUE(eventually([&] { return probe().open.value() == 1; }));
    probe_of_number.close();
    ASSERT_TRUE(eventually([&] { return probe().open.value() == 0; }));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    waiting = client_socket(port());
    ASSERT_TRUE(waiting.connected());
  }
  EXPECT_TRUE(eventually([&] { return probe().accept_failures.value() >= 2; }));
  EXPECT_LE(probe().accept_failures.value(), 4U);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
  bytes out = {0xEF, 0x0A};
  waiting.write(out);
  waiting.write(encrypted_packet(1));
  EXPECT_EQ(waiting.read_some().size(), 41U);
}

// Goal: connections are dealt out to the loops. Method: ten clients, two loops, who has how many.
TEST_F(listening, ConnectionsAreDealtOutToTheLoops) {
  begin(2);
  std::vector<std::unique_ptr<transport_client>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(served());
    ASSERT_TRUE(clients.back());
  }
  EXPECT_EQ(loops_[0]->probe().open.value(), 5);
  EXPECT_EQ(loops_[1]->probe().open.value(), 5);
}

// Goal: a port in use gives one clear line.
TEST_F(listening, APortInUseIsNamed) {
  begin();
  const auto second =
    listener::open(*config::parse_ip("127.0.0.1"), port(), 10, *loops_[0], {loops_[0].get()}, setting_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), "cannot listen on 127.0.0.1 port " + std::to_string(port()) + ": Address already in use");
}

// Goal: a stopped listener lets nobody in, and those inside are served on until the loop stops; then each
// listener hears of the end.
TEST_F(listening, StoppingEndsInOrder) {
  begin();
  const auto client = served();
  ASSERT_TRUE(client);
  const std::uint16_t old_port = port();
  listeners_.front().stop();
  EXPECT_FALSE(client_socket(old_port).connected());
  client->send(encrypted_packet(2));
  EXPECT_EQ(client->receive(), encrypted_packet(2));
  loops_.front()->stop();
  EXPECT_EQ(gateway.closed, 1);
  EXPECT_TRUE(client->socket.ended());
  EXPECT_EQ(closed(close_reason::stopping), 1U);
}

} // namespace
} // namespace godwit::node::test
