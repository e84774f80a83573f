#include "bench/load/cipher_round.hpp"

#include <utility>

namespace godwit::bench {

void cipher_round::decrypt(cipher_client& whose, const mtproto::encrypted_packet& packet, const crypto::auth_key& key) {
  arrival made{&whose, mtproto::shared_buffer::copy_of(packet.data), packet.job(key, crypto::sender::server)};
  made.job.data = made.bytes.data();
  arrivals_.push_back(std::move(made));
}

void cipher_round::has_output(cipher_client& who, auth_key_id id, const crypto::auth_key& key) {
  speakers_.push_back({&who, id, &key});
}

void cipher_round::forget(const cipher_client& who) {
  std::erase_if(arrivals_, [&who](const arrival& one) { return one.whose == &who; });
  std::erase_if(speakers_, [&who](const speaker& one) { return one.who == &who; });
}

void cipher_round::run() {
  while (!arrivals_.empty() || !speakers_.empty()) {
    decrypt_all();
    encrypt_all();
  }
}

void cipher_round::decrypt_all() {
  std::swap(arrived_, arrivals_);
  jobs_.clear();
  for (const arrival& one : arrived_) {
    jobs_.push_back(one.job);
  }
  crypto::decrypt(jobs_);
  for (std::size_t i = 0; i < arrived_.size(); ++i) {
    cipher_client& whose = *arrived_[i].whose;
    whose.decrypted(jobs_[i].good ? mtproto::buffer_slice(std::move(arrived_[i].bytes)) : mtproto::buffer_slice());
  }
  arrived_.clear();
}

void cipher_round::encrypt_all() {
  std::swap(speaking_, speakers_);
  packets_.bytes.clear();
  packets_.packets.clear();
  for (std::size_t i = 0; i < speaking_.size(); ++i) {
    packets_.speaker = i;
    speaking_[i].who->gather(packets_);
  }
  jobs_.clear();
  for (const departure& one : packets_.packets) {
    const speaker& by = speaking_[one.speaker];
    const auto packet = std::span(packets_.bytes).subspan(one.offset, one.size);
    jobs_.push_back(mtproto::seal_job(packet, by.id, *by.key, crypto::sender::client));
  }
  crypto::encrypt(jobs_);
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    mtproto::finish_seal(jobs_[i]);
    const departure& one = packets_.packets[i];
    cipher_client& who = *speaking_[one.speaker].who;
    who.encrypted(std::span(packets_.bytes).subspan(one.offset, one.size));
    if (i + 1 == jobs_.size() || packets_.packets[i + 1].speaker != one.speaker) {
      who.send();
    }
  }
  speaking_.clear();
}

std::span<std::uint8_t> cipher_round::packet_list::open(std::size_t size) {
  const std::size_t offset = bytes.size();
  bytes.resize(offset + size);
  packets.push_back({speaker, offset, size});
  return std::span(bytes).subspan(offset, size);
}

} // namespace godwit::bench
