#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "protocol/tl/compiler/merge.hpp"

namespace godwit::tl {

/// Makes random valid bytes straight from lines of the schema, without the generated code: what that code
/// reads and writes is compared with them.
class sampler {
public:
  sampler(const schema::model& of, std::uint64_t seed);

  /// One line with random values whose objects all exist at `layer`. Nothing when a mandatory one does not.
  std::optional<std::string> line(const schema::definition& of, int layer);
  /// A constructor of the type that exists at `layer`.
  std::optional<std::string> object(const std::string& type, int layer);

  std::uint64_t below(std::uint64_t end) { return dice_() % end; }

private:
  const schema::definition* choose(const std::string& type, int layer);
  std::optional<std::string> body(const schema::definition& of, int layer);
  std::optional<std::string> value(const schema::field_type& type, int layer);
  std::optional<std::string> vector(const schema::field_type& type, int layer);
  std::string text();
  std::string bytes();

  const schema::model& model_;
  std::mt19937_64 dice_;
  int depth_ = 0;
  std::map<std::string, std::vector<const schema::definition*>> by_type_;
};

/// Whether the line is what its name looks like at `layer`.
bool is_current(const schema::definition& line, int layer);

} // namespace godwit::tl
