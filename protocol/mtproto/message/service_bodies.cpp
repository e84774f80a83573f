#include "protocol/mtproto/message/service_bodies.hpp"

#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::mtproto::body {
namespace {

/// A body by its constructor and fields: ids and other numbers of 64 bits, numbers of 32, bytes.
class made {
public:
  explicit made(std::uint32_t constructor) { out_.write_id(constructor); }

  made& add(std::uint64_t value) {
    out_.write_long(static_cast<std::int64_t>(value));
    return *this;
  }
  made& add(msg_id value) { return add(value.value()); }
  made& add(std::uint32_t value) {
    out_.write_id(value);
    return *this;
  }
  made& add(std::int32_t value) {
    out_.write_int(value);
    return *this;
  }
  made& add(std::string_view value) {
    out_.write_bytes(value);
    return *this;
  }
  std::string take() { return std::move(bytes_); }

private:
  std::string bytes_;
  tl::writer out_{bytes_};
};

std::int32_t number(bad_msg code) { return static_cast<std::int32_t>(code); }

} // namespace

std::string rpc_error(std::int32_t code, std::string_view text) {
  return made(constructor::rpc_error).add(code).add(text).take();
}

std::string bad_msg_notification(msg_id id, std::uint32_t seqno, bad_msg code) {
  return made(constructor::bad_msg_notification).add(id).add(seqno).add(number(code)).take();
}

std::string bad_server_salt(msg_id id, std::uint32_t seqno, std::uint64_t salt) {
  return made(constructor::bad_server_salt).add(id).add(seqno).add(number(bad_msg::salt)).add(salt).take();
}

std::string new_session_created(msg_id first, std::uint64_t unique_id, std::uint64_t salt) {
  return made(constructor::new_session_created).add(first).add(unique_id).add(salt).take();
}

std::string pong(msg_id request, std::uint64_t ping_id) {
  return made(constructor::pong).add(request).add(ping_id).take();
}

std::string msgs_state_info(msg_id request, std::string_view info) {
  return made(constructor::msgs_state_info).add(request).add(info).take();
}

std::string detailed_info(msg_id request, msg_id answer, std::size_t bytes) {
  constexpr std::int32_t status = 0;
  const auto size = static_cast<std::uint32_t>(bytes);
  if (request == msg_id{}) {
    return made(constructor::msg_new_detailed_info).add(answer).add(size).add(status).take();
  }
  return made(constructor::msg_detailed_info).add(request).add(answer).add(size).add(status).take();
}

std::string rpc_answer_dropped(msg_id answer, std::uint32_t seqno, std::size_t bytes) {
  return made(constructor::rpc_answer_dropped).add(answer).add(seqno).add(static_cast<std::uint32_t>(bytes)).take();
}

std::string destroy_session_result(session_id session, bool existed) {
  return with_long(existed ? constructor::destroy_session_ok : constructor::destroy_session_none, session.value());
}

std::string with_ids(std::uint32_t constructor, std::span<const msg_id> ids) {
  made body(constructor);
  body.add(constructor::vector).add(static_cast<std::uint32_t>(ids.size()));
  for (const msg_id id : ids) {
    body.add(id);
  }
  return body.take();
}

std::string bare(std::uint32_t constructor) { return made(constructor).take(); }

std::string with_long(std::uint32_t constructor, std::uint64_t value) { return made(constructor).add(value).take(); }

} // namespace godwit::mtproto::body
