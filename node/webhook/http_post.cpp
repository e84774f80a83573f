#include <utility>

#include "node/webhook/http_post.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <algorithm>
#include <cctype>
#include <functional>
#include <memory>

namespace godwit::node {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

/// What a provider may answer; only the status is of interest.
constexpr std::uint64_t answer_bytes_max = 64 << 10;

/// One exchange on its own io_context: resolve, connect, perhaps TLS, write, read.
class exchange {
public:
  exchange(const http_address& address, http::request<http::string_body> request) : request_(std::move(request)) {
    if (address.tls) {
      context_.set_default_verify_paths();
      context_.set_verify_mode(asio::ssl::verify_peer);
      secure_ = std::make_unique<beast::ssl_stream<beast::tcp_stream>>(io_, context_);
      secure_->set_verify_callback(asio::ssl::host_name_verification(address.host));
      has_name_ = SSL_set_tlsext_host_name(secure_->native_handle(), address.host.c_str()) == 1;
    } else {
      plain_ = std::make_unique<beast::tcp_stream>(io_);
    }
    parser_.body_limit(answer_bytes_max);
  }

  expected<int, std::string> run(const http_address& address, std::chrono::milliseconds timeout) {
    if (secure_ && !has_name_) {
      return unexpected<std::string>("the host name does not fit into TLS");
    }
    tcp().expires_after(timeout);
    resolver_.async_resolve(address.host, address.port, [this](error_code failure, const auto& found) {
      if (!failed(failure, "looking up the host")) {
        tcp().async_connect(found, [this](error_code code, const auto&) { connected(code); });
      }
    });
    io_.run_for(timeout);
    if (!done_) {
      return unexpected("no answer within " + std::to_string(timeout.count()) + " ms");
    }
    return result_;
  }

private:
  beast::tcp_stream& tcp() { return secure_ ? beast::get_lowest_layer(*secure_) : *plain_; }

  bool failed(error_code code, const char* doing) {
    if (code) {
      done_ = true;
      result_ = unexpected(std::string(doing) + ": " + code.message());
    }
    return done_;
  }

  void connected(error_code code) {
    if (failed(code, "connecting")) {
      return;
    }
    if (!secure_) {
      return talk(*plain_);
    }
    secure_->async_handshake(asio::ssl::stream_base::client, [this](error_code failure) {
      if (!failed(failure, "securing the connection")) {
        talk(*secure_);
      }
    });
  }

  template <class Stream>
  void talk(Stream& stream) {
    http::async_write(stream, request_, [this, &stream](error_code code, std::size_t) {
      if (failed(code, "sending")) {
        return;
      }
      http::async_read(stream, buffer_, parser_, [this](error_code failure, std::size_t) {
        if (!failed(failure, "reading the answer")) {
          done_ = true;
          result_ = static_cast<int>(parser_.get().result_int());
        }
      });
    });
  }

  asio::io_context io_;
  asio::ssl::context context_{asio::ssl::context::tls_client};
  asio::ip::tcp::resolver resolver_{io_};
  std::unique_ptr<beast::tcp_stream> plain_;
  std::unique_ptr<beast::ssl_stream<beast::tcp_stream>> secure_;
  http::request<http::string_body> request_;
  beast::flat_buffer buffer_{answer_bytes_max};
  http::response_parser<http::string_body> parser_;
  expected<int, std::string> result_ = 0;
  bool has_name_ = true;
  bool done_ = false;
};

} // namespace

expected<http_address, std::string> parse_http_address(std::string_view url) {
  http_address out;
  constexpr std::string_view plain = "http://";
  constexpr std::string_view secure = "https://";
  if (url.starts_with(secure)) {
    out.tls = true;
    url.remove_prefix(secure.size());
  } else if (url.starts_with(plain)) {
    url.remove_prefix(plain.size());
  } else {
    return unexpected<std::string>("begins with neither http:// nor https://");
  }
  const auto path = url.find('/');
  out.target = path == std::string_view::npos ? "/" : std::string(url.substr(path));
  std::string_view host = url.substr(0, path);
  if (host.find('@') != std::string_view::npos) {
    return unexpected<std::string>("holds a user name, which is not supported");
  }
  std::string_view port = out.tls ? "443" : "80";
  const auto bracket = host.find(']');
  const auto colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  const bool digits =
    std::all_of(port.begin(), port.end(), [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
  const bool printable =
    std::all_of(url.begin(), url.end(), [](char c) { return std::isgraph(static_cast<unsigned char>(c)) != 0; });
  if (host.empty() || port.empty() || port.size() > 5 || !digits || !printable) {
    return unexpected<std::string>("has no host, or a port that is no number");
  }
  out.host = host;
  out.port = port;
  return out;
}

expected<int, std::string> http_post(const http_address& address, std::string_view body,
                                     const std::vector<http_header>& headers, std::chrono::milliseconds timeout) try {
  http::request<http::string_body> request{http::verb::post, address.target, 11};
  request.set(http::field::host, address.host);
  request.set(http::field::user_agent, "godwit");
  request.set(http::field::content_type, "application/json");
  request.set(http::field::connection, "close");
  for (const http_header& header : headers) {
    request.set(header.name, header.value);
  }
  request.body() = body;
  request.prepare_payload();
  return exchange(address, std::move(request)).run(address, timeout);
} catch (const std::exception& failure) {
  return unexpected<std::string>(failure.what());
}

} // namespace godwit::node
