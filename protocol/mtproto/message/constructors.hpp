#pragma once

#include <cstdint>

/// Constructor numbers of the service schema and of the wrappers around queries, as far as the message layer
/// takes them apart or makes them.
/// Source: https://core.telegram.org/schema/mtproto, https://core.telegram.org/api/invoking
namespace godwit::mtproto::constructor {

inline constexpr std::uint32_t vector = 0x1cb5c415;

inline constexpr std::uint32_t msg_container = 0x73f1f8dc;
inline constexpr std::uint32_t gzip_packed = 0x3072cfa1;
inline constexpr std::uint32_t msgs_ack = 0x62d6b459;
inline constexpr std::uint32_t bad_msg_notification = 0xa7eff811;
inline constexpr std::uint32_t bad_server_salt = 0xedab447b;
inline constexpr std::uint32_t msg_resend_req = 0x7d861a08;
inline constexpr std::uint32_t msg_resend_ans_req = 0x8610baeb;
inline constexpr std::uint32_t msgs_state_req = 0xda69fb52;
inline constexpr std::uint32_t msgs_state_info = 0x04deb57d;
inline constexpr std::uint32_t msgs_all_info = 0x8cc0d131;
inline constexpr std::uint32_t msg_detailed_info = 0x276d3ec6;
inline constexpr std::uint32_t msg_new_detailed_info = 0x809db6df;
inline constexpr std::uint32_t new_session_created = 0x9ec20908;

inline constexpr std::uint32_t rpc_result = 0xf35c6d01;
inline constexpr std::uint32_t rpc_error = 0x2144ca19;
inline constexpr std::uint32_t rpc_drop_answer = 0x58e4a740;
inline constexpr std::uint32_t rpc_answer_unknown = 0x5e2ad36e;
inline constexpr std::uint32_t rpc_answer_dropped_running = 0xcd78e586;
inline constexpr std::uint32_t rpc_answer_dropped = 0xa43ad8b7;

inline constexpr std::uint32_t get_future_salts = 0xb921bd04;
inline constexpr std::uint32_t future_salts = 0xae500895;
inline constexpr std::uint32_t ping = 0x7abe77ec;
inline constexpr std::uint32_t ping_delay_disconnect = 0xf3427b8c;
inline constexpr std::uint32_t pong = 0x347773c5;
inline constexpr std::uint32_t destroy_session = 0xe7512126;
inline constexpr std::uint32_t destroy_session_ok = 0xe22045fc;
inline constexpr std::uint32_t destroy_session_none = 0x62d350c9;
inline constexpr std::uint32_t destroy_auth_key = 0xd1435160;
inline constexpr std::uint32_t destroy_auth_key_ok = 0xf660e1d4;
inline constexpr std::uint32_t destroy_auth_key_none = 0x0a9f2259;
inline constexpr std::uint32_t destroy_auth_key_fail = 0xea109b13;
inline constexpr std::uint32_t http_wait = 0x9299359f;
inline constexpr std::uint32_t bind_auth_key_inner = 0x75a3f765;

inline constexpr std::uint32_t invoke_with_layer = 0xda9b0d0d;
inline constexpr std::uint32_t init_connection = 0xc1cd5ea9;
inline constexpr std::uint32_t invoke_after_msg = 0xcb9f372d;
inline constexpr std::uint32_t invoke_after_msgs = 0x3dc4b4f0;
inline constexpr std::uint32_t invoke_without_updates = 0xbf9459b7;
inline constexpr std::uint32_t input_client_proxy = 0x75588b3f;

inline constexpr std::uint32_t json_null = 0x3f6d7b68;
inline constexpr std::uint32_t json_bool = 0xc7345e6a;
inline constexpr std::uint32_t json_number = 0x2be0dfa4;
inline constexpr std::uint32_t json_string = 0xb71e767a;
inline constexpr std::uint32_t json_array = 0xf7444763;
inline constexpr std::uint32_t json_object = 0x99c1d49d;
inline constexpr std::uint32_t json_object_value = 0xc0de1bd9;

} // namespace godwit::mtproto::constructor
