// Peers that are none, and peers that misbehave: raw sockets against a network.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

#include "node/peer/frame_reader.hpp"
#include "tests/node/peer/peer_fixture.hpp"

namespace godwit::node::test {
namespace {

/// A blocking socket of whoever it is.
class raw_socket {
public:
  explicit raw_socket(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  }
  raw_socket(raw_socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  raw_socket(const raw_socket&) = delete;
  raw_socket& operator=(const raw_socket&) = delete;
  raw_socket& operator=(raw_socket&&) = delete;
  ~raw_socket() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  void write(std::string_view bytes) const {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  /// Everything until the end; nothing: the end did not come.
  [[nodiscard]] std::optional<std::string> read_all() const {
    std::string all;
    for (;;) {
      pollfd waits{fd_, POLLIN, 0};
      if (::poll(&waits, 1, 10'000) != 1) {
        return std::nullopt;
      }
      char buffer[4096];
      const ssize_t got = ::recv(fd_, buffer, sizeof(buffer), 0);
      if (got <= 0) {
        return all;
      }
      all.append(buffer, static_cast<std::size_t>(got));
    }
  }
  [[nodiscard]] std::string read(std::size_t size) const {
    std::string all(size, '\0');
    const ssize_t got = ::recv(fd_, all.data(), size, MSG_WAITALL);
    all.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return all;
  }

private:
  int fd_;
};

/// The greeting of a dialler.
std::string greeting(peer_stream what) { return std::string("godwit\x01") + static_cast<char>(what); }

std::string header_of(std::size_t size) {
  std::string out;
  append_frame_header(out, size);
  return out;
}

class hostile_peers : public peer_fixture {};

// Goal: garbage, and protocols of others, end their connection at once, with and without TLS, and nobody is bothered.
TEST_F(hostile_peers, GarbageEndsItsConnectionAlone) {
  test_node& secure = node(1);
  test_node& plain = node_with(std::nullopt);
  std::mt19937 random(3);
  std::string noise(2000, '\0');
  std::generate(noise.begin(), noise.end(), [&] { return static_cast<char>(random()); });
  for (test_node* const to : {&secure, &plain}) {
    for (const std::string& garbage : {noise, std::string("GET / HTTP/1.1\r\n\r\n"), std::string(10, '\0')}) {
      const raw_socket stranger(to->port());
      stranger.write(garbage);
      EXPECT_TRUE(stranger.read_all());
    }
    EXPECT_EQ(to->taken_count(), 0U);
    EXPECT_EQ(to->network().probe().failed.value(), 3U);
  }
  link(secure, node(2));
}

// Goal: a peer in the midst of whose frames garbage stands is cut off, and its listener is told; what came before
// counts. Method: lengths beyond the bounds.
TEST_F(hostile_peers, ForbiddenLengthsEndTheLink) {
  test_node& one = node_with(std::nullopt);
  std::size_t number = 0;
  for (const std::size_t size : {std::size_t{0}, limits::peer_frame_bytes_max + 1, std::size_t{0xFFFFFFFF}}) {
    const raw_socket peer(one.port());
    peer.write(greeting(peer_stream::control) + header_of(3) + "abc" + header_of(size) + "garbage");
    session* const taken = one.taken(number++);
    ASSERT_NE(taken, nullptr);
    EXPECT_EQ(peer.read_all(), greeting(peer_stream{0}));
    EXPECT_EQ(taken->frames(), (std::vector<std::string>{"abc"}));
    ASSERT_TRUE(taken->end());
    EXPECT_NE(taken->end()->find("a frame of " + std::to_string(size) + " bytes"), std::string::npos);
  }
}

// Goal: a length alone costs no memory. Method: a hundred peers that announce the longest frame and send a byte of it.
TEST_F(hostile_peers, AnnouncedBytesCostNoMemory) {
  const auto resident_kb = [] {
    std::FILE* const file = std::fopen("/proc/self/statm", "r");
    long pages = 0;
    long resident = 0;
    EXPECT_EQ(std::fscanf(file, "%ld %ld", &pages, &resident), 2);
    std::fclose(file);
    return resident * (::sysconf(_SC_PAGESIZE) / 1024);
  };
  test_node& one = node_with(std::nullopt);
  const long before = resident_kb();
  std::vector<raw_socket> peers;
  for (std::size_t i = 0; i < 100; ++i) {
    peers.emplace_back(one.port());
    peers.back().write(greeting(peer_stream::control) + header_of(3) + "abc" + header_of(limits::peer_frame_bytes_max) +
                       "x");
    session* const taken = one.taken(i);
    ASSERT_NE(taken, nullptr);
    ASSERT_TRUE(eventually([&] { return taken->frames_heard() == 1; }));
  }
  EXPECT_LT(resident_kb() - before, 100 * 1024);
}

// Goal: a frame that comes a byte at a time arrives.
TEST_F(hostile_peers, AByteAtATimeArrives) {
  test_node& one = node_with(std::nullopt);
  const raw_socket peer(one.port());
  for (const char byte : greeting(peer_stream::bulk) + header_of(5) + "hello") {
    peer.write({&byte, 1});
  }
  session* const taken = one.taken();
  ASSERT_NE(taken, nullptr);
  EXPECT_TRUE(eventually([&] { return taken->frames() == std::vector<std::string>{"hello"}; }));
  EXPECT_EQ(one.taken_for(), peer_stream::bulk);
}

// Goal: a purpose of a later version is refused.
TEST_F(hostile_peers, AnUnknownPurposeIsRefused) {
  test_node& one = node_with(std::nullopt);
  const raw_socket peer(one.port());
  peer.write(greeting(peer_stream{9}));
  EXPECT_EQ(peer.read_all(), "");
  EXPECT_EQ(one.taken_count(), 0U);
}

// Goal: whoever says nothing is cut off in time, on both sides of a connection, with and without TLS. Method: silent
// dialers; a listener that takes connections and answers nothing.
TEST_F(hostile_peers, SilenceIsCutOff) {
  test_node& secure = node(1);
  test_node& plain = node_with(std::nullopt);
  const raw_socket to_secure(secure.port());
  const raw_socket to_plain(plain.port());
  const int silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(at);
  ASSERT_EQ(::bind(silent, reinterpret_cast<sockaddr*>(&at), size), 0);
  ASSERT_EQ(::listen(silent, 8), 0);
  ASSERT_EQ(::getsockname(silent, reinterpret_cast<sockaddr*>(&at), &size), 0);
  session& by_secure = secure.dial(ntohs(at.sin_port));
  session& by_plain = plain.dial(ntohs(at.sin_port));
  EXPECT_EQ(to_secure.read_all(), "");
  EXPECT_EQ(to_plain.read_all(), "");
  for (session* const dialled : {&by_secure, &by_plain}) {
    EXPECT_TRUE(eventually([&] { return dialled->end().has_value(); }));
    EXPECT_NE(dialled->end().value_or("").find("does not say who it is within 3000 ms"), std::string::npos);
  }
  ::close(silent);
}

// Goal: strangers who hold connections open do not keep a node out, and are bounded. Method: three times as many silent
// strangers as may be; then a node.
TEST_F(hostile_peers, ManyStrangersDoNotKeepANodeOut) {
  test_node& one = node(1);
  test_node& two = node(2);
  std::vector<raw_socket> strangers;
  for (std::size_t i = 0; i < 3 * limits::peers_unknown_max; ++i) {
    strangers.emplace_back(one.port());
  }
  EXPECT_TRUE(eventually([&] { return one.network().probe().accepted.value() == strangers.size(); }));
  EXPECT_EQ(one.network().probe().crowded.value(), 2 * limits::peers_unknown_max);
  EXPECT_LE(one.network().probe().open.value(), static_cast<std::int64_t>(limits::peers_unknown_max));
  EXPECT_EQ(strangers.front().read_all(), "");
  link(two, one);
}

// Goal: a reset is told as the end of the other process.
TEST_F(hostile_peers, AResetIsTold) {
  test_node& one = node_with(std::nullopt);
  session* taken = nullptr;
  {
    const raw_socket peer(one.port());
    peer.write(greeting(peer_stream::control));
    EXPECT_EQ(peer.read(8), greeting(peer_stream{0}));
    taken = one.taken();
    ASSERT_NE(taken, nullptr);
    one.send(*taken, "never read");
    one.on_loop([] {});
  }
  EXPECT_TRUE(eventually([&] { return taken->end().has_value(); }));
  EXPECT_EQ(taken->end().value_or(""), "reset by the other side: its process ended");
}

} // namespace
} // namespace godwit::node::test
