#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/mtproto/message/buffer.hpp"
#include "protocol/mtproto/message/types.hpp"

namespace godwit::mtproto {

/// A content-related message of the server: sent at least once, kept until the client acknowledges it.
struct kept_message {
  enum class state : std::uint8_t {
    queued,    ///< to be sent whole
    announced, ///< its msg_detailed_info is to be sent instead; the client then asks for it
    sent,
  };

  /// Given when it is sent for the first time; 0: not yet.
  msg_id id;
  std::uint32_t seqno = 0;
  /// The call that it answers; 0: none.
  msg_id request;
  /// When it was made.
  unix_ms since = 0;
  payload body;
  /// Where it went last.
  connection_id sent_on;
  state stage = state::queued;
  /// The body was given up for room; only the knowledge that there was one is left.
  bool forgotten = false;
  /// Pushed to the client: counted apart.
  bool is_update = false;

  [[nodiscard]] bool is_answer() const { return request != msg_id{}; }
  /// Bytes of the message's body on the wire: an answer stands inside rpc_result.
  [[nodiscard]] std::size_t wire_bytes() const { return body.size() + (is_answer() ? 12 : 0); }
};

/// The messages of a session that the client did not acknowledge, in the order of their making. Bounded by
/// limits::kept_messages_max and kept_bytes_max, and by limits::kept_ms_max in age: beyond, the oldest that
/// were sent go.
class outbox {
public:
  /// False: no room although everything that was sent is given up; the message is as it was.
  bool add(kept_message&& message, bool beyond_bound = false);

  /// The messages with these ids, sorted, are known to have arrived.
  void acknowledge(std::span<const msg_id> ids);
  /// The answer of a call; null: there is none. Changes go through the functions below.
  [[nodiscard]] const kept_message* find_answer(msg_id request) const;
  /// Removes the answer of a call.
  void erase_answer(msg_id request);

  /// Queues the message at `index`, which was sent, once more.
  void requeue(std::size_t index, kept_message::state as = kept_message::state::queued);
  /// Queues again those of the sorted `ids` that are here, sent or announced; yields how many are here.
  /// `of_calls`: the ids are those of the calls that the messages answer.
  std::size_t requeue(std::span<const msg_id> ids, bool of_calls);
  /// Queues everything sent again; what is large is only announced. For a new connection.
  void requeue_all();
  /// The same for what was sent on a connection that is gone.
  void requeue_sent_on(connection_id connection);
  /// The message at `index` left. `id`, `seqno`: under which; the same again for one sent before.
  void mark_sent(std::size_t index, msg_id id, std::uint32_t seqno, connection_id connection);

  /// Forgets what was made too long ago.
  void forget_old(unix_ms now);
  [[nodiscard]] std::optional<unix_ms> due() const;
  /// Whether updates were forgotten unacknowledged since the last question.
  bool take_pushes_lost();

  [[nodiscard]] const std::vector<kept_message>& messages() const { return messages_; }
  [[nodiscard]] std::size_t size() const { return messages_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t pushes() const { return pushes_; }
  [[nodiscard]] std::size_t push_bytes() const { return push_bytes_; }
  /// Messages to be sent or announced, and their bytes.
  [[nodiscard]] std::size_t unsent() const { return unsent_; }
  [[nodiscard]] std::size_t unsent_bytes() const { return unsent_bytes_; }
  [[nodiscard]] std::size_t memory_bytes() const { return messages_.capacity() * sizeof(kept_message) + bytes_; }

private:
  bool make_room(std::size_t bytes);
  void send_again(std::size_t index);
  void give_up_body(kept_message& message);
  void count(const kept_message& message, bool in);
  template <class Predicate>
  void erase_if(Predicate unwanted);

  std::vector<kept_message> messages_;
  std::size_t bytes_ = 0;
  std::size_t pushes_ = 0;
  std::size_t push_bytes_ = 0;
  std::size_t unsent_ = 0;
  std::size_t unsent_bytes_ = 0;
  bool pushes_lost_ = false;
};

} // namespace godwit::mtproto
