#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/load/load_client.hpp"
#include "bench/load/socket_loop.hpp"

namespace godwit::bench {

struct farm_options {
  std::uint32_t connections = 0;
  /// Keys that the sessions share evenly; 0: one for each.
  std::uint32_t keys = 0;
  /// Accounts that the keys share evenly.
  std::uint32_t accounts = 1;
  /// Clients that sign in at the same time.
  std::uint32_t at_once = 64;
  /// Number of the first client, for a second farm of the same node.
  std::uint32_t first_number = 0;
};

/// Many signed-in clients on one thread.
class session_farm {
public:
  /// `where`: for all of them; the farm fills in the number.
  session_farm(socket_loop& loop, const client_target& where, const farm_options& options);
  ~session_farm();

  /// Connects all, makes their keys and signs them in. Throws std::runtime_error when a hundredth of them failed.
  /// `progress` hears now and then how many are done.
  void sign_in_all(const std::function<void(std::uint32_t)>& progress = {});

  /// Closes all connections.
  void disconnect_all();
  /// Connects all again, with the keys they made and a new session each. Throws as sign_in_all() does.
  void resume_all();

  /// From now on every client pings once in `seconds`, each at its own moment; 0: no more. `answered` gets the
  /// seconds of each ping.
  void ping_every(double seconds, std::function<void(double)> answered = {});

  /// To be called, not to be destroyed.
  [[nodiscard]] load_client& client(std::uint32_t index) { return *clients_[index]; }
  [[nodiscard]] std::uint32_t signed_in() const { return signed_in_; }
  /// Connections that ended unasked, since the start.
  [[nodiscard]] std::uint32_t lost() const { return lost_; }
  [[nodiscard]] const std::string& last_failure() const { return last_failure_; }

private:
  void start_up_to(std::uint32_t& next, std::uint32_t last, const std::function<void(std::uint32_t)>& progress = {});
  void start(std::uint32_t index);
  void end(const std::string& failure);
  void ping_later(std::uint32_t index, std::uint64_t round, double seconds);

  socket_loop& loop_;
  client_target where_;
  farm_options options_;
  std::vector<std::shared_ptr<const client_key>> keys_;
  std::vector<std::unique_ptr<load_client>> clients_;
  bool have_keys_ = false;
  std::uint32_t running_ = 0;
  std::uint32_t signed_in_ = 0;
  std::uint32_t failed_ = 0;
  std::uint32_t lost_ = 0;
  std::string last_failure_;
  /// Pings of an older round end.
  std::uint64_t ping_round_ = 0;
  double ping_seconds_ = 0;
  std::function<void(double)> answered_;
};

/// Allows as many open sockets as the system lets this user have. Throws std::runtime_error, with what to do about
/// it, when these are fewer than `needed`.
void raise_open_files(std::uint64_t needed = 0);

/// A member of a sample, 0 <= part <= 1; sorts it. 0 of an empty one.
double quantile(std::vector<double>& values, double part);

} // namespace godwit::bench
