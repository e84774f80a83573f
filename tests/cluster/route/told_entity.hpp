#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cluster/shard/entity_actor.hpp"
#include "cluster/shard/entity_factory.hpp"
#include "cluster/shard/entity_push.hpp"

namespace godwit::test {

inline constexpr persistence::table_id told_table{202};

/// An entity that keeps what it was told. Its commands:
///
///   tell X   keeps X; answers how much there is, and pushes X to all that listen, once it is committed
///   count    how much there is, from memory
///   all      everything, from memory
///   hold     never answered
///   end      ends by a fault
///
/// A request that listens makes its asker hear pushes, until its end; when the entity ends they hear `gone`.
class told_entity final : public cluster::entity_actor {
public:
  using cluster::entity_actor::entity_actor;

  static cluster::entity_factories factories() {
    cluster::entity_factories out;
    out[cluster::entity_kind::user] = [](caf::actor_system& system, cluster::home_loop& home,
                                         cluster::shard_context& shard, cluster::entity_ref self) -> caf::actor {
      return system.spawn<told_entity>(home, shard, self);
    };
    return out;
  }

  void on_exit() override {
    for (const auto& [id, each] : listeners_) {
      push(each, cluster::push_kind::gone, "");
    }
    cluster::entity_actor::on_exit();
  }

protected:
  std::vector<persistence::table_id> tables() const override { return {told_table}; }
  void load(const std::vector<cluster::loaded_row>& rows) override {
    for (const cluster::loaded_row& each : rows) {
      told_.push_back(each.value);
    }
    set_down_handler([this](const caf::down_msg& what) { listeners_.erase(what.source.id()); });
  }
  bool busy() const override { return !listeners_.empty(); }

  void handle(const cluster::entity_request_ptr& request) override {
    if (request->listens) {
      if (!listeners_.contains(request->reply_to.id())) {
        monitor(request->reply_to);
      }
      listeners_[request->reply_to.id()] = {request->reply_to, request->token};
    }
    const std::string& what = request->body;
    if (what.starts_with("tell ")) {
      told_.push_back(what.substr(5));
      std::string key = std::to_string(told_.size());
      mutation().put(told_table, self_ref().id, std::string(8 - std::min<std::size_t>(key.size(), 8), '0') + key,
                     told_.back());
      propose();
      when_applied([this, text = told_.back()] {
        for (const auto& [id, each] : listeners_) {
          push(each, cluster::push_kind::update, text);
        }
      });
      reply(request, std::to_string(told_.size()));
    } else if (what == "count") {
      reply(request, std::to_string(told_.size()) + '/' + std::to_string(listeners_.size()));
    } else if (what == "all") {
      std::string out;
      for (const std::string& each : told_) {
        out += each + ' ';
      }
      reply(request, std::move(out));
    } else if (what == "end") {
      throw std::logic_error("told to");
    }
  }

private:
  struct listener {
    caf::actor who;
    std::uint64_t token = 0;
  };

  void push(const listener& to, cluster::push_kind kind, const std::string& text) {
    cluster::entity_push out;
    out.from = self_ref();
    out.kind = kind;
    out.subscription = to.token;
    out.body = std::make_shared<const std::string>(text);
    caf::anon_send(to.who, std::move(out));
  }

  std::vector<std::string> told_;
  std::map<caf::actor_id, listener> listeners_;
};

} // namespace godwit::test
