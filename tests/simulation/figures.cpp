#include "tests/simulation/figures.hpp"

#include <array>
#include <utility>

namespace godwit::simulation {

namespace {

using field = std::pair<const char*, std::uint64_t figures::*>;

constexpr std::array fields{
  field{"schedules", &figures::schedules},       field{"steps", &figures::steps},
  field{"messages", &figures::messages},         field{"commits", &figures::commits},
  field{"acknowledged", &figures::acknowledged}, field{"lost", &figures::lost},
  field{"unknown", &figures::unknown},           field{"fenced", &figures::fenced},
  field{"crashes", &figures::crashes},           field{"restarts", &figures::restarts},
  field{"elections", &figures::elections},       field{"snapshot offers", &figures::offers},
  field{"installs", &figures::installs},         field{"trims", &figures::trims},
  field{"log reads", &figures::log_reads},       field{"changes", &figures::changes},
  field{"transfers", &figures::transfers},       field{"lease reads", &figures::lease_reads},
  field{"flushes", &figures::flushes},           field{"undone flushes", &figures::undone_flushes},
  field{"torn writes", &figures::torn_writes},   field{"full compares", &figures::full_compares},
};

} // namespace

figures& figures::operator+=(const figures& other) {
  for (const auto& [name, member] : fields) {
    this->*member += other.*member;
  }
  return *this;
}

std::string figures::line() const {
  std::string out;
  for (const auto& [name, member] : fields) {
    out += (out.empty() ? "" : ", ") + std::string(name) + " " + std::to_string(this->*member);
  }
  return out;
}

} // namespace godwit::simulation
