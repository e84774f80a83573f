#pragma once

#include <map>
#include <string>
#include <vector>

#include "protocol/tl/compiler/schema.hpp"

namespace godwit::tl::schema {

/// One member of a generated struct: a field as all variants together need it.
struct member {
  std::string name; ///< in C++
  field_type type;  ///< flags_field says nothing here
  bool optional = false;
  /// An older form that newer members stand for: no member of the struct, but two functions written by hand,
  /// `make_<name>` and `take_<name>`.
  bool by_hand = false;
};

/// A field of a variant, and the member it is kept in.
struct placed_field {
  const field* source = nullptr;
  int member = -1; ///< -1: flags, or of an absent type
};

/// One line, ready to be read and written.
struct variant {
  const definition* source = nullptr;
  std::vector<placed_field> fields;
};

/// All lines of one name: one generated struct.
struct record {
  std::string name;
  std::string cpp_name;
  bool is_function = false;
  std::vector<member> members;
  std::vector<variant> variants; ///< newest first
  std::string result;            ///< of the newest variant
  bool several_results = false;  ///< older variants yield another type

  [[nodiscard]] std::uint32_t kind_id() const { return variants.front().source->id; }
};

/// A type and its constructors.
struct type_info {
  std::string cpp_name;
  std::vector<std::size_t> records;
  std::string unit;
  bool absent = false;

  /// No class of its own: its only constructor stands for it.
  [[nodiscard]] bool single() const { return records.size() == 1; }
};

/// Everything known after all files were read.
struct model {
  std::vector<unit> units;
  std::vector<record> records;
  std::map<std::string, std::vector<std::size_t>> by_unit; ///< records of each file, in the order of the file
  std::map<std::string, type_info> types;
  bool layered = true; ///< false for MTProto's own schema

  [[nodiscard]] bool is_absent(const field_type& type) const {
    return type.base == base_type::object && types.at(type.object).absent;
  }
  /// C++ name of what a box of the type holds.
  [[nodiscard]] const std::string& class_of(const std::string& type) const;
};

/// @throws schema_error when the files contradict each other
model merge(std::vector<unit> units, bool layered);

} // namespace godwit::tl::schema
