#include "cluster/peer/peer_greeting.hpp"

#include <algorithm>

#include "cluster/wire/peer_wire.pb.h"

namespace godwit::cluster {
namespace {

/// An address of 45 characters at most, a number of 32; more is none of ours.
constexpr std::size_t text_bytes_max = 64;
constexpr std::size_t hello_bytes_max = 4096;

/// What may stand in a line of the log: such texts are all that there is in addresses and numbers.
bool plain(const std::string& text) {
  return text.size() <= text_bytes_max && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == ':' ||
                  c == '-' || c == '%';
         });
}

std::optional<peer_hello> greeting_from(const wire::PeerGreeting& said) {
  if (said.node() == 0 || !plain(said.cluster()) || !plain(said.address().host()) || said.address().port() > 0xFFFFU ||
      said.wire_lowest() == 0 || said.wire_lowest() > said.wire_newest()) {
    return std::nullopt;
  }
  peer_greeting made;
  made.node = node_id(said.node());
  made.cluster_id = said.cluster();
  made.incarnation = said.incarnation();
  made.process = said.process();
  made.wire = {said.wire_lowest(), said.wire_newest()};
  made.address = {said.address().host(), static_cast<std::uint16_t>(said.address().port())};
  return made;
}

void fill(wire::PeerHello& to, const peer_greeting& from) {
  wire::PeerGreeting& greeting = *to.mutable_greeting();
  greeting.set_node(from.node.value());
  greeting.set_cluster(from.cluster_id);
  greeting.set_incarnation(from.incarnation);
  greeting.set_process(from.process);
  greeting.set_wire_lowest(from.wire.lowest);
  greeting.set_wire_newest(from.wire.newest);
  greeting.mutable_address()->set_host(from.address.host);
  greeting.mutable_address()->set_port(from.address.port);
}

void fill(wire::PeerHello& to, const peer_agreement& from) { to.mutable_agreement()->set_lost_link(from.lost_link); }
void fill(wire::PeerHello& to, const peer_welcome& from) { to.mutable_welcome()->set_link(from.link); }
void fill(wire::PeerHello& to, const peer_refusal& from) {
  to.mutable_refusal()->set_why(static_cast<std::uint32_t>(from.why));
}

} // namespace

std::string encode_hello(const peer_hello& says) {
  wire::PeerHello made;
  std::visit([&](const auto& what) { fill(made, what); }, says);
  return made.SerializeAsString();
}

std::optional<peer_hello> decode_hello(std::string_view bytes) {
  wire::PeerHello read;
  if (bytes.size() > hello_bytes_max || !read.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return std::nullopt;
  }
  switch (read.says_case()) {
  case wire::PeerHello::kGreeting: return greeting_from(read.greeting());
  case wire::PeerHello::kAgreement: return peer_agreement{read.agreement().lost_link()};
  case wire::PeerHello::kWelcome: return peer_welcome{read.welcome().link()};
  case wire::PeerHello::kRefusal: {
    const std::uint32_t why = read.refusal().why();
    // A reason of a later version: refused all the same.
    return peer_refusal{why <= 0xFFU ? static_cast<refusal>(why) : refusal::none};
  }
  case wire::PeerHello::SAYS_NOT_SET: break;
  }
  return std::nullopt;
}

std::string encode_beat(const peer_beat& beat) {
  wire::PeerBeat made;
  made.set_sent_us(beat.sent_us);
  made.set_wall_ms(static_cast<std::uint64_t>(beat.wall));
  made.set_echo_us(beat.echo_us);
  made.set_held_us(beat.held_us);
  made.set_handled_bytes(beat.handled_bytes);
  return made.SerializeAsString();
}

std::optional<peer_beat> decode_beat(std::string_view bytes) {
  wire::PeerBeat read;
  if (bytes.size() > hello_bytes_max || !read.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return std::nullopt;
  }
  const auto wall = static_cast<unix_ms>(read.wall_ms());
  if (wall < 0 || wall > unix_ms{1} << 53) {
    return std::nullopt;
  }
  return peer_beat{read.sent_us(), wall, read.echo_us(), read.held_us(), read.handled_bytes()};
}

refusal judge(const peer_greeting& said, const greeting_context& with) {
  if (said.cluster_id != with.own->cluster_id) {
    return refusal::foreign_cluster;
  }
  if (with.certified != persistence::no_node && with.certified != said.node) {
    return refusal::certificate;
  }
  if (said.node == with.own->node) {
    const bool itself = said.incarnation == with.own->incarnation && said.process == with.own->process;
    return itself ? refusal::itself : refusal::own_number;
  }
  if (with.expected != persistence::no_node && with.expected != said.node) {
    return refusal::other_node;
  }
  if (!common_version(said.wire, with.own->wire)) {
    return refusal::wire_version;
  }
  if (said.incarnation < with.newest_incarnation) {
    return refusal::older_incarnation;
  }
  if (said.incarnation == with.newest_incarnation && with.newest_incarnation != 0 &&
      said.process != with.newest_process) {
    return refusal::same_number;
  }
  return refusal::none;
}

std::string describe(refusal why, bool by_other, const std::string& where, const peer_greeting* said) {
  const std::string who = said == nullptr ? where : "node " + std::to_string(said->node.value()) + " at " + where;
  switch (why) {
  case refusal::foreign_cluster:
    return who + " belongs to another cluster: correct its address in [peers], or make that node anew with a bundle "
                 "of this cluster";
  case refusal::own_number:
    return by_other ? who + " has the number of this node, too: stop one of the two processes, and give each node a "
                            "bundle of its own"
                    : "a second process at " + where +
                        " has the number of this node: stop one of the two, and give each node a bundle of its own";
  case refusal::same_number:
    return by_other
             ? who + " already knows another process with this node's number: stop one of the two, and give each node "
                     "a bundle of its own"
             : who + " is a second process with that number: stop one of the two, and give each node a bundle of its "
                     "own";
  case refusal::older_incarnation:
    return by_other ? who + " has seen a later start of this node: a process with the same number runs elsewhere, or "
                            "the data folder is an old copy; stop one of the two"
                    : who + " was started before a process of that number that is known already: a copy of its data "
                            "folder is in use; stop one of the two processes";
  case refusal::certificate:
    return by_other ? who + " was shown a certificate of another node than this one says to be: put back the "
                            "certificate that came with this node's bundle"
                    : who + " has a certificate of another node: put back the one that came with its bundle";
  case refusal::wire_version:
    return who + " speaks no version of the nodes' protocol that this program speaks: bring the older of the two "
                 "programs to a version next to the other's";
  case refusal::too_many: return who + " takes no more nodes: there are as many as a cluster may have";
  case refusal::other_node:
    return by_other ? who + " expected another node at this address: correct the address of this node in [peers]"
                    : "another node answers at " + where + ": correct the address in [peers]";
  case refusal::unreadable:
    return (by_other ? who + " cannot read what this node sent" : who + " sent what this program cannot read") +
           ": bring both nodes to one version of the program, or to neighbouring ones";
  case refusal::duplicate: return who + " has another link with this node already";
  case refusal::itself: return where + " is this node's own address";
  case refusal::none: break;
  }
  return who + " refused the link for a reason that this version does not know: look at its log";
}

std::string to_string(const peer_address& where) {
  const bool brackets = where.host.find(':') != std::string::npos;
  return (brackets ? "[" + where.host + "]" : where.host) + ":" + std::to_string(where.port);
}

} // namespace godwit::cluster
