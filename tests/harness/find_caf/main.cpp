#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/openssl/manager.hpp>
#include <caf/scoped_actor.hpp>

// Loads all three modules, so that each library is linked and there at run time.
int main() {
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", std::size_t{1});
  config.load<caf::io::middleman>().load<caf::openssl::manager>();
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  self->send(self, 42);
  int received = 0;
  self->receive([&](int value) { received = value; });
  return received == 42 && system.has_middleman() && system.has_openssl_manager() ? 0 : 1;
}
