#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "protocol/crypto/message_cipher.hpp"
#include "protocol/mtproto/message/buffer.hpp"
#include "protocol/mtproto/message/envelope.hpp"

namespace godwit::bench {

/// A client whose packets are encrypted and decrypted together with those of others.
class cipher_client {
public:
  virtual ~cipher_client() = default;
  /// A packet that it gave to decrypt(); empty when it is not authentic.
  virtual void decrypted(mtproto::buffer_slice plain) = 0;
  /// Puts what it has to say into packets.
  virtual void gather(mtproto::packet_sink& packets) = 0;
  /// What gather() made, ready to send.
  virtual void encrypted(std::span<const std::uint8_t> packet) = 0;
  /// After the last of these.
  virtual void send() = 0;
};

/// The ciphers of one round of a socket_loop: packets of many clients side by side, which takes half the time of one
/// after the other. Clients must not go while it runs.
class cipher_round {
public:
  /// The packet is copied, the key is not.
  void decrypt(cipher_client& whose, const mtproto::encrypted_packet& packet, const crypto::auth_key& key);
  /// gather() of this client is due.
  void has_output(cipher_client& who, auth_key_id id, const crypto::auth_key& key);
  /// Nothing of this client waits any more.
  void forget(const cipher_client& who);

  /// Until nothing waits.
  void run();

private:
  struct arrival {
    cipher_client* whose;
    mtproto::shared_buffer bytes;
    crypto::cipher_job job;
  };
  struct speaker {
    cipher_client* who;
    auth_key_id id;
    const crypto::auth_key* key;
  };
  struct departure {
    std::size_t speaker;
    std::size_t offset;
    std::size_t size;
  };
  /// All packets of a round in one piece of memory.
  class packet_list final : public mtproto::packet_sink {
  public:
    std::span<std::uint8_t> open(std::size_t size) override;

    std::vector<std::uint8_t> bytes;
    std::vector<departure> packets;
    std::size_t speaker = 0;
  };

  void decrypt_all();
  void encrypt_all();

  std::vector<arrival> arrivals_;
  std::vector<speaker> speakers_;
  // Of the part that runs, kept for their memory.
  std::vector<arrival> arrived_;
  std::vector<speaker> speaking_;
  std::vector<crypto::cipher_job> jobs_;
  packet_list packets_;
};

} // namespace godwit::bench
