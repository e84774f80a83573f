#include "protocol/mtproto/transport/client_transport.hpp"

#include "protocol/mtproto/transport/first_bytes.hpp"
#include "protocol/mtproto/transport/little_endian.hpp"
#include "protocol/mtproto/transport/obfuscation.hpp"

namespace godwit::mtproto {

client_transport::client_transport(transport_kind kind, crypto::random_source& random, const packet_limits& limits,
                                   std::int16_t dc)
    : reader_(stream_end::client, limits), writer_(kind.framing), random_(&random), kind_(kind), dc_(dc) {
  reader_.set_framing(kind.framing);
}
client_transport::client_transport(client_transport&&) noexcept = default;
client_transport& client_transport::operator=(client_transport&&) noexcept = default;
client_transport::~client_transport() = default;

void client_transport::append(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> payload,
                              bool quick_ack_wanted) {
  if (!greeted_) {
    append_greeting(out);
  }
  const std::size_t begin = out.size();
  writer_.append(out, payload, *random_, quick_ack_wanted);
  if (obfuscation_) {
    obfuscation_->from_client.apply(std::span(out).subspan(begin));
  }
}

void client_transport::append_greeting(std::vector<std::uint8_t>& out) {
  greeted_ = true;
  if (kind_.obfuscated) {
    obfuscation_header header;
    obfuscation_ = std::make_unique<obfuscation>(obfuscation::offer(kind_.framing, dc_, *random_, header));
    out.insert(out.end(), header.begin(), header.end());
  } else if (kind_.framing == framing::abridged) {
    out.push_back(static_cast<std::uint8_t>(name_of_framing(kind_.framing)));
  } else if (kind_.framing != framing::full) {
    out.resize(out.size() + 4);
    store_u32(std::span(out).last(4), name_of_framing(kind_.framing));
  }
}

void client_transport::feed(std::span<std::uint8_t> bytes) {
  if (obfuscation_) {
    obfuscation_->to_client.apply(bytes);
  }
  reader_.feed(bytes);
}

} // namespace godwit::mtproto
