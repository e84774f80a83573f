#include <utility>

#include "node/webhook/code_webhook.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "protocol/crypto/hash.hpp"

namespace godwit::node {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using std::chrono::milliseconds;

/// A provider that answers its requests with given statuses in turn; 0: hangs up without an answer.
class provider {
public:
  explicit provider(std::vector<int> statuses) : statuses_(std::move(statuses)), thread_([this] { run(); }) {}
  ~provider() { join(); }

  /// Waits until every status was given.
  void join() {
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  http_address address() const {
    return {false, "127.0.0.1", std::to_string(acceptor_.local_endpoint().port()), "/sms"};
  }

  std::vector<http::request<http::string_body>> requests; ///< after join()

private:
  void run() {
    for (const int status : statuses_) {
      asio::ip::tcp::socket socket = acceptor_.accept();
      boost::beast::flat_buffer buffer;
      http::request<http::string_body> request;
      http::read(socket, buffer, request);
      requests.push_back(std::move(request));
      if (status != 0) {
        http::response<http::string_body> response{static_cast<http::status>(status), 11};
        response.prepare_payload();
        http::write(socket, response);
      }
    }
  }

  std::vector<int> statuses_;
  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::thread thread_;
};

bool wait_until(const std::function<bool()>& condition) {
  for (int i = 0; i < 5000 && !condition(); ++i) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  return condition();
}

code_webhook::options options_for(const http_address& address) {
  return {address, "secret", milliseconds(2000), milliseconds(1)};
}

// Goal: the provider gets number and code in JSON, signed so that it can tell who sent it.
TEST(code_webhook, PostsTheCodeSigned) {
  provider sms({200});
  code_webhook webhook(options_for(sms.address()));
  webhook.send(99966371234, "12345", account::code_kind::sms);
  sms.join();
  ASSERT_EQ(sms.requests.size(), 1U);
  const auto& request = sms.requests[0];
  const auto body = nlohmann::json::parse(request.body());
  EXPECT_EQ(body["phone"], "+99966371234");
  EXPECT_EQ(body["code"], "12345");
  EXPECT_EQ(body["kind"], "sms");
  EXPECT_EQ(request.target(), "/sms");
  const std::string key = "secret";
  const auto bytes = [](const std::string& text) {
    return std::span<const std::uint8_t>(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  };
  std::string expected;
  for (const std::uint8_t each : crypto::hmac_sha256(bytes(key), bytes(request.body()))) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", each);
    expected += digits;
  }
  EXPECT_EQ(request["X-Godwit-Signature"], expected);
  EXPECT_TRUE(wait_until([&] { return webhook.counted().delivered.value() == 1; }));
}

// Goal: what may pass is tried again under the same delivery number, until it is taken.
TEST(code_webhook, TriesAgainUntilTheProviderTakesIt) {
  provider sms({503, 0, 429, 204});
  code_webhook webhook(options_for(sms.address()));
  webhook.send(99966371234, "12345", account::code_kind::resent_sms);
  sms.join();
  ASSERT_EQ(sms.requests.size(), 4U);
  EXPECT_EQ(sms.requests[0]["X-Godwit-Delivery"], sms.requests[3]["X-Godwit-Delivery"]);
  EXPECT_TRUE(wait_until([&] { return webhook.counted().delivered.value() == 1; }));
  EXPECT_EQ(webhook.counted().retried.value(), 3U);
}

// Goal: a refusal is final.
TEST(code_webhook, GivesUpWhatTheProviderRefuses) {
  provider sms({400});
  code_webhook webhook(options_for(sms.address()));
  webhook.send(99966371234, "12345", account::code_kind::sms);
  EXPECT_TRUE(wait_until([&] { return webhook.counted().failed.value() == 1; }));
  EXPECT_EQ(webhook.counted().retried.value(), 0U);
}

// Goal: a provider that cannot be reached costs a bounded number of attempts.
TEST(code_webhook, GivesUpAfterItsAttempts) {
  http_address nowhere;
  {
    provider gone({});
    nowhere = gone.address();
  }
  code_webhook webhook(options_for(nowhere));
  webhook.send(99966371234, "12345", account::code_kind::sms);
  EXPECT_TRUE(wait_until([&] { return webhook.counted().failed.value() == 1; }));
}

// Goal: addresses are taken apart, and what is none is refused.
TEST(http_address, IsReadFromAUrl) {
  const auto plain = parse_http_address("http://sms.example:8080/send?x=1");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->host, "sms.example");
  EXPECT_EQ(plain->port, "8080");
  EXPECT_EQ(plain->target, "/send?x=1");
  const auto secure = parse_http_address("https://[::1]/");
  ASSERT_TRUE(secure);
  EXPECT_TRUE(secure->tls);
  EXPECT_EQ(secure->host, "::1");
  EXPECT_EQ(secure->port, "443");
  for (const char* const wrong : {"", "ftp://x/", "http://", "http://host:port/", "http://user@host/", "http://a b/"}) {
    EXPECT_FALSE(parse_http_address(wrong)) << wrong;
  }
}

} // namespace
} // namespace godwit::node
