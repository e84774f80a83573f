#include "protocol/tl/methods.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/call_fn.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/mt/service.hpp"
#include "protocol/tl/objects.hpp"

namespace godwit::tl {
namespace {

std::string bytes_of(const object& value, layer_t layer) {
  std::string bytes;
  writer out(bytes);
  value.store(out, layer);
  EXPECT_TRUE(out.ok());
  return bytes;
}

// A session routes by the first four bytes: every variant of a function leads to the same kind and index.
TEST(tl_methods, EveryVariantOfAFunctionIsTheSameMethod) {
  const method_info* old_one = find_method(0xbcd51581);
  const method_info* new_one = find_method(0x8d52a951);
  ASSERT_TRUE(old_one != nullptr && new_one != nullptr);
  EXPECT_EQ(old_one->name, "auth.signIn");
  EXPECT_EQ(old_one->kind, fn::auth_signIn::kind_id);
  EXPECT_EQ(old_one->kind, new_one->kind);
  EXPECT_EQ(old_one->index, new_one->index);
  EXPECT_EQ(method_names()[old_one->index], "auth.signIn");
  EXPECT_LT(old_one->last_layer, new_one->first_layer);
  EXPECT_EQ(find_method(0), nullptr);
  EXPECT_EQ(find_method(0xffffffff), nullptr);
}

TEST(tl_methods, TheNamesAreSortedAndOnce) {
  const auto names = method_names();
  EXPECT_GT(names.size(), 150U);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
}

// The wrappers of https://core.telegram.org/api/invoking as TDLib nests them: each is read alone, and the rest
// is the call inside, byte for byte.
TEST(tl_methods, AWrapperYieldsItsHeaderAndTheCallInside) {
  const std::string call = bytes_of(fn::help_getConfig(), 229);
  fn::initConnection connection;
  connection.api_id = 7;
  connection.device_model = "Desk";
  connection.lang_code = "en";
  connection.query = call;
  const std::string inner = bytes_of(connection, 229);
  fn::invokeWithLayer layer;
  layer.layer = 229;
  layer.query = inner;
  const std::string bytes = bytes_of(layer, 229);

  reader in(bytes);
  const auto outer = fetch_function(in);
  ASSERT_TRUE(outer);
  const auto* wrapper = as<fn::invokeWithLayer>(outer->get());
  ASSERT_NE(wrapper, nullptr);
  EXPECT_EQ(wrapper->layer, 229);
  EXPECT_EQ(wrapper->query, inner);
  EXPECT_GE(wrapper->query.data(), bytes.data()) << "a view, not a copy";
  reader inside(wrapper->query);
  const auto read = fetch_function(inside);
  ASSERT_TRUE(read);
  const auto* read_connection = as<fn::initConnection>(read->get());
  ASSERT_NE(read_connection, nullptr);
  EXPECT_EQ(read_connection->api_id, 7);
  EXPECT_EQ(read_connection->query, call);
  for (const std::uint32_t id : {fn::invokeWithLayer::kind_id, fn::initConnection::kind_id}) {
    EXPECT_TRUE(find_method(id)->is_wrapper);
  }
  EXPECT_FALSE(find_method(fn::help_getConfig::kind_id)->is_wrapper);
}

// A call must end where its fields do, and begin with a function's number.
TEST(tl_methods, ACallIsReadWholeOrRefused) {
  const std::string call = bytes_of(fn::help_getConfig(), 229);
  const auto error_of = [](const std::string& bytes) {
    reader in(bytes);
    const auto read = fetch_function(in);
    return read ? tl_errc{} : read.error();
  };
  EXPECT_EQ(error_of(call), tl_errc{});
  EXPECT_EQ(error_of(call + std::string(4, '\0')), tl_errc::trailing_bytes);
  EXPECT_EQ(error_of(call.substr(0, 3)), tl_errc::truncated);
  EXPECT_EQ(error_of(std::string("\1\2\3\4")), tl_errc::unknown_constructor);
  EXPECT_EQ(error_of(""), tl_errc::truncated);
}

// rpc_error of a hand-made answer: MTProto's strings are bytes, and the layer plays no part.
TEST(tl_methods, ServiceMessagesHaveNoLayer) {
  mt::rpc_error error;
  error.error_code = 400;
  error.error_message = "METHOD_INVALID";
  std::string bytes;
  writer out(bytes);
  error.store(out);
  reader in(bytes);
  const auto read = mt::fetch_object(in);
  const auto* again = as<mt::rpc_error>(read.get());
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->error_code, 400);
  EXPECT_EQ(again->error_message, "METHOD_INVALID");
}

} // namespace
} // namespace godwit::tl
