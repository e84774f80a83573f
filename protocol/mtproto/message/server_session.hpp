#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "protocol/crypto/message_cipher.hpp"
#include "protocol/crypto/random.hpp"
#include "protocol/ids.hpp"
#include "protocol/mtproto/message/buffer.hpp"
#include "protocol/mtproto/message/call_table.hpp"
#include "protocol/mtproto/message/envelope.hpp"
#include "protocol/mtproto/message/msg_ids.hpp"
#include "protocol/mtproto/message/outbox.hpp"
#include "protocol/mtproto/message/received_ids.hpp"
#include "protocol/mtproto/message/salts.hpp"
#include "protocol/mtproto/message/types.hpp"
#include "protocol/rpc_error.hpp"

namespace godwit::tl {
class reader;
}

namespace godwit::mtproto {

enum class push_result : std::uint8_t {
  queued,
  /// Too much waits for the client's acknowledgement: send updatesTooLong instead, as last_resort.
  full,
};

/// Whether a result is worth the try to make it smaller; content of files is not.
enum class packing : std::uint8_t { when_smaller, never };

enum class destroy_result : std::uint8_t { ok, none, fail };

/// The server's half of one session: (auth key, session_id), on any number of connections.
///
/// A state machine: packets, answers, pushes and time go in; calls, events and packets come out. Time is
/// the wall clock and may stand still or jump. One thread at a time. An idle session owns next to no heap.
///
/// A round: receive() each packet; hand out the calls; answer() and push(); flush() each connection with
/// has_output(); ask due() when to call tick(). While full(), read no further packets.
///
/// Sources: https://core.telegram.org/mtproto/description, /service_messages,
/// /service_messages_about_messages and /security_guidelines there.
class server_session {
public:
  struct options {
    session_id id;
    /// Shared with whoever keeps keys. Not null.
    std::shared_ptr<const crypto::auth_key> key;
    /// While the key is young.
    std::optional<first_salt> first;
    /// What is known of the key from earlier sessions; 0: nothing.
    layer_t layer = 0;
    /// For unique_id and padding. Outlives the session.
    crypto::random_source* random = nullptr;
  };

  explicit server_session(options opts);

  // --- in ---

  /// One authentic packet of this session. Appends to `out`. A connection seen for the first time takes
  /// over: answers and pushes go there from now on, and what was sent and not acknowledged is sent again.
  void receive(connection_id connection, const inner_message& packet, unix_ms now, session_output& out);

  /// The connection is gone. Nothing else is forgotten.
  void detach(connection_id connection);

  /// Answers a call. False: not wanted any more, or no such call. What is appended to `out` are calls that
  /// waited for this one.
  bool answer(msg_id call, payload result, unix_ms now, session_output& out, packing pack = packing::when_smaller);
  bool answer(msg_id call, const rpc_error& error, unix_ms now, session_output& out);

  /// Answers to events. Sent bare, not inside rpc_result.
  void answer_destroy_session(connection_id connection, session_id session, bool existed);
  void answer_destroy_auth_key(connection_id connection, destroy_result result);

  /// An update for the client: kept until acknowledged. `last_resort`: a small one that is taken beyond
  /// the bound.
  push_result push(payload body, unix_ms now, bool last_resort = false);
  /// Whether pushed updates were given up, too old and never sent to a living connection, since the last
  /// question: the client needs updatesTooLong.
  bool take_pushes_lost() { return outbox_.take_pushes_lost(); }

  // --- out ---

  /// Whether flush() has something for this connection now.
  [[nodiscard]] bool has_output(connection_id connection, unix_ms now) const;
  /// Packs what is queued for the connection into packets, until about `bytes_max` bytes of packets were
  /// made. Acknowledgements ride along. Yields the bytes made. Packets are to be sent in their order.
  std::size_t flush(connection_id connection, unix_ms now, packet_sink& sink, std::size_t bytes_max = SIZE_MAX);

  /// When tick() or flush() has work next without anything coming in; nothing: never.
  [[nodiscard]] std::optional<unix_ms> due() const;
  /// Ends waits, forgets old answers, reports connections whose ping is overdue.
  void tick(unix_ms now, session_output& out);

  // --- state ---

  [[nodiscard]] session_id id() const { return id_; }
  [[nodiscard]] const std::shared_ptr<const crypto::auth_key>& key() const { return key_; }
  /// A message was accepted, so the client believes in this session. One that never was may be forgotten.
  [[nodiscard]] bool is_established() const { return established_; }
  [[nodiscard]] layer_t layer() const { return layer_; }
  /// What the last initConnection said; null: none came.
  [[nodiscard]] const std::shared_ptr<const client_info>& client() const { return client_; }
  /// Enough calls run, or output waits: read no more packets until some were answered and flushed.
  [[nodiscard]] bool is_full() const;
  [[nodiscard]] bool has_connection() const { return !connections_.empty(); }
  /// Where answers and pushes go: the connection that spoke last; 0: none.
  [[nodiscard]] connection_id current_connection() const { return current_; }
  [[nodiscard]] std::size_t calls_in_flight() const { return calls_.size(); }
  /// Messages that the client did not acknowledge.
  [[nodiscard]] std::size_t kept_messages() const { return outbox_.size(); }
  /// Of these, updates, and their bytes.
  [[nodiscard]] std::size_t kept_pushes() const { return outbox_.pushes(); }
  [[nodiscard]] std::size_t kept_push_bytes() const { return outbox_.push_bytes(); }
  /// The object and what it owns on the heap, near enough; buffers shared with others count in full.
  [[nodiscard]] std::size_t memory_bytes() const;

private:
  struct attached {
    connection_id id;
    /// When it is to end unless a ping comes; 0: never.
    unix_ms disconnect_at = 0;
  };
  /// A service message on its way: sent once and forgotten.
  struct notice {
    connection_id connection;
    msg_origin origin = msg_origin::server;
    std::string body;
  };
  /// A packet being taken apart.
  struct packet_context {
    connection_id connection;
    unix_ms now;
    session_output& out;
    /// What its gzip_packed may still unpack to.
    std::size_t unpack_budget;
    bool salts_told = false;
  };
  struct outgoing;
  using ids_view = std::span<const msg_id>;

  // server_session.cpp: packets, containers, checks
  void attach(connection_id connection, msg_id packet);
  bad_msg check_packet(const inner_message& packet, unix_ms now);
  void refuse(packet_context& context, msg_id id, std::uint32_t seqno, bad_msg code);
  void receive_container(packet_context& context, const inner_message& packet, const buffer_slice& body);
  void receive_one(packet_context& context, msg_id id, std::uint32_t seqno, const buffer_slice& body);
  void receive_again(packet_context& context, msg_id id, std::uint32_t seqno);
  void begin_session(msg_id lowest, unix_ms now);
  void acknowledge(msg_id id, unix_ms now);
  // server_session_service.cpp
  void receive_service(packet_context& context, msg_id id, const buffer_slice& body);
  bool receive_ping(packet_context& context, msg_id id, tl::reader& in, bool delay_disconnect);
  bool receive_acks(tl::reader& in);
  bool receive_all_info(tl::reader& in);
  bool receive_state_request(packet_context& context, msg_id id, tl::reader& in);
  bool receive_resend_request(packet_context& context, msg_id id, tl::reader& in, bool of_answers);
  bool receive_future_salts(packet_context& context, msg_id id, tl::reader& in);
  bool receive_destroy_session(packet_context& context, msg_id id, tl::reader& in);
  bool receive_drop_answer(packet_context& context, msg_id id, tl::reader& in);
  [[nodiscard]] std::string states_of(ids_view ids) const;
  void send_states(packet_context& context, msg_id request, ids_view ids);
  // server_session_calls.cpp
  void receive_call(packet_context& context, msg_id id, const buffer_slice& body);
  bool wait_for(packet_context& context, mtproto::call& query, const std::vector<msg_id>& after, bool& failed);
  bool finish(msg_id call, payload result, bool failed, unix_ms now, session_output& out);
  void keep_answer(msg_id call, payload result, bool failed, unix_ms now);
  void release_waiting(msg_id ended, bool failed, unix_ms now, session_output& out);
  // server_session_send.cpp
  void notify(packet_context& context, std::string body);
  void notify(connection_id connection, std::string body, msg_origin origin);
  [[nodiscard]] bool acks_due(unix_ms now) const;
  void gather(connection_id connection, unix_ms now, std::vector<outgoing>& batch);
  std::size_t write_packet(std::vector<outgoing>& batch, unix_ms now, packet_sink& sink);

  std::shared_ptr<const crypto::auth_key> key_;
  std::shared_ptr<const client_info> client_;
  crypto::random_source* random_;
  session_id id_;
  server_salts salts_;
  msg_id_source ids_;
  received_ids received_;
  call_table calls_;
  outbox outbox_;
  std::vector<attached> connections_;
  connection_id current_;
  /// first_msg_id of new_session_created.
  msg_id first_;
  std::vector<notice> notices_;
  std::size_t notice_bytes_ = 0;
  /// Messages to acknowledge, and since when the first of them waits.
  std::vector<msg_id> acks_;
  unix_ms acks_since_ = 0;
  layer_t layer_;
  std::uint32_t bad_in_a_row_ = 0;
  /// Content-related messages sent so far.
  std::uint32_t content_sent_ = 0;
  bool established_ = false;
};

} // namespace godwit::mtproto
