#include "protocol/tl/methods.hpp"

#include "protocol/tl/method_table.hpp"

namespace godwit::tl {

const method_info* find_method(std::uint32_t constructor) {
  const auto infos = methods().infos;
  const auto found = std::lower_bound(infos.begin(), infos.end(), constructor,
                                      [](const method_info& info, std::uint32_t id) { return info.constructor < id; });
  return found == infos.end() || found->constructor != constructor ? nullptr : &*found;
}

std::span<const std::string_view> method_names() { return methods().names; }

expected<std::unique_ptr<fn::function>, tl_errc> fetch_function(reader& in) {
  const std::uint32_t constructor = in.peek_id();
  if (in.remaining() < sizeof(constructor)) {
    in.fail(tl_errc::truncated);
    return unexpected(in.error());
  }
  const method_info* info = find_method(constructor);
  if (info == nullptr) {
    in.fail(tl_errc::unknown_constructor);
    return unexpected(in.error());
  }
  auto made = methods().readers[static_cast<std::size_t>(info - methods().infos.data())](in);
  if (const auto end = in.finish(); !end) {
    return unexpected(end.error());
  }
  return made;
}

} // namespace godwit::tl
