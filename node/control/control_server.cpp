#include "node/control/control_server.hpp"

#include <cerrno>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <pthread.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/limits.hpp"
#include "node/control/control_wire.hpp"

namespace godwit::node {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using boost::system::error_code;

constexpr std::chrono::milliseconds accept_pause{200};

class connection;

/// Held by the server alone, but for the moment in which a command hands over its answer.
struct shared {
  const control_commands* commands = nullptr;
  control_server_options options;
  std::size_t connections = 0; ///< of the control thread alone, like `waiting`
  asio::io_context context{1};
  std::set<std::shared_ptr<connection>> waiting; ///< for the answers of their commands
};

/// One request and its answer; then the connection is closed.
class connection : public std::enable_shared_from_this<connection> {
public:
  connection(stream_protocol::socket socket, const std::shared_ptr<shared>& with)
      : socket_(std::move(socket)), timer_(socket_.get_executor()), with_(*with), server_(with) {
    ++with_.connections;
  }
  ~connection() { --with_.connections; }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  void run() {
    close_after(with_.options.request_timeout);
    asio::async_read_until(socket_, asio::dynamic_buffer(line_, limits::control_request_bytes_max), '\n',
                           [self = shared_from_this()](error_code error, std::size_t size) {
                             if (!error) {
                               self->requested(std::string_view(self->line_).substr(0, size - 1));
                             } else if (error == asio::error::not_found) {
                               self->respond(control_failure("the request is too long"));
                             }
                           });
  }

private:
  void requested(std::string_view line) {
    const auto request = parse_request(line);
    if (!request) {
      respond(control_failure("this is not a request of `godwit ctl`"));
      return;
    }
    close_after(with_.options.answer_timeout);
    // It may come from another thread, and after the server's end.
    control_reply reply([self = weak_from_this(), server = server_](control_answer answer) {
      if (const auto running = server.lock()) {
        asio::post(running->context, [self, answer = std::move(answer)]() {
          if (const auto alive = self.lock()) {
            alive->respond(answer);
          }
        });
      }
    });
    with_.waiting.insert(shared_from_this());
    with_.commands->run(request->command, request->arguments, std::move(reply));
  }

  void respond(const control_answer& answer) {
    const auto self = shared_from_this();
    with_.waiting.erase(self);
    out_ = answer_line(answer);
    if (out_.size() > limits::control_answer_bytes_max) {
      out_ = answer_line(control_failure("the answer is too long"));
    }
    close_after(with_.options.request_timeout);
    asio::async_write(socket_, asio::buffer(out_), [self](error_code, std::size_t) { self->timer_.cancel(); });
  }

  void close_after(std::chrono::milliseconds time) {
    timer_.expires_after(time);
    timer_.async_wait([self = weak_from_this()](error_code stopped) {
      if (const auto alive = self.lock(); alive && !stopped) {
        error_code ignored;
        alive->socket_.close(ignored);
        alive->with_.waiting.erase(alive);
      }
    });
  }

  stream_protocol::socket socket_;
  asio::steady_timer timer_;
  std::string line_;
  std::string out_;
  shared& with_;
  std::weak_ptr<shared> server_;
};

} // namespace

struct control_server::parts {
  std::shared_ptr<shared> with = std::make_shared<shared>();
  stream_protocol::acceptor acceptor{with->context};
  asio::steady_timer pause{with->context};
  std::thread thread;

  void accept() {
    acceptor.async_accept([this](error_code error, stream_protocol::socket socket) {
      if (error == asio::error::operation_aborted) {
        return;
      }
      if (error) {
        pause.expires_after(accept_pause);
        pause.async_wait([this](error_code stopped) {
          if (!stopped) {
            accept();
          }
        });
        return;
      }
      if (with->connections < limits::control_connections_max) {
        std::make_shared<connection>(std::move(socket), with)->run();
      }
      accept();
    });
  }
};

namespace {

std::string cannot(const std::filesystem::path& socket, const std::string& why) {
  return "the control socket " + socket.string() + " cannot be made: " + why;
}

} // namespace

expected<std::unique_ptr<control_server>, std::string> control_server::start(const control_server_options& options,
                                                                             const control_commands& commands) {
  const std::string path = options.socket.string();
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return unexpected(cannot(options.socket, "the path is longer than " +
                                               std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                                               " bytes. Set node.control_socket to a shorter one."));
  }
  auto made = std::make_unique<parts>();
  made->with->commands = &commands;
  made->with->options = options;
  error_code error;
  const stream_protocol::endpoint endpoint(path);
  stream_protocol::socket probe(made->with->context);
  probe.connect(endpoint, error);
  if (!error) {
    return unexpected(cannot(options.socket, "another node listens on it. End that node first."));
  }
  // Only a socket is removed: a file of that name is somebody's.
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
    ::unlink(path.c_str());
  }
  error.clear();
  made->acceptor.open(endpoint.protocol(), error);
  if (!error) {
    // Nobody can connect before listen(), so the mode is right before it matters.
    made->acceptor.bind(endpoint, error);
  }
  if (!error && ::chmod(path.c_str(), 0600) != 0) {
    error = error_code(errno, boost::system::system_category());
  }
  if (!error) {
    made->acceptor.listen(16, error);
  }
  if (error) {
    return unexpected(cannot(options.socket, error.message() + ". Set node.control_socket to a path in a folder that "
                                                               "can be written."));
  }
  made->accept();
  return std::unique_ptr<control_server>(new control_server(std::move(made)));
}

control_server::control_server(std::unique_ptr<parts> made) : parts_(std::move(made)) {
  parts_->thread = std::thread([context = &parts_->with->context] {
    ::pthread_setname_np(::pthread_self(), "control");
    context->run();
  });
}

control_server::~control_server() {
  parts_->with->context.stop();
  parts_->thread.join();
  ::unlink(parts_->with->options.socket.c_str());
}

} // namespace godwit::node
