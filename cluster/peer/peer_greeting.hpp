#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "cluster/peer/peer_connection.hpp"
#include "cluster/peer/wire_version.hpp"
#include "protocol/ids.hpp"

namespace godwit::cluster {

/// Who speaks at one end of a connection.
struct peer_greeting {
  node_id node;
  std::string cluster_id;
  std::uint64_t incarnation = 0;
  std::uint64_t process = 0; ///< tells two processes with one number and one incarnation apart
  wire_versions wire;
  peer_address address; ///< where others may dial it
};

/// Why a connection is not taken as a link. Crosses between nodes: never renumber.
enum class refusal : std::uint8_t {
  none = 0,
  foreign_cluster = 1,
  own_number = 2,        ///< another process that has the number of the one that is told
  same_number = 3,       ///< a second process with the number of a third node
  older_incarnation = 4, ///< a later process of that node was seen
  certificate = 5,       ///< the certificate names another node than the greeting
  wire_version = 6,
  duplicate = 7, ///< no fault: there is another link already
  itself = 8,    ///< no fault: the node dialled itself
  too_many = 9,
  other_node = 10, ///< another node is at the address than was expected there
  unreadable = 11, ///< of a link that is up: what it carried cannot be read
};

/// The four things that an envelope of kind `hello` can say.
struct peer_agreement {
  std::uint64_t lost_link = 0;
};
struct peer_welcome {
  std::uint64_t link = 0;
};
struct peer_refusal {
  refusal why = refusal::none;
};
using peer_hello = std::variant<peer_greeting, peer_agreement, peer_welcome, peer_refusal>;

std::string encode_hello(const peer_hello& says);
/// Takes any bytes; nothing: they are no hello of any version.
std::optional<peer_hello> decode_hello(std::string_view bytes);

struct peer_beat {
  std::uint64_t sent_us = 0;
  unix_ms wall = 0;
  std::uint64_t echo_us = 0;
  std::uint64_t held_us = 0;
  std::uint64_t handled_bytes = 0;
};

std::string encode_beat(const peer_beat& beat);
std::optional<peer_beat> decode_beat(std::string_view bytes);

/// What this node knew before it heard a greeting.
struct greeting_context {
  const peer_greeting* own = nullptr;
  node_id certified; ///< no_node: the connection proves nothing
  node_id expected;  ///< no_node: any
  std::uint64_t newest_incarnation = 0;
  std::uint64_t newest_process = 0; ///< of that incarnation
};

refusal judge(const peer_greeting& said, const greeting_context& with);

/// The cause and its remedy, for an operator. `by_other`: it was the other side that refused. `where`: its address.
std::string describe(refusal why, bool by_other, const std::string& where, const peer_greeting* said);

/// Text of an address: "host:port".
std::string to_string(const peer_address& where);

} // namespace godwit::cluster
