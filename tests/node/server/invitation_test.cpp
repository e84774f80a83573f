#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "node/identity/bundle.hpp"
#include "node/server/data_folder.hpp"
#include "node/server/folder_secrets.hpp"
#include "node/server/invitation.hpp"
#include "node/server/next_node.hpp"
#include "tests/node/server/godwit_process.hpp"

namespace godwit::node {
namespace {

namespace fs = std::filesystem;
using test::godwit;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// The program, as operators of several machines use it.
class invitation_test : public ::testing::Test {
protected:
  void SetUp() override {
    const auto made =
      godwit({"init", "--data", first(), "--set", "cluster.shards=4", "--set", "cluster.name=owls", "--set",
              "auth.registration=invitation", "--set", "auth.invited=+4915112345678,+4915112345679"});
    ASSERT_EQ(made.status, 0) << made.err;
  }

  [[nodiscard]] fs::path first() const { return scratch_.path() / "first"; }
  [[nodiscard]] fs::path second() const { return scratch_.path() / "second"; }
  [[nodiscard]] fs::path bundle_file(int number = 2) const {
    return scratch_.path() / (std::to_string(number) + ".bundle");
  }

  [[nodiscard]] test::outcome invite(const fs::path& to, std::vector<std::string> more = {}) const {
    std::vector<std::string> all = {"invite", "--data", first()};
    all.insert(all.end(), more.begin(), more.end());
    all.push_back(to);
    return godwit(all);
  }
  [[nodiscard]] test::outcome join(const fs::path& from, std::vector<std::string> more = {}) const {
    std::vector<std::string> all = {"init", "--data", second(), "--bundle", from};
    all.insert(all.end(), more.begin(), more.end());
    return godwit(all);
  }

  static std::string read(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static node_credentials open(const fs::path& root) {
    const data_folder folder{root};
    auto opened = open_credentials(folder, folder.key(), wall_clock_now());
    EXPECT_TRUE(opened) << (opened ? "" : opened.error());
    return opened ? *opened : node_credentials();
  }

  test::scratch_folder scratch_;
};

// Goal: from init over invite to a further node's folder, which opens, and has the cluster's secrets and settings but
// keys and a number of its own.
TEST_F(invitation_test, AFurtherNodeHasWhatTheClusterHas) {
  const auto made = invite(bundle_file(), {"--address", "127.0.0.2", "--json"});
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_EQ(nlohmann::json::parse(made.out)["node_id"], 2);
  struct stat status {};
  ASSERT_EQ(::stat(bundle_file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  const auto joined = join(bundle_file(), {"--set", "listen.port=4440"});
  ASSERT_EQ(joined.status, 0) << joined.err;

  const auto one = open(first());
  const auto two = open(second());
  EXPECT_TRUE(one.founder);
  EXPECT_FALSE(two.founder);
  EXPECT_EQ(two.node_id, 2U);
  EXPECT_EQ(two.shards, 4U);
  EXPECT_EQ(two.cluster_id, one.cluster_id);
  EXPECT_EQ(two.server_rsa_pem, one.server_rsa_pem);
  EXPECT_EQ(two.access_hash_key, one.access_hash_key);
  EXPECT_EQ(two.salt_key, one.salt_key);
  EXPECT_EQ(two.record_key, one.record_key);
  EXPECT_EQ(two.ca_pem, one.ca_pem);
  EXPECT_NE(two.key_pem, one.key_pem);
  EXPECT_EQ(certificate_status(two, wall_clock_now()), std::nullopt);
  EXPECT_NE(read(first() / "node.key"), read(second() / "node.key"));
  EXPECT_EQ(read(first() / "server_rsa.pub.pem"), read(second() / "server_rsa.pub.pem"));
  EXPECT_THAT(read(second() / "godwit.toml"),
              AllOf(HasSubstr("id = 2"), HasSubstr("shards = 4"), HasSubstr("name = \"owls\""),
                    HasSubstr("address = \"127.0.0.2\""), HasSubstr("seeds = [\"127.0.0.1:4431\"]"),
                    HasSubstr("registration = \"invitation\""), HasSubstr("port = 4440"),
                    HasSubstr("invited = [\"+4915112345678\", \"+4915112345679\"]")));
}

// Goal: every node can invite; without one that runs, a joined one needs to be told the number.
TEST_F(invitation_test, NumbersAreNeverGivenTwice) {
  ASSERT_EQ(invite(bundle_file(2)).status, 0);
  ASSERT_EQ(invite(bundle_file(3), {"--json"}).status, 0);
  EXPECT_EQ(read_bundle_label(read(bundle_file(3)))->node_id, 3U);
  for (const char* taken : {"1", "2", "3"}) {
    const auto again = invite(scratch_.path() / "again", {"--node", taken});
    EXPECT_EQ(again.status, 2);
    EXPECT_THAT(again.err, AllOf(HasSubstr("cannot be given"), HasSubstr("below 4")));
  }
  ASSERT_EQ(invite(bundle_file(7), {"--node", "7"}).status, 0);
  ASSERT_EQ(invite(bundle_file(8)).status, 0);
  EXPECT_EQ(read_bundle_label(read(bundle_file(8)))->node_id, 8U);

  ASSERT_EQ(join(bundle_file(2)).status, 0);
  const auto unsure = godwit({"invite", "--data", second(), scratch_.path() / "nine"});
  EXPECT_EQ(unsure.status, 6);
  EXPECT_THAT(unsure.err, AllOf(HasSubstr("does not run"), HasSubstr("--node")));
  EXPECT_EQ(godwit({"invite", "--data", second(), "--node", "9", scratch_.path() / "nine"}).status, 0);
  const auto alone = invite(scratch_.path() / "ten", {"--replace", "2"});
  EXPECT_EQ(alone.status, 6);
  EXPECT_THAT(alone.err, HasSubstr("which node is replaced"));
  EXPECT_FALSE(fs::exists(scratch_.path() / "ten"));
  std::ofstream(first() / "next_node") << "many";
  const auto damaged = invite(scratch_.path() / "ten");
  EXPECT_EQ(damaged.status, 4);
  EXPECT_THAT(damaged.err, HasSubstr("next_node is damaged"));
}

// Goal: a bundle under a passphrase opens with it alone; the passphrase is drawn, or given, and not printed.
TEST_F(invitation_test, APassphraseSealsTheBundle) {
  const fs::path pass = scratch_.path() / "pass";
  const auto made = invite(bundle_file(), {"--passphrase-file", pass});
  ASSERT_EQ(made.status, 0) << made.err;
  const std::string drawn = read(pass);
  EXPECT_EQ(drawn.size(), 32U);
  EXPECT_THAT(made.out, AllOf(Not(HasSubstr(drawn.substr(0, 10))), HasSubstr("by different ways")));
  struct stat status {};
  ASSERT_EQ(::stat(pass.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);

  const auto without = join(bundle_file());
  EXPECT_EQ(without.status, 2);
  EXPECT_THAT(without.err, HasSubstr("--passphrase-file"));
  std::ofstream(scratch_.path() / "wrong") << "aaaaa-bbbbb-ccccc-ddddd\n";
  const auto wrong = join(bundle_file(), {"--passphrase-file", scratch_.path() / "wrong"});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr("does not open"));
  EXPECT_FALSE(fs::exists(second())) << "nothing is made of a bundle that does not open";
  EXPECT_EQ(join(bundle_file(), {"--passphrase-file", pass}).status, 0);

  std::ofstream(scratch_.path() / "short") << "owl\n";
  const auto weak = invite(bundle_file(3), {"--passphrase-file", scratch_.path() / "short"});
  EXPECT_EQ(weak.status, 1);
  EXPECT_THAT(weak.err, AllOf(HasSubstr("16 characters"), Not(HasSubstr("owl\n"))));
  EXPECT_FALSE(fs::exists(bundle_file(3)));
}

// Goal: what invite refuses, with cause and remedy, and without spending a number.
TEST_F(invitation_test, InviteRefusesWhatCannotWork) {
  const auto refused = [&](int status, const std::vector<std::string>& options) {
    const auto ended = invite(bundle_file(), options);
    EXPECT_EQ(ended.status, status) << ended.err;
    EXPECT_FALSE(fs::exists(bundle_file()));
    return ended.err;
  };
  EXPECT_THAT(refused(2, {"--address", "owl.example.org"}), HasSubstr("IP address"));
  EXPECT_THAT(refused(2, {"--address", "0.0.0.0"}), HasSubstr("IP address"));
  EXPECT_THAT(refused(2, {"--seed", "127.0.0.1"}), HasSubstr("192.0.2.1:4431"));
  EXPECT_THAT(refused(3, {"--address", "192.0.2.2"}), AllOf(HasSubstr("peers.address"), HasSubstr("invite again")));
  refused(2, {"--node", "5000"});
  EXPECT_EQ(godwit({"invite", "--data", first()}).status, 2);
  EXPECT_EQ(invite(scratch_.path() / "no" / "such" / "folder").status, 1);
  std::ofstream(bundle_file()) << "mine";
  const auto there = invite(bundle_file());
  EXPECT_EQ(there.status, 1);
  EXPECT_THAT(there.err, HasSubstr("exists"));
  EXPECT_EQ(read(bundle_file()), "mine");
  ASSERT_EQ(invite(bundle_file(2).string() + "2", {"--address", "192.0.2.2", "--seed", "192.0.2.1:4431"}).status, 0);
  EXPECT_EQ(read_bundle_label(read(bundle_file(2).string() + "2"))->node_id, 2U);
  EXPECT_EQ(godwit({"invite", "--data", scratch_.path() / "none", bundle_file(4)}).status, 4);
}

// Goal: numbers are given by the cluster while its node runs, whichever folder asks. Method: the counter of the folder
// is set back between two invitations, as that of another node would stand.
TEST_F(invitation_test, ARunningNodeGivesNumbersThatNobodyElseHas) {
  const std::uint16_t metrics = test::free_port();
  test::running_node node({"serve", "--data", first(), "--set", "metrics.port=" + std::to_string(metrics), "--set",
                           "listen.port=" + std::to_string(test::free_port()), "--set",
                           "peers.port=" + std::to_string(test::free_port())});
  ASSERT_TRUE(test::wait_for_page(metrics, "/readyz")) << node.err();
  const auto given = [&](int number, std::vector<std::string> more = {}) {
    const auto made = invite(bundle_file(number), std::move(more));
    EXPECT_EQ(made.status, 0) << made.err;
    fs::remove(first() / "next_node");
    return read_bundle_label(read(bundle_file(number)))->node_id;
  };
  EXPECT_EQ(given(2), 2U);
  EXPECT_EQ(given(3), 3U);
  EXPECT_EQ(given(6, {"--node", "6"}), 6U);
  EXPECT_EQ(given(7), 7U);
  const auto again = invite(bundle_file(5), {"--node", "5"});
  EXPECT_EQ(again.status, 2);
  EXPECT_THAT(again.err, HasSubstr("cannot be given"));
}

/// Takes connections to the socket of a folder and ends them without a word, as a node that ends does.
class silent_socket {
public:
  explicit silent_socket(const fs::path& at) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    at.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(socket_, 8), 0);
    taking_ = std::thread([this] {
      for (int one = ::accept(socket_, nullptr, nullptr); one >= 0; one = ::accept(socket_, nullptr, nullptr)) {
        std::array<char, 256> word{};
        EXPECT_GT(::recv(one, word.data(), word.size(), 0), 0);
        ::close(one);
      }
    });
  }
  ~silent_socket() {
    ::shutdown(socket_, SHUT_RDWR);
    taking_.join();
    ::close(socket_);
  }
  silent_socket(const silent_socket&) = delete;
  silent_socket& operator=(const silent_socket&) = delete;

private:
  int socket_;
  std::thread taking_;
};

// Goal: a node that does not answer is told from one that does not run: what was asked may be done.
TEST_F(invitation_test, AnAnswerThatIsLostIsNoNodeThatDoesNotRun) {
  const silent_socket node(first() / "control.sock");
  const auto unsure = invite(bundle_file(), {"--replace", "2"});
  EXPECT_EQ(unsure.status, 1);
  EXPECT_THAT(unsure.err, AllOf(HasSubstr("is not known"), HasSubstr("replaced_by"), Not(HasSubstr("does not run"))));
  EXPECT_FALSE(fs::exists(bundle_file()));
}

// Goal: an invitation that fails marks no node; one that does not is seen, and so is that another one took its place.
// Method: two nodes, of which the second one ends; the file is there, its folder is not, the passphrase is too short.
TEST_F(invitation_test, AnInvitationThatFailsReplacesNobody) {
  const std::uint16_t metrics = test::free_port();
  const std::uint16_t peers = test::free_port();
  test::running_node node({"serve", "--data", first(), "--set", "metrics.port=" + std::to_string(metrics), "--set",
                           "listen.port=" + std::to_string(test::free_port()), "--set",
                           "peers.port=" + std::to_string(peers)});
  ASSERT_TRUE(test::wait_for_page(metrics, "/readyz")) << node.err();
  ASSERT_EQ(invite(bundle_file(2)).status, 0);
  ASSERT_EQ(join(bundle_file(2), {"--set", "peers.seeds=127.0.0.1:" + std::to_string(peers)}).status, 0);
  const auto nodes = [&] {
    return nlohmann::json::parse(godwit({"ctl", "--data", first(), "--json", "nodes"}).out, nullptr, false);
  };
  const auto wait_for = [&](const std::function<bool(const nlohmann::json&)>& what) {
    for (int i = 0; i < 300; ++i) {
      if (const auto list = nodes(); list.is_array() && what(list)) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  };
  {
    const std::uint16_t own = test::free_port();
    test::running_node other({"serve", "--data", second(), "--set", "metrics.port=" + std::to_string(own), "--set",
                              "listen.port=" + std::to_string(test::free_port()), "--set",
                              "peers.port=" + std::to_string(test::free_port())});
    ASSERT_TRUE(wait_for([](const auto& list) { return list.size() == 2 && list[1]["up"] == true; })) << other.err();
    EXPECT_THAT(invite(bundle_file(3), {"--replace", "2"}).err, HasSubstr("node 2 is up"));
  }
  ASSERT_TRUE(wait_for([](const auto& list) { return list[1]["up"] == false; }));
  std::ofstream(scratch_.path() / "short") << "owl\n";
  EXPECT_EQ(invite(bundle_file(2), {"--replace", "2"}).status, 1) << "the file is there";
  EXPECT_EQ(invite(scratch_.path() / "no" / "folder", {"--replace", "2"}).status, 1);
  EXPECT_EQ(invite(bundle_file(3), {"--replace", "2", "--passphrase-file", scratch_.path() / "short"}).status, 1);
  EXPECT_EQ(invite(bundle_file(3), {"--replace", "2", "--address", "192.0.2.2"}).status, 3);
  const auto made = invite(bundle_file(3), {"--replace", "2"});
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(made.out, Not(HasSubstr("was to take that place"))) << "one of those before has marked it";
  EXPECT_TRUE(wait_for([](const auto& list) { return list[1]["replaced_by"] == 3; })) << nodes();
  EXPECT_EQ(invite(bundle_file(9), {"--replace", "2", "--node", "3"}).status, 2) << "given already";
  const auto again = invite(bundle_file(9), {"--replace", "2", "--node", "9"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("Node 3 was to take that place before"));
  EXPECT_TRUE(wait_for([](const auto& list) { return list[1]["replaced_by"] == 9; })) << nodes();
}

// Goal: what init refuses of a bundle; the folder is not made.
TEST_F(invitation_test, InitRefusesABundleThatDoesNotFit) {
  ASSERT_EQ(invite(bundle_file()).status, 0);
  for (const char* set : {"node.id=3", "cluster.shards=8", "cluster.id=00000000000000000000000000000000"}) {
    const auto ended = join(bundle_file(), {"--set", set});
    EXPECT_EQ(ended.status, 4) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("come from the bundle"));
    EXPECT_FALSE(fs::exists(second() / "secrets.toml"));
  }
  std::ofstream(scratch_.path() / "letter") << "no bundle";
  EXPECT_THAT(join(scratch_.path() / "letter").err, HasSubstr("is no bundle"));
  EXPECT_THAT(join(scratch_.path() / "none").err, HasSubstr("No such file"));
  EXPECT_EQ(join(bundle_file()).status, 0) << "what was refused half-way is taken up again";
  const auto again = join(bundle_file());
  EXPECT_EQ(again.status, 4);
  EXPECT_THAT(again.err, HasSubstr("is not empty"));
}

// Goal: one line of a unit makes the folder when there is none, and runs it afterwards, without the bundle.
TEST_F(invitation_test, ServeMakesTheFolderOfABundle) {
  ASSERT_EQ(invite(bundle_file()).status, 0);
  const std::uint16_t metrics = test::free_port();
  std::vector<std::string> command = {"serve", "--data", second(), "--bundle", bundle_file()};
  for (const auto& [key, port] : std::vector<std::pair<std::string, std::uint16_t>>{
         {"metrics.port", metrics}, {"listen.port", test::free_port()}, {"peers.port", test::free_port()}}) {
    command.insert(command.end(), {"--set", key + "=" + std::to_string(port)});
  }
  for (const bool bundle_is_there : {true, false}) {
    if (!bundle_is_there) {
      fs::remove(bundle_file());
    }
    test::running_node node(command);
    EXPECT_TRUE(test::wait_for_page(metrics, "/healthz")) << node.err();
    EXPECT_FALSE(fs::exists(second() / "init.unfinished"));
    node.signal(SIGTERM);
    EXPECT_EQ(node.wait(), 0) << node.err();
  }
  EXPECT_EQ(open(second()).node_id, 2U);
  EXPECT_EQ(godwit({"serve", "--data", scratch_.path() / "third", "--bundle", bundle_file()}).status, 1);
}

// Goal: the key file can lie elsewhere, and then the folder alone opens nothing.
TEST_F(invitation_test, TheKeyFileCanLieElsewhere) {
  ASSERT_EQ(invite(bundle_file()).status, 0);
  const fs::path key = scratch_.path() / "keys";
  const auto made = join(bundle_file(), {"--set", "node.key_file=" + key.string()});
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_TRUE(fs::exists(key));
  EXPECT_FALSE(fs::exists(second() / "node.key"));
  EXPECT_THAT(read(second() / "godwit.toml"), HasSubstr("key_file = \"" + key.string() + "\""));
  EXPECT_EQ(godwit({"invite", "--data", second(), "--node", "9", scratch_.path() / "nine"}).status, 0);
  fs::rename(key, scratch_.path() / "away");
  const auto shut = godwit({"serve", "--data", second()});
  EXPECT_EQ(shut.status, 4);
  EXPECT_THAT(shut.err, AllOf(HasSubstr("key file " + key.string()), HasSubstr("node.key_file")));
}

// Goal: a running node tells the first number above all that the cluster ever had, and the addresses of those that are
// members.
TEST(next_node_answer, IsAboveEveryNumberThatWas) {
  cluster::cluster_map map;
  EXPECT_FALSE(next_node_answer(map).ok) << "nothing was heard yet";
  map.version = 1;
  const auto add = [&](std::uint64_t id, const char* host, cluster::node_state state) {
    cluster::node_entry node;
    node.id = cluster::node_id(id);
    node.state = state;
    node.peer = {host, 4431};
    map.nodes[node.id] = node;
  };
  add(1, "192.0.2.1", cluster::node_state::member);
  add(3, "2001:db8::3", cluster::node_state::member);
  add(9, "192.0.2.9", cluster::node_state::removed);
  const auto answer = nlohmann::json::parse(next_node_answer(map).json);
  EXPECT_EQ(answer["node"], 10);
  EXPECT_EQ(answer["seeds"], "192.0.2.1:4431,[2001:db8::3]:4431");
}

} // namespace
} // namespace godwit::node
