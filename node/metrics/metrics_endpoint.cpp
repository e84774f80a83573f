#include "node/metrics/metrics_endpoint.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <pthread.h>

#include "config/limits.hpp"

namespace godwit::node {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using response = http::response<http::string_body>;

constexpr std::chrono::seconds deadline{limits::metrics_deadline_seconds};
/// After a failed accept, for instance when no file descriptor is left.
constexpr std::chrono::milliseconds accept_pause{200};

struct shared {
  metrics_endpoint_sources sources;
  std::size_t connections = 0; ///< of the endpoint's thread alone
};

response answer(http::status status, unsigned version, bool head, std::string_view type, std::string body) {
  response out{status, version};
  out.set(http::field::server, "godwit");
  out.set(http::field::content_type, beast::string_view(type.data(), type.size()));
  out.set(http::field::cache_control, "no-store");
  out.keep_alive(false);
  out.content_length(body.size());
  if (!head) {
    out.body() = std::move(body);
  }
  return out;
}

response health_answer(const health& now, unsigned version, bool head) {
  return answer(now.good ? http::status::ok : http::status::service_unavailable, version, head,
                "text/plain; charset=utf-8", (now.good ? "ok" : now.text) + "\n");
}

/// One request and its answer; then the connection is closed.
class connection : public std::enable_shared_from_this<connection> {
public:
  connection(tcp::socket socket, shared& with) : stream_(std::move(socket)), with_(with) { ++with_.connections; }
  ~connection() { --with_.connections; }

  void run() {
    parser_.header_limit(limits::metrics_request_bytes_max);
    parser_.body_limit(0);
    stream_.expires_after(deadline);
    http::async_read(stream_, buffer_, parser_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) {
        self->respond();
      }
    });
  }

private:
  void respond() {
    response_ = make_response();
    stream_.expires_after(deadline);
    http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code, std::size_t) {
      beast::error_code ignored;
      self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    });
  }

  response make_response() {
    const auto& request = parser_.get();
    const unsigned version = request.version();
    const bool head = request.method() == http::verb::head;
    if (!head && request.method() != http::verb::get) {
      response refusal = answer(http::status::method_not_allowed, version, false, "text/plain", "GET or HEAD\n");
      refusal.set(http::field::allow, "GET, HEAD");
      return refusal;
    }
    const beast::string_view path = request.target().substr(0, request.target().find('?'));
    if (path == "/metrics") {
      return answer(http::status::ok, version, head, "text/plain; version=0.0.4; charset=utf-8",
                    with_.sources.metrics());
    }
    if (path == "/healthz") {
      return health_answer(with_.sources.alive(), version, head);
    }
    if (path == "/readyz") {
      return health_answer(with_.sources.ready(), version, head);
    }
    if (path == "/discovery" && with_.sources.discovery) {
      return answer(http::status::ok, version, head, "application/json", with_.sources.discovery());
    }
    return answer(http::status::not_found, version, head, "text/plain",
                  "/metrics, /healthz, /readyz or /discovery\n");
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{limits::metrics_request_bytes_max};
  http::request_parser<http::empty_body> parser_;
  response response_;
  shared& with_;
};

} // namespace

struct metrics_endpoint::parts {
  explicit parts(metrics_endpoint_sources sources) : with{.sources = std::move(sources)} {}

  shared with; // first: the connections of the context refer to it
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  asio::steady_timer pause{context};
  std::thread thread;

  void accept() {
    acceptor.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) {
        return;
      }
      if (error) {
        pause.expires_after(accept_pause);
        pause.async_wait([this](beast::error_code stopped) {
          if (!stopped) {
            accept();
          }
        });
        return;
      }
      // One too many is closed without a word: its scraper tries again.
      if (with.connections < limits::metrics_connections_max) {
        std::make_shared<connection>(std::move(socket), with)->run();
      }
      accept();
    });
  }
};

expected<std::unique_ptr<metrics_endpoint>, metrics_endpoint_error>
metrics_endpoint::start(const metrics_endpoint_options& options, metrics_endpoint_sources sources) {
  const std::string where = options.address + " port " + std::to_string(options.port);
  beast::error_code error;
  auto made = std::make_unique<parts>(std::move(sources));
  const auto address = asio::ip::make_address(options.address, error);
  const tcp::endpoint endpoint(address, options.port);
  const auto then = [&](auto step) {
    if (!error) {
      step();
    }
  };
  then([&] { made->acceptor.open(endpoint.protocol(), error); });
  then([&] { made->acceptor.set_option(tcp::acceptor::reuse_address(true), error); });
  then([&] { made->acceptor.bind(endpoint, error); });
  then([&] { made->acceptor.listen(asio::socket_base::max_listen_connections, error); });
  if (error) {
    const bool in_use = error == asio::error::address_in_use;
    return unexpected(metrics_endpoint_error{
      in_use, "metrics cannot listen on " + where + ": " + error.message() +
                (in_use ? ". End the process that listens there, or set metrics.port to another port."
                        : ". Set metrics.address and metrics.port to ones of this machine.")});
  }
  made->accept();
  return std::unique_ptr<metrics_endpoint>(new metrics_endpoint(std::move(made)));
}

metrics_endpoint::metrics_endpoint(std::unique_ptr<parts> made) : parts_(std::move(made)) {
  parts_->thread = std::thread([context = &parts_->context] {
    ::pthread_setname_np(::pthread_self(), "metrics");
    context->run();
  });
}

metrics_endpoint::~metrics_endpoint() {
  parts_->context.stop();
  parts_->thread.join();
}

std::uint16_t metrics_endpoint::port() const {
  beast::error_code ignored;
  return parts_->acceptor.local_endpoint(ignored).port();
}

} // namespace godwit::node
