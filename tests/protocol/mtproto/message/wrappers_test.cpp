#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "protocol/mtproto/message/gzip.hpp"
#include "protocol/tl/writer.hpp"
#include "tests/protocol/mtproto/message/message_fixture.hpp"

namespace godwit::mtproto {
namespace {

using namespace testing;

std::string with_layer(std::int32_t layer, std::string_view inner) {
  std::string body = body::bare(constructor::invoke_with_layer);
  tl::writer out(body);
  out.write_int(layer);
  out.write_raw(inner);
  return body;
}

std::string json_params() {
  std::string body;
  tl::writer out(body);
  out.write_id(constructor::json_object);
  out.write_vector(2);
  out.write_id(constructor::json_object_value);
  out.write_bytes("tz_offset");
  out.write_id(constructor::json_number);
  out.write_double(3600);
  out.write_id(constructor::json_object_value);
  out.write_bytes("list");
  out.write_id(constructor::json_array);
  out.write_vector(3);
  out.write_id(constructor::json_null);
  out.write_id(constructor::json_bool);
  out.write_bool(true);
  out.write_id(constructor::json_string);
  out.write_bytes("text");
  return body;
}

std::string init(std::string_view inner, std::string_view device = "Phone", bool proxy = false,
                 std::string_view params = "") {
  std::string body = body::bare(constructor::init_connection);
  tl::writer out(body);
  out.write_int((proxy ? 1 : 0) | (params.empty() ? 0 : 2));
  out.write_int(4);
  for (const std::string_view text : {device, std::string_view("OS 1"), std::string_view("App 2"),
                                      std::string_view("en-US"), std::string_view("pack"), std::string_view("en")}) {
    out.write_bytes(text);
  }
  if (proxy) {
    out.write_id(constructor::input_client_proxy);
    out.write_bytes("host");
    out.write_int(443);
  }
  out.write_raw(params);
  out.write_raw(inner);
  return body;
}

std::string packed(const std::string& content) {
  const auto made = pack_object({reinterpret_cast<const std::uint8_t*>(content.data()), content.size()});
  return made ? *made : content;
}

// https://core.telegram.org/api/invoking#layers and https://core.telegram.org/method/initConnection.
TEST(wrappers, LayerAndDeviceAreTakenOffAndKept) {
  server_end server;
  server.call(with_layer(198, init(query("first"))));
  ASSERT_EQ(server.out.calls.size(), 1U);
  const call& first = server.out.calls[0];
  EXPECT_EQ(first.layer, 198);
  EXPECT_EQ(first.body.text(), query("first"));
  ASSERT_TRUE(first.inited);
  EXPECT_EQ(first.inited->api_id, 4);
  EXPECT_EQ(first.inited->device_model, "Phone");
  EXPECT_EQ(first.inited->system_version, "OS 1");
  EXPECT_EQ(first.inited->app_version, "App 2");
  EXPECT_EQ(first.inited->system_lang_code, "en-US");
  EXPECT_EQ(first.inited->lang_pack, "pack");
  EXPECT_EQ(first.inited->lang_code, "en");
  EXPECT_EQ(server.session.client(), first.inited);

  // The next query is in the same layer, and says nothing about the device.
  server.call(query("second"));
  EXPECT_EQ(server.out.calls[1].layer, 198);
  EXPECT_FALSE(server.out.calls[1].inited);
  EXPECT_EQ(server.session.layer(), 198);
}

// Every order of wrappers that a client may choose, packed or not at each step.
TEST(wrappers, AnyOrderIsUnderstood) {
  const std::string inner = query(std::string(300, 'q'));
  for (unsigned order = 0; order < 24; ++order) {
    for (const bool pack : {false, true}) {
      server_end server;
      const msg_id before = server.call(query());
      server.session.answer(before, std::string("done"), server.now, server.out);
      std::vector<int> left{0, 1, 2, 3};
      std::string body = inner;
      unsigned digits = order;
      while (!left.empty()) {
        const auto at = left.begin() + static_cast<std::ptrdiff_t>(digits % left.size());
        digits /= static_cast<unsigned>(left.size());
        switch (*at) {
        case 0: body = with_layer(152, body); break;
        case 1: body = init(body, "Desk", true, json_params()); break;
        case 2: body = body::bare(constructor::invoke_without_updates) + body; break;
        default: body = body::with_long(constructor::invoke_after_msg, before.value()) + body; break;
        }
        body = pack ? packed(body) : body;
        left.erase(at);
      }
      server.call(body);
      ASSERT_EQ(server.out.calls.size(), 2U) << order;
      const call& made = server.out.calls[1];
      EXPECT_EQ(made.body.text(), inner);
      EXPECT_EQ(made.layer, 152);
      EXPECT_TRUE(made.without_updates);
      ASSERT_TRUE(made.inited);
      EXPECT_EQ(made.inited->device_model, "Desk");
    }
  }
}

TEST(wrappers, TheBodyIsAPartOfTheReceivedBuffer) {
  server_end server;
  const buffer_slice received = slice_of(with_layer(198, query("x")));
  server.session.receive(
    first_connection,
    {derive_salt(*server.key, server.now / 1'800'000), server.session.id(), server.next_id(), 1, received}, server.now,
    server.out);
  ASSERT_EQ(server.out.calls.size(), 1U);
  EXPECT_EQ(server.out.calls[0].body.bytes().data(), received.bytes().data() + 8);
}

TEST(wrappers, AnImpossibleLayerIsRefused) {
  server_end server;
  for (const std::int32_t layer : {0, -1}) {
    EXPECT_EQ(error_text(server.result_of(server.call(with_layer(layer, query())))), "CONNECTION_LAYER_INVALID");
  }
  EXPECT_EQ(server.session.layer(), 0);
}

TEST(wrappers, BrokenWrappersAreRefused) {
  server_end server;
  const std::string whole = with_layer(198, init(query(), "Phone", true, json_params()));
  const std::size_t query_bytes = query().size();
  for (std::size_t cut = 4; cut < whole.size() - query_bytes; cut += 4) {
    EXPECT_EQ(error_text(server.result_of(server.call(whole.substr(0, cut)))), "INPUT_REQUEST_INVALID") << cut;
  }
  EXPECT_EQ(error_text(server.result_of(server.call(init(query(), "\xff\xfe")))), "INPUT_REQUEST_INVALID");
  EXPECT_TRUE(server.out.calls.empty());
}

TEST(wrappers, DepthIsBounded) {
  std::string body = query();
  for (unsigned i = 0; i < limits::wrappers_max; ++i) {
    body = body::bare(constructor::invoke_without_updates) + body;
  }
  server_end server;
  server.call(body);
  EXPECT_EQ(server.out.calls.size(), 1U);
  const msg_id deeper = server.call(body::bare(constructor::invoke_without_updates) + body);
  EXPECT_EQ(error_text(server.result_of(deeper)), "INPUT_REQUEST_INVALID");
  std::string json;
  for (int i = 0; i < 100'000; ++i) {
    tl::writer out(json);
    out.write_id(constructor::json_array);
    out.write_vector(1);
  }
  EXPECT_EQ(error_text(server.result_of(server.call(init(query(), "Phone", false, json)))), "INPUT_REQUEST_INVALID");
}

// What a client says about itself does not grow a session; a character is not cut in two.
TEST(wrappers, TextsAreCut) {
  std::string device;
  while (device.size() < 3 * limits::client_text_bytes_max) {
    device += "\xe2\x82\xac";
  }
  server_end server;
  server.call(init(query(), device));
  ASSERT_EQ(server.out.calls.size(), 1U);
  const std::string& kept = server.out.calls[0].inited->device_model;
  EXPECT_LE(kept.size(), limits::client_text_bytes_max);
  EXPECT_GT(kept.size(), limits::client_text_bytes_max - 3);
  EXPECT_EQ(kept.size() % 3, 0U);
}

} // namespace
} // namespace godwit::mtproto
