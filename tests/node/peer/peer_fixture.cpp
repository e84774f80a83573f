#include "tests/node/peer/peer_fixture.hpp"

#include <future>
#include <thread>

#include "config/ip_address.hpp"

namespace godwit::node::test {

bool eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

bool session::is_open() const {
  const std::lock_guard lock(mutex_);
  return open_ && !end_;
}
std::uint64_t session::certified() const {
  const std::lock_guard lock(mutex_);
  return certified_.value();
}
std::vector<std::string> session::frames() const {
  const std::lock_guard lock(mutex_);
  return frames_;
}
std::size_t session::frames_heard() const {
  const std::lock_guard lock(mutex_);
  return heard_;
}
std::size_t session::bytes_heard() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}
std::size_t session::times_writable() const {
  const std::lock_guard lock(mutex_);
  return writable_;
}
std::optional<std::string> session::end() const {
  const std::lock_guard lock(mutex_);
  return end_;
}

void session::opened(node_id certified) {
  const std::lock_guard lock(mutex_);
  open_ = true;
  certified_ = certified;
}
void session::received(persistence::slice frame) {
  {
    const std::lock_guard lock(mutex_);
    ++heard_;
    bytes_ += frame.size();
    if (keeps) {
      frames_.emplace_back(frame.view());
    }
  }
  if (on_frame) {
    on_frame(*this, frame);
  }
}
void session::writable() {
  const std::lock_guard lock(mutex_);
  ++writable_;
}
void session::closed(const std::string& why) {
  const std::lock_guard lock(mutex_);
  EXPECT_FALSE(end_) << "closed twice";
  end_ = why;
}

test_node::test_node(caf::actor_system& system, std::optional<peer_credentials> credentials, bool takes)
    : loop_(std::make_unique<edge_loop>(system, "peers")) {
  auto opened = asio_network::open(*loop_, {*config::parse_ip("127.0.0.1"), 0, std::move(credentials)});
  if (!opened) {
    throw std::runtime_error(opened.error());
  }
  network_ = std::move(*opened);
  loop_->start();
  if (!takes) {
    return;
  }
  on_loop([this] {
    network_->take_with([this](auto connection, peer_stream what, node_id certified) {
      auto made = std::make_unique<session>();
      made->handle = std::move(connection);
      made->opened(certified);
      if (on_taken) {
        on_taken(*made);
      }
      if (made->handle) {
        made->handle->listen(*made);
      }
      const std::lock_guard lock(mutex_);
      taken_.push_back(std::move(made));
      taken_for_.push_back(what);
    });
  });
}

test_node::~test_node() {
  on_loop([this] {
    for (auto* const all : {&dialled_, &taken_}) {
      for (auto& one : *all) {
        one->handle.reset();
      }
    }
  });
  network_.reset();
  loop_->stop();
}

void test_node::on_loop(const std::function<void()>& what) const {
  std::promise<void> done;
  loop_->post([&] {
    what();
    done.set_value();
  });
  done.get_future().wait();
}

session& test_node::dial(std::uint16_t port, peer_stream what, node_id expected, const std::string& host) {
  dialled_.push_back(std::make_unique<session>());
  session& made = *dialled_.back();
  on_loop([&] { made.handle = network_->dial({host, port}, what, expected, made); });
  return made;
}

void test_node::send(session& to, const std::string& frame) const {
  on_loop([&] { to.handle->send(frame); });
}

void test_node::hang_up(session& who) const {
  on_loop([&] { who.handle.reset(); });
}

session* test_node::taken(std::size_t number) {
  if (!eventually([&] { return taken_count() > number; })) {
    return nullptr;
  }
  const std::lock_guard lock(mutex_);
  return taken_[number].get();
}

std::size_t test_node::taken_count() const {
  const std::lock_guard lock(mutex_);
  return taken_.size();
}

peer_stream test_node::taken_for(std::size_t number) const {
  const std::lock_guard lock(mutex_);
  return taken_for_.at(number);
}

peer_fixture::peer_fixture() {
  config_.set("scheduler.policy", caf::atom("sharing"));
  config_.set("scheduler.max-threads", 1);
  system_ = std::make_unique<caf::actor_system>(config_);
}

peer_fixture::~peer_fixture() { nodes_.clear(); }

test_node& peer_fixture::node(std::uint64_t id) { return node_with(authority.issue(id)); }

test_node& peer_fixture::node_with(std::optional<peer_credentials> credentials, bool takes) {
  nodes_.push_back(std::make_unique<test_node>(*system_, std::move(credentials), takes));
  return *nodes_.back();
}

session& peer_fixture::link(test_node& from, test_node& to, peer_stream what) {
  const std::size_t before = to.taken_count();
  session& made = from.dial(to.port(), what);
  EXPECT_TRUE(eventually([&] { return made.is_open(); })) << made.end().value_or("no end");
  EXPECT_NE(to.taken(before), nullptr);
  return made;
}

std::string peer_fixture::refusal(test_node& from, test_node& to, node_id expected) {
  session& made = from.dial(to.port(), peer_stream::control, expected);
  EXPECT_TRUE(eventually([&] { return made.end().has_value(); }));
  EXPECT_FALSE(made.certified() != 0 && made.is_open());
  return made.end().value_or("");
}

} // namespace godwit::node::test
