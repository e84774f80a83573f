#include "protocol/mtproto/message/wrappers.hpp"

#include <string>
#include <string_view>

#include "config/limits.hpp"
#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/gzip.hpp"
#include "protocol/tl/reader.hpp"

namespace godwit::mtproto {
namespace {

constexpr unsigned json_depth_max = 8;

/// A text of the client, cut between two characters when it is too long.
std::string read_client_text(tl::reader& in) {
  std::string_view text = in.read_text();
  if (text.size() > limits::client_text_bytes_max) {
    std::size_t end = limits::client_text_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
      --end;
    }
    text = text.substr(0, end);
  }
  return std::string(text);
}

/// initConnection's params are of no use to the server; they only have to be passed over.
void skip_json(tl::reader& in, unsigned depth) {
  if (depth > json_depth_max) {
    in.fail(tl::tl_errc::too_deep);
    return;
  }
  switch (in.read_id()) {
  case constructor::json_null: return;
  case constructor::json_bool: in.read_bool(); return;
  case constructor::json_number: in.read_double(); return;
  case constructor::json_string: in.read_text(); return;
  case constructor::json_array:
    for (std::size_t left = in.read_vector(4); left > 0 && in.ok(); --left) {
      skip_json(in, depth + 1);
    }
    return;
  case constructor::json_object:
    for (std::size_t left = in.read_vector(12); left > 0 && in.ok(); --left) {
      if (in.read_id() != constructor::json_object_value) {
        in.fail(tl::tl_errc::unknown_constructor);
        return;
      }
      in.read_text();
      skip_json(in, depth + 1);
    }
    return;
  default: in.fail(tl::tl_errc::unknown_constructor);
  }
}

std::shared_ptr<const client_info> read_client(tl::reader& in) {
  constexpr std::uint32_t has_proxy = 1U << 0;
  constexpr std::uint32_t has_params = 1U << 1;
  auto made = std::make_shared<client_info>();
  const std::uint32_t flags = in.read_id();
  made->api_id = in.read_int();
  made->device_model = read_client_text(in);
  made->system_version = read_client_text(in);
  made->app_version = read_client_text(in);
  made->system_lang_code = read_client_text(in);
  made->lang_pack = read_client_text(in);
  made->lang_code = read_client_text(in);
  if ((flags & has_proxy) != 0) {
    if (in.read_id() != constructor::input_client_proxy) {
      in.fail(tl::tl_errc::unknown_constructor);
    }
    in.read_text();
    in.read_int();
  }
  if ((flags & has_params) != 0) {
    skip_json(in, 0);
  }
  return made;
}

void read_after(tl::reader& in, std::size_t count, std::vector<msg_id>& after) {
  if (after.size() + count > limits::invoke_after_ids_max) {
    in.fail(tl::tl_errc::too_large);
    return;
  }
  for (; count > 0; --count) {
    after.emplace_back(static_cast<std::uint64_t>(in.read_long()));
  }
}

/// Reads one wrapper up to its query. False: there is none, what comes is the query itself.
bool read_wrapper(tl::reader& in, unwrapped_query& query) {
  switch (in.read_id()) {
  case constructor::invoke_with_layer: query.layer = in.read_int(); return true;
  case constructor::init_connection: query.client = read_client(in); return true;
  case constructor::invoke_after_msg: read_after(in, 1, query.after); return true;
  case constructor::invoke_after_msgs: read_after(in, in.read_vector(8), query.after); return true;
  case constructor::invoke_without_updates: query.without_updates = true; return true;
  default: return false;
  }
}

} // namespace

expected<unwrapped_query, unwrap_errc> unwrap(buffer_slice query, std::size_t& budget) {
  unwrapped_query out;
  bool layer_given = false;
  for (unsigned wrappers = 0;; ++wrappers) {
    tl::reader in(query.bytes());
    if (in.peek_id() == constructor::gzip_packed) {
      auto content = unpack_within(query, budget);
      if (!content) {
        return unexpected(content.error() == unpack_errc::too_large ? unwrap_errc::too_large : unwrap_errc::malformed);
      }
      query = std::move(*content);
    } else {
      layer_given = layer_given || in.peek_id() == constructor::invoke_with_layer;
      const bool wrapped = read_wrapper(in, out);
      if (!in.ok()) {
        return unexpected(unwrap_errc::malformed);
      }
      if (!wrapped) {
        break;
      }
      query = query.at(in.rest());
    }
    if (wrappers >= limits::wrappers_max) {
      return unexpected(unwrap_errc::malformed);
    }
  }
  if (layer_given && out.layer <= 0) {
    return unexpected(unwrap_errc::layer);
  }
  out.body = std::move(query);
  return out;
}

} // namespace godwit::mtproto
