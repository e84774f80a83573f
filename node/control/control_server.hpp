#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "node/control/control_commands.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

struct control_server_options {
  std::filesystem::path socket;
  std::chrono::milliseconds request_timeout{5'000};  ///< for the caller to say what it wants
  std::chrono::milliseconds answer_timeout{600'000}; ///< for the command: a snapshot takes its time
};

/// Serves commands over a Unix socket that its owner alone can open (mode 0600), on a thread of its own.
///
/// One request per connection: a line with a JSON object, {"command": text, "arguments": [text…]}, is
/// answered by one line, {"ok": bool, "text": text, "json": value}.
class control_server {
public:
  /// Takes over a socket file that no process listens on any more. Error: one line with the remedy. The
  /// commands outlive the server.
  static expected<std::unique_ptr<control_server>, std::string> start(const control_server_options& options,
                                                                      const control_commands& commands);

  /// Removes the socket file. Commands under way answer into nothing.
  ~control_server();
  control_server(const control_server&) = delete;
  control_server& operator=(const control_server&) = delete;

private:
  struct parts;
  explicit control_server(std::unique_ptr<parts> made);
  std::unique_ptr<parts> parts_;
};

} // namespace godwit::node
