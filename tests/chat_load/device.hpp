#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "protocol/tl/object.hpp"
#include "protocol/tl/reader.hpp"
#include "tests/chat_load/client_box.hpp"
#include "tests/chat_load/rough_link.hpp"

namespace godwit::tl {
struct InputPeer;
struct updates_Difference;
} // namespace godwit::tl

namespace godwit::chat_load {

inline constexpr layer_t device_layer = 229;

struct known_peer {
  std::int64_t user = 0;
  std::int64_t access_hash = 0;
};

/// One account: both of its devices see it.
struct account_facts {
  std::uint32_t number = 0;
  std::string phone;
  std::int64_t user = 0;
  std::vector<known_peer> contacts; ///< whom it writes to
  /// Messages whose edit is under way: one that is made again after another would undo that.
  std::set<std::int32_t> being_edited;
};

/// What the devices of a run did and met.
struct run_figures {
  std::uint64_t calls = 0;
  std::uint64_t sends = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t repeats = 0;
  std::uint64_t refused = 0;
  std::uint64_t pushes = 0;
  std::uint64_t gaps = 0; ///< in what a session heard, since its last reconnect
  std::uint64_t too_long = 0;
  std::uint64_t differences = 0;
  std::uint64_t reconnects = 0;
  std::uint64_t sessions = 0;
  std::map<std::string, std::uint64_t> errors; ///< by text

  /// A call that waited long for its answer, through no fault of its own device.
  struct pause {
    bench::socket_loop::clock::time_point from;
    bench::socket_loop::clock::time_point to;
  };
  std::vector<pause> pauses;
  /// What nodes did that no client may ever see, and needs no checker; the first ones.
  std::vector<std::string> breaches;
  std::uint64_t breaches_seen = 0;

  void note_breach(const std::string& what);
};

/// One device of an account: a client that keeps its state by the rules, does random things and records what it
/// sees. A breach that no recording is needed for goes to the figures; after some it cannot go on, and throws
/// std::runtime_error.
class device final : public link_listener {
public:
  /// `where`: the nodes, to any of which it connects.
  device(bench::socket_loop& loop, const std::vector<bench::client_target>& where,
         std::shared_ptr<const bench::client_key> key, account_facts& account, std::uint32_t number, std::uint64_t seed,
         const std::filesystem::path& folder, run_figures& figures);

  /// Connects, and asks for the state.
  void begin();
  /// Does something now and then, from now on.
  void act_every(std::chrono::milliseconds mean);
  /// Does some things at once, so that much is under way when something happens.
  void hurry(std::uint64_t things);
  /// Has its connection cut, is away for a time, begins new sessions, now and then, from now on.
  void be_troubled_every(std::chrono::milliseconds mean);
  /// Does nothing new, and has a good connection.
  void come_to_rest();
  void catch_up();
  /// Reads all histories, dialogs and the state, and ends the recording.
  void read_all();
  void tick();

  /// Nothing is under way.
  [[nodiscard]] bool is_idle() const { return link_.is_up() && requests_.empty() && !catching_up_ && box_.is_known(); }
  [[nodiscard]] bool has_ended() const { return ended_; }
  [[nodiscard]] const client_box& box() const { return box_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  /// For a report of who does not come to rest.
  [[nodiscard]] std::string condition() const;

  using answer_fn = std::function<void(const mtproto::client_answer&)>;
  /// Asks until there is an answer, in new sessions by the same query. With `repeated` also when the answer is late, so
  /// that there may be several, and `done` hears of each; `repeated` is told of each time.
  void ask(const tl::fn::function& what, answer_fn done, std::function<void()> repeated = {});

  void link_up() override;
  void link_lost() override {}
  void link_answered(const mtproto::client_answer& answer) override;
  void link_pushed(const mtproto::buffer_slice& updates) override;
  void link_session_made() override { catch_up(); }
  void link_breach(const std::string& what) override { figures_.note_breach(name_ + " at " + what); }

private:
  using clock = bench::socket_loop::clock;

  struct request {
    std::string query;
    std::string method;
    answer_fn done;
    std::function<void()> repeated; ///< null: only a new session, or a refusal for a time, makes it be asked again
    bool answered = false;
    bool told_to_wait = false; ///< by FLOOD_WAIT
    clock::time_point asked_at;
    clock::time_point again_at;
  };
  using request_ptr = std::shared_ptr<request>;
  /// A send or forward whose answer is awaited.
  struct sending {
    double asked = 0;
    std::int64_t peer = 0;
    std::vector<std::int64_t> random_ids;
    std::vector<std::string> texts;
    std::int32_t reply_to = 0;
    bool forward = false;
  };
  struct reading;

  // device.cpp
  void send(const request_ptr& what);
  void begin_session();
  void take(const seen_update& what);
  void get_state();
  void get_difference();
  void difference_came(const tl::updates_Difference& what, double asked);
  void caught_up();
  void note_hashes(const seen_updates& what);
  void trouble();
  void note_pause(const request& what);
  /// A date of something that was made behind `since`, which the server says now; 0: long ago, perhaps.
  void check_date(const char* of, std::int32_t date, double since);

  // device_actions.cpp
  void act();
  void send_message(const known_peer& to);
  void forward(const known_peer& to);
  void edit();
  void remove();
  void read(const known_peer& of);
  void pin();
  void save_draft(const known_peer& of);
  void delete_history(const known_peer& of, bool revoke, bool goes_on);
  void block();
  void log_sending(const sending& what, bool repeat);
  void sending_answered(const sending& what, const mtproto::client_answer& answer);
  void sent(const sending& of, std::int64_t random_id, const seen_update& what, bool whole);
  /// Its key.
  std::string begin_doing(const json_object& what);
  void refused(const std::string& key, const mtproto::client_answer& answer, std::uint64_t connection);
  void affected(const std::string& key, std::int32_t pts, std::int32_t pts_count, std::vector<std::int32_t> gone,
                bool more = false);
  /// Whether the server might take it for a call that was made before and is repeated. `goes_on`: it was told to.
  bool would_repeat(const tl::fn::function& what, bool goes_on = false);
  const known_peer& any_peer();
  const seen_message* any_message(const std::function<bool(const seen_message&)>& wanted);
  std::string new_text();

  // device_reading.cpp
  void read_histories(const std::shared_ptr<reading>& what);
  void read_next(const std::shared_ptr<reading>& what);
  void read_history(const std::shared_ptr<reading>& what);
  void read_dialogs(const std::shared_ptr<reading>& what);
  void read_difference(const std::shared_ptr<reading>& what);
  void read_state();
  /// One page, as a client that scrolls.
  void look_back(const known_peer& of);

  [[nodiscard]] tl::box<tl::InputPeer> input(const known_peer& who) const;

  bench::socket_loop& loop_;
  account_facts& account_;
  std::string name_;
  dice dice_;
  run_figures& figures_;
  history_log log_;
  client_box box_;
  rough_link link_;
  bool inited_ = false;
  std::uint64_t connections_ = 0;  ///< how many there were
  std::uint64_t session_ = 0;      ///< how many there were before this one
  std::set<std::size_t> known_at_; ///< nodes to which this session was connected

  std::map<std::pair<std::uint64_t, mtproto::client_call>, request_ptr> open_;
  std::vector<request_ptr> requests_; ///< without an answer
  bool catching_up_ = false;
  bool once_more_ = false;
  std::vector<seen_update> held_; ///< came while catching up
  std::map<std::int64_t, std::int64_t> hashes_;

  bool acting_ = false;
  bool troubled_ = false;
  clock::time_point trouble_over_{};
  bool ended_ = false;
  std::uint64_t texts_ = 0;
  std::uint64_t keys_ = 0;
  std::map<std::string, clock::time_point> meant_; ///< calls that no random_id tells apart, by their bytes
};

/// The function as the device's layer has it.
[[nodiscard]] std::string bytes_of(const tl::fn::function& what);

/// The answer of a function. Throws when it cannot be read.
template <class Function>
typename Function::result result_of(const mtproto::client_answer& answer) {
  tl::reader in(answer.result.bytes());
  auto result = Function::fetch_result(in, device_layer);
  if (!in.ok()) {
    throw std::runtime_error("an answer to " + std::string(Function::name) + " that cannot be read");
  }
  return result;
}

} // namespace godwit::chat_load
