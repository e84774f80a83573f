#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "protocol/mtproto/handshake/handshake_jobs.hpp"
#include "protocol/mtproto/handshake/server_handshake.hpp"
#include "tests/protocol/mtproto/handshake/handshake_support.hpp"
#include "tests/protocol/mtproto/handshake/manual_client.hpp"

namespace godwit::test {

/// One exchange that is made again and again from the same seed, its expensive steps once: what they yielded is
/// put into the work of the later ones. So thousands of packets can be tried at each step in a second.
class replayed_exchange {
public:
  explicit replayed_exchange(std::uint64_t seed) : seed_(seed), client_(seed + 1) {
    seeded_random random(seed_);
    mtproto::server_handshake server(keys_of_server(), random);
    req_pq_ = client_.req_pq();
    res_pq_ = answer_in(server.handle(req_pq_, server_clock));
    client_.take_res_pq(res_pq_);
    req_dh_params_ = client_.req_dh_params();
    mtproto::handshake_result step = server.handle(req_dh_params_, server_clock);
    auto& work = std::get<mtproto::handshake_work>(*step);
    work.run();
    deciphered_ = *static_cast<mtproto::decipher_job&>(work.what()).outcome;
    dh_params_ = answer_in(server.finish(std::move(work)));
    set_client_dh_params_ = client_.set_client_dh_params();
  }

  /// How far a server is: 0 fresh, 1 after resPQ, 2 after server_DH_params_ok, 3 with a key to commit.
  [[nodiscard]] mtproto::server_handshake server_at(int step, seeded_random& random) const {
    random = seeded_random(seed_);
    mtproto::server_handshake server(keys_of_server(), random);
    if (step >= 1) {
      (void)server.handle(req_pq_, server_clock);
    }
    if (step >= 2) {
      (void)finish_replayed(server, server.handle(req_dh_params_, server_clock));
    }
    if (step >= 3) {
      (void)finish_replayed(server, server.handle(set_client_dh_params_, server_clock));
    }
    return server;
  }

  /// Hands work back with the result of the first time; anything else as it is.
  [[nodiscard]] mtproto::handshake_result finish_replayed(mtproto::server_handshake& server,
                                                          mtproto::handshake_result step) const {
    auto* work = step ? std::get_if<mtproto::handshake_work>(&*step) : nullptr;
    if (work == nullptr) {
      return step;
    }
    if (auto* decipher = dynamic_cast<mtproto::decipher_job*>(&work->what())) {
      decipher->outcome = deciphered_;
    } else {
      dynamic_cast<mtproto::agree_job&>(work->what()).key.emplace().value = crypto::dh::prime;
    }
    return server.finish(std::move(*work));
  }

  /// The query that is due at a step.
  [[nodiscard]] const std::string& query_at(int step) const {
    return step == 0 ? req_pq_ : step == 1 ? req_dh_params_ : set_client_dh_params_;
  }

  [[nodiscard]] const manual_client& client() const { return client_; }
  [[nodiscard]] const std::string& res_pq() const { return res_pq_; }
  [[nodiscard]] const std::string& dh_params() const { return dh_params_; }

private:
  std::uint64_t seed_;
  manual_client client_;
  std::string req_pq_;
  std::string res_pq_;
  std::string req_dh_params_;
  std::string dh_params_;
  std::string set_client_dh_params_;
  mtproto::decipher_job::result deciphered_;
};

} // namespace godwit::test
