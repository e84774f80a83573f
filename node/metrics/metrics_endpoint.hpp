#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "protocol/expected.hpp"

namespace godwit::node {

/// Answer to /healthz or /readyz.
struct health {
  bool good = false;
  std::string text; ///< one line; the endpoint shows it when it is not good
};

struct metrics_endpoint_options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 9430; ///< 0: any free one
};

/// Called on the endpoint's thread; must not block for long.
struct metrics_endpoint_sources {
  std::function<std::string()> metrics; ///< Prometheus' text
  std::function<health()> alive;        ///< 200 or 503 of /healthz
  std::function<health()> ready;        ///< 200 or 503 of /readyz
  /// JSON of /discovery: where the metrics of all nodes are, as Prometheus' http_sd_config wants it. Empty: 404.
  std::function<std::string()> discovery{};
};

struct metrics_endpoint_error {
  bool address_in_use = false;
  std::string message; ///< one line with the remedy
};

/// The HTTP server for /metrics, /healthz, /readyz and /discovery, on a thread of its own. Few connections at a time,
/// small requests, and short deadlines: it is for a scraper and a supervisor, not for the world.
class metrics_endpoint {
public:
  static expected<std::unique_ptr<metrics_endpoint>, metrics_endpoint_error>
  start(const metrics_endpoint_options& options, metrics_endpoint_sources sources);

  ~metrics_endpoint();
  metrics_endpoint(const metrics_endpoint&) = delete;
  metrics_endpoint& operator=(const metrics_endpoint&) = delete;

  [[nodiscard]] std::uint16_t port() const;

private:
  struct parts;
  explicit metrics_endpoint(std::unique_ptr<parts> made);
  std::unique_ptr<parts> parts_;
};

} // namespace godwit::node
