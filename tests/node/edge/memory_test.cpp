// What an idle connection costs.

#include <malloc.h>
#include <sys/resource.h>

#include <cstdio>
#include <future>

#include "tests/node/edge/edge_fixture.hpp"

namespace godwit::node::test {
namespace {

using mtproto::framing;
using mtproto::transport_kind;

class memory : public edge_fixture {};

// Goal: connections idle at no buffer. Method: a thousand connections that exchanged a packet each; the heap
// before and after, and in between a large packet each, which must leave nothing behind.
TEST_F(memory, AnIdleConnectionHoldsNoBuffer) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  ASSERT_GE(files.rlim_cur, 2100U);

  constexpr std::size_t count = 1000;
  begin();
  std::printf("edge_connection: %zu bytes\n", sizeof(edge_connection));
  for (const transport_kind kind :
       {transport_kind{framing::abridged, false}, transport_kind{framing::intermediate, true}}) {
    std::vector<client_socket> clients;
    clients.reserve(count);
    std::vector<bytes> greetings(count);
    for (bytes& greeting : greetings) {
      mtproto::client_transport transport(kind, crypto::system_random(), wide);
      transport.append(greeting, encrypted_packet(4));
      transport.append(greeting, encrypted_packet(1000));
    }
    const std::size_t before = ::mallinfo2().uordblks;
    for (const bytes& greeting : greetings) {
      clients.emplace_back(port());
      ASSERT_TRUE(clients.back().connected());
      // In two pieces, so that a part of the large packet is kept for a while.
      ASSERT_TRUE(clients.back().write(std::span(greeting).first(greeting.size() - 5000)));
      ASSERT_TRUE(clients.back().write(std::span(greeting).last(5000)));
    }
    const int packets = static_cast<int>(2 * count);
    ASSERT_TRUE(eventually([&] { return gateway.packets % packets == 0 && gateway.packets > 0; }));
    ASSERT_TRUE(eventually([&] { return probe().open.value() == static_cast<std::int64_t>(count); }));
    const auto loop_idle = [&] {
      std::promise<void> idle;
      loops_.front()->post([&] { idle.set_value(); });
      idle.get_future().wait();
    };
    loop_idle();
    const std::size_t after = ::mallinfo2().uordblks;
    const double each = static_cast<double>(after - before) / count;
    std::printf("%s: %.0f bytes of heap per idle connection\n", std::string(mtproto::name_of(kind)).c_str(), each);
    EXPECT_LT(each, 2500);
    clients.clear();
    ASSERT_TRUE(eventually([&] { return probe().open.value() == 0; }));
  }
}

} // namespace
} // namespace godwit::node::test
