#pragma once

#include <cstdint>

/// Constructors of the key exchange. Source: https://core.telegram.org/schema/mtproto
namespace godwit::mtproto::ids {

inline constexpr std::uint32_t req_pq = 0x60469778;
inline constexpr std::uint32_t req_pq_multi = 0xbe7e8ef1;
inline constexpr std::uint32_t res_pq = 0x05162463;

inline constexpr std::uint32_t p_q_inner_data = 0x83c95aec;
inline constexpr std::uint32_t p_q_inner_data_dc = 0xa9f55f95;
inline constexpr std::uint32_t p_q_inner_data_temp = 0x3c6a84d4;
inline constexpr std::uint32_t p_q_inner_data_temp_dc = 0x56fddf88;

inline constexpr std::uint32_t req_dh_params = 0xd712e4be;
inline constexpr std::uint32_t server_dh_params_fail = 0x79cb045d;
inline constexpr std::uint32_t server_dh_params_ok = 0xd0e8075c;
inline constexpr std::uint32_t server_dh_inner_data = 0xb5890dba;

inline constexpr std::uint32_t set_client_dh_params = 0xf5045f1f;
inline constexpr std::uint32_t client_dh_inner_data = 0x6643b654;
inline constexpr std::uint32_t dh_gen_ok = 0x3bcbf734;
inline constexpr std::uint32_t dh_gen_retry = 0x46dc1fb9;
inline constexpr std::uint32_t dh_gen_fail = 0xa69dae02;

} // namespace godwit::mtproto::ids
