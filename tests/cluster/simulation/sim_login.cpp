#include "tests/cluster/simulation/sim_login.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <string>
#include <utility>
#include <variant>

#include "actors/account/account_flow.hpp"
#include "actors/commands/account_commands.pb.h"
#include "cluster/base/pinned_actor.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::cluster_sim {

namespace {

using cluster::entity_reply;
using cluster::reply_status;

constexpr monotonic_ms answer_max_ms = 20'000;

class asker final : public cluster::pinned_actor {
public:
  asker(caf::actor_config& config, cluster::home_loop& home, std::optional<entity_reply>* into)
      : cluster::pinned_actor(config, home), into_(into) {}

  caf::behavior make_behavior() override {
    return {[this](const entity_reply& what) { *into_ = what; }};
  }

private:
  std::optional<entity_reply>* into_;
};

class login {
public:
  login(sim_world& world, std::uint32_t node, std::uint64_t key) : world_(world), node_(world.at(node)) {
    context_.key = context_.used_key = auth_key_id{key};
    context_.session = session_id{key};
    context_.layer = device_layer;
    context_.device.api_id = 1;
    context_.device.device_model = "Test";
    context_.address = "127.0.0.1";
    context_.now = static_cast<unix_time>(node_.loop().wall_at(world.network.now()) / 1000);
    asker_ = world.system->spawn<asker>(node_.loop(), &reply_);
  }
  ~login() {
    caf::anon_send_exit(asker_, caf::exit_reason::kill);
    asker_ = nullptr;
    world_.network.run();
  }

  cluster::caller run(std::uint64_t phone) {
    command::KeyCommand create;
    create.mutable_create()->set_key(std::string(256, 'k'));
    const cluster::entity_ref key{cluster::entity_kind::auth_key, cluster::entity_id{context_.key.value()}};
    ask(key, {}, create.SerializeAsString());
    const std::string number = std::to_string(phone);
    tl::fn::auth_sendCode code;
    code.phone_number = number;
    code.api_id = 1;
    code.settings = tl::make<tl::codeSettings>();
    tl::fn::auth_signIn in;
    in.phone_number = number;
    const auto sent = flow(code);
    if (sent.answer) {
      tl::reader bytes(*sent.answer);
      const auto what = tl::auth_SentCode::fetch(bytes);
      const auto* found = tl::as<tl::auth_sentCode>(what);
      in.phone_code_hash = found == nullptr ? "" : found->phone_code_hash;
    }
    in.phone_code = std::string(5, number[5]);
    account::flow_done done = flow(in);
    if (!std::holds_alternative<account::login_changed>(done.change)) {
      tl::fn::auth_signUp up;
      up.phone_number = number;
      up.phone_code_hash = in.phone_code_hash;
      up.first_name = "Ada";
      done = flow(up);
    }
    cluster::caller out = caller();
    if (const auto* made = std::get_if<account::login_changed>(&done.change)) {
      out.user = made->user;
      out.authorization = made->authorization;
    } else {
      world_.violated("nobody could sign in: " + (done.answer ? "no login" : text_of(done.answer.error())));
    }
    return out;
  }

private:
  [[nodiscard]] cluster::caller caller() const {
    cluster::caller out;
    out.key = context_.key;
    out.session = context_.session;
    out.layer = context_.layer;
    return out;
  }

  account::flow_done flow(const tl::fn::function& what) {
    std::string bytes;
    tl::writer out(bytes);
    what.store(out, device_layer);
    account::account_flow flow(node_.accounts(), context_, std::move(bytes));
    account::flow_step step = flow.start();
    while (const auto* wanted = std::get_if<account::flow_request>(&step)) {
      entity_reply reply = ask(wanted->to, wanted->from, wanted->body);
      reply.token = wanted->token;
      step = flow.reply(reply).value();
    }
    return std::get<account::flow_done>(step);
  }

  entity_reply ask(const cluster::entity_ref& to, const cluster::caller& from, const std::string& body) {
    const monotonic_ms end = world_.network.now() + answer_max_ms;
    while (world_.network.now() < end) {
      auto request = caf::make_counted<cluster::entity_request>();
      request->to = to;
      request->from = from;
      request->body = body;
      request->reply_to = asker_;
      reply_.reset();
      node_.router().send(std::move(request));
      world_.network.run_until([this] { return reply_.has_value(); }, answer_max_ms);
      if (reply_ && reply_->status != reply_status::unavailable) {
        return *reply_;
      }
      world_.network.advance(100);
    }
    entity_reply refused;
    refused.status = reply_status::error;
    refused.error = rpc_errc::rpc_call_fail;
    return refused;
  }

  sim_world& world_;
  sim_process& node_;
  account::flow_context context_;
  caf::actor asker_;
  std::optional<entity_reply> reply_;
};

} // namespace

cluster::caller log_in(sim_world& world, std::uint32_t node, std::uint64_t phone, std::uint64_t key) {
  return login(world, node, key).run(phone);
}

} // namespace godwit::cluster_sim
