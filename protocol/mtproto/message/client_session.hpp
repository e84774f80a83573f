#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/crypto/message_cipher.hpp"
#include "protocol/crypto/random.hpp"
#include "protocol/ids.hpp"
#include "protocol/mtproto/message/buffer.hpp"
#include "protocol/mtproto/message/envelope.hpp"
#include "protocol/mtproto/message/msg_ids.hpp"
#include "protocol/mtproto/message/types.hpp"

namespace godwit::mtproto {

/// Names a call of a client to whoever made it; stays the same when the call is sent again.
using client_call = std::uint64_t;

struct client_answer {
  client_call call = 0;
  /// The result, unpacked; of an error, the bytes of rpc_error.
  buffer_slice result;
  bool is_error = false;
  std::int32_t error_code = 0;
  std::string error_text;
};

/// What came of a packet from the server.
struct client_output {
  std::vector<client_answer> answers;
  /// Updates, in the order of their arrival, each once.
  std::vector<buffer_slice> pushes;
  /// ping_id of each pong.
  std::vector<std::uint64_t> pongs;
  /// new_session_created came: state of the server is gone, updates may be missing.
  bool new_session = false;
  /// Everything else, bare: future_salts, msgs_state_info, destroy_session_ok, bad_msg_notification, ...
  std::vector<buffer_slice> service;
  /// The packet broke a rule; the connection is to be closed.
  bool broken = false;

  void clear();
};

/// The client's half of a session, for tests and load: several calls in flight, each answered once whatever
/// the connection does. A state machine like server_session; one connection at a time.
///
/// A round: call(); flush(); encrypt and send; receive() what comes. After a lost connection,
/// reconnected() and flush().
class client_session {
public:
  struct options {
    session_id id;
    std::shared_ptr<const crypto::auth_key> key;
    std::uint64_t salt = 0;
    crypto::random_source* random = nullptr;
    /// A call without an answer is asked for again after this.
    std::int64_t resend_after_ms = 10'000;
    /// Queries larger than this are packed; 0: never.
    std::size_t pack_above_bytes = 0;
  };

  explicit client_session(options opts);

  /// Queues a query, with all its wrappers. `after`: an earlier call of this session that must end first.
  client_call call(std::string query, std::optional<client_call> after = std::nullopt);
  /// Queues a service message: ping, get_future_salts, ... `content_related`: with an odd seqno.
  /// Yields its msg_id.
  msg_id send_service(std::string body, unix_ms now, bool content_related = false);
  std::uint64_t ping(unix_ms now, std::optional<std::int32_t> disconnect_delay = std::nullopt);

  [[nodiscard]] bool has_output() const;
  /// Whether flush() would say something else than acknowledgements.
  [[nodiscard]] bool has_requests() const;
  [[nodiscard]] std::size_t acks_waiting() const { return acks_.size(); }
  /// One packet for everything queued; more when it is large.
  void flush(unix_ms now, packet_sink& sink);
  void receive(const inner_message& packet, unix_ms now, client_output& out);
  /// A new connection stands in for the old one: what was not acknowledged goes again.
  void reconnected();
  /// Asks again for what is overdue.
  void tick(unix_ms now);

  [[nodiscard]] std::size_t calls_in_flight() const { return calls_.size(); }
  [[nodiscard]] std::uint64_t salt() const { return salt_; }
  [[nodiscard]] session_id id() const { return id_; }
  /// Server's clock less ours, as far as known.
  [[nodiscard]] std::int64_t clock_offset_ms() const { return clock_offset_ms_; }
  /// msg_id under which a call was sent last; 0: not sent yet.
  [[nodiscard]] msg_id sent_as(client_call call) const;

  // --- for tests that break rules ---

  void set_salt(std::uint64_t salt) { salt_ = salt; }
  void set_clock_offset(std::int64_t ms) { clock_offset_ms_ = ms; }
  void set_content_sent(std::uint32_t count) { content_sent_ = count; }
  /// A packet with exactly this inside, past all rules.
  void raw_packet(msg_id id, std::uint32_t seqno, std::string_view body, packet_sink& sink);
  msg_id next_id(unix_ms now);
  std::uint32_t next_seqno(bool content_related);
  /// Acknowledge nothing from now on.
  void set_silent(bool silent) { silent_ = silent; }

private:
  struct pending_call {
    std::string query;
    /// An earlier call that must end first, while it is known to run.
    std::optional<client_call> after;
    /// As it was sent last; 0: it gets a new one.
    msg_id id;
    std::uint32_t seqno = 0;
    unix_ms sent_at = 0;
    bool queued = true;
    /// The call that this one waits for ended with an error.
    bool after_failed = false;
  };
  struct outgoing {
    msg_id id;
    std::uint32_t seqno = 0;
    std::string body;
    bool repeated = false;
  };

  // client_session.cpp
  [[nodiscard]] std::string wrapped(const pending_call& which) const;
  void gather(unix_ms now, std::vector<outgoing>& batch);
  void write_packet(const std::vector<outgoing>& batch, unix_ms now, packet_sink& sink);
  void send_again(msg_id id, bool under_new_id);
  void queue(pending_call& which);
  void send_under_new_id(client_call call);
  // client_session_receive.cpp
  void receive_one(msg_id id, std::uint32_t seqno, const buffer_slice& body, unix_ms now, client_output& out);
  void receive_container(msg_id id, const buffer_slice& body, unix_ms now, client_output& out);
  void receive_result(const buffer_slice& body, client_output& out);
  void end_call(client_call call, client_answer answer, client_output& out);
  void receive_bad_msg(const buffer_slice& body, msg_id notice, unix_ms now, client_output& out);
  void receive_new_session(const buffer_slice& body, client_output& out);
  void receive_detailed_info(const buffer_slice& body, bool of_answer);
  bool first_sight(msg_id id);

  session_id id_;
  std::shared_ptr<const crypto::auth_key> key_;
  std::uint64_t salt_;
  crypto::random_source* random_;
  std::int64_t resend_after_ms_;
  std::size_t pack_above_bytes_;

  msg_id_source ids_;
  std::uint32_t content_sent_ = 0;
  std::int64_t clock_offset_ms_ = 0;
  client_call last_call_ = 0;
  std::size_t queued_calls_ = 0;
  std::map<client_call, pending_call> calls_;
  /// The call behind each id that an answer may name.
  std::map<msg_id, client_call> sent_;
  std::deque<outgoing> service_;
  /// What was in a container lately, for a refusal names only the container.
  std::map<msg_id, std::vector<msg_id>> containers_;
  std::vector<msg_id> acks_;
  std::vector<msg_id> resend_requests_;
  /// Ids of the server's messages, lately.
  std::set<msg_id> seen_;
  bool silent_ = false;
};

} // namespace godwit::mtproto
