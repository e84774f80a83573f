#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace godwit::test {

/// How a run of the program ended.
struct outcome {
  int status = -1; ///< exit status; 128 and the signal when one ended it
  std::string out;
  std::string err;
};

/// Runs `godwit` with these arguments until it ends. `environment` is added, as NAME=value.
outcome godwit(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {});

/// A temporary folder that goes with the object.
class scratch_folder {
public:
  scratch_folder();
  ~scratch_folder();
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;

  [[nodiscard]] std::filesystem::path path() const { return path_; }

private:
  std::filesystem::path path_;
};

std::uint16_t free_port();
/// Binds the socket to any port and listens.
std::uint16_t listen_on_loopback(int socket);

/// A node that runs in the background; killed when the object dies.
class running_node {
public:
  explicit running_node(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {});
  ~running_node();
  running_node(const running_node&) = delete;
  running_node& operator=(const running_node&) = delete;

  void signal(int number) const;
  /// Blocks until the process has ended; nothing when it has not in time.
  std::optional<int> wait(std::chrono::seconds at_most = std::chrono::seconds(30));
  [[nodiscard]] std::string err() const;
  [[nodiscard]] pid_t pid() const { return pid_; }

private:
  scratch_folder folder_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

/// Status line, headers and body of http://127.0.0.1:port/path; empty when nobody answers.
std::string http_get(std::uint16_t port, const std::string& path);

/// Asks until the page answers 200; false after 30 seconds.
bool wait_for_page(std::uint16_t port, const std::string& path);

} // namespace godwit::test
