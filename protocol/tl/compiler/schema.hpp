#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace godwit::tl::schema {

/// A line of the schema that cannot be used; what() names file and line. Caught in main().
class schema_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

enum class base_type : std::uint8_t {
  integer, ///< int
  long_integer,
  real, ///< double
  string,
  bytes,
  int128,
  int256,
  boolean, ///< Bool
  flag,    ///< true: no bytes of its own
  flags,   ///< #
  object,  ///< a boxed type, by name
  wrapped, ///< !X: the rest of the input
};

/// The type of one field.
struct field_type {
  base_type base{};
  std::string object; ///< of base_type::object: name of the type, or of the constructor when bare
  bool is_vector = false;
  bool is_bare = false;    ///< vector<x>: neither the vector nor its elements have a constructor number
  std::string flags_field; ///< `flags2` in flags2.N?T; empty: mandatory
  int bit = 0;

  [[nodiscard]] bool is_conditional() const { return !flags_field.empty(); }
};

struct field {
  std::string name;
  std::string text; ///< of the type, as written
  field_type type;
};

using layer_range = std::pair<int, int>; ///< first and last

/// One line: a variant of a constructor or of a function.
struct definition {
  std::string name;
  std::uint32_t id = 0;
  std::vector<field> fields;
  std::string result;
  bool is_function = false;
  bool is_alternative = false; ///< ALT: understood, never sent
  std::vector<layer_range> layers;
  std::string line;  ///< without the comment
  std::string place; ///< file:line
};

/// One file.
struct unit {
  std::string name; ///< "auth" of auth.tl
  std::vector<definition> definitions;
  std::set<std::string> absent; ///< types that are named and not defined, see schema/README.md
};

inline constexpr int first_layer = 133;
inline constexpr int last_layer = 229;

/// A type as fields and results have it: "Vector<long>", "flags.2?string". @throws schema_error
field_type parse_field_type(std::string_view text);

/// Reads one file. @throws schema_error
unit parse_unit(std::string name, std::string_view text);

/// The number that the language gives to a line: CRC32 of its canonical form.
/// Source: https://core.telegram.org/mtproto/TL-formal
std::uint32_t canonical_id(std::string_view line);

} // namespace godwit::tl::schema
