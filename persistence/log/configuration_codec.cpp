#include "persistence/log/configuration_codec.hpp"

#include <algorithm>
#include <utility>

#include "persistence/records/consensus.pb.h"

namespace godwit::persistence {

namespace {

bool known_role(std::uint32_t role) {
  return role >= static_cast<std::uint32_t>(member_role::voter) &&
         role <= static_cast<std::uint32_t>(member_role::spare);
}

} // namespace

std::string encode_configuration(const configuration& members) {
  records::Configuration record;
  for (const member& each : members.members) {
    records::Member* const added = record.add_member();
    added->set_id(each.id.value());
    added->set_role(static_cast<std::uint32_t>(each.role));
  }
  return record.SerializeAsString();
}

storage_result<configuration> decode_configuration(std::string_view bytes) {
  records::Configuration record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(persistence_errc::corrupt, "a stored configuration cannot be read");
  }
  configuration out;
  out.members.reserve(static_cast<std::size_t>(record.member_size()));
  for (const records::Member& each : record.member()) {
    const node_id id{each.id()};
    const bool twice = std::any_of(out.members.begin(), out.members.end(), [&](const member& m) { return m.id == id; });
    if (id == no_node || twice || !known_role(each.role())) {
      return fail(persistence_errc::corrupt, "a stored configuration holds a member that cannot be");
    }
    out.members.push_back(member{id, static_cast<member_role>(each.role())});
  }
  return out;
}

} // namespace godwit::persistence
