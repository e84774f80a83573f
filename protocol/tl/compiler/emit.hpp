#pragma once

#include <map>
#include <string>

#include "protocol/tl/compiler/merge.hpp"

namespace godwit::tl::schema {

/// Where the files of one schema go, and how its names are written.
struct target {
  std::string folder; ///< "api" or "mt"
  std::string space;  ///< "godwit::tl" or "godwit::tl::mt"
};

/// Generated text by file name, "api/auth.hpp".
using generated_files = std::map<std::string, std::string>;

/// "0x1cb5c415"
std::string hex(std::uint32_t id);
/// Type of a value of the field in C++, conditions aside.
std::string value_class(const model& of, const target& to, const field_type& type);
/// Expression that reads a value of the field from `r_`. Parameters and locals of generated functions end in
/// an underscore: no field is called that.
std::string read_expression(const model& of, const target& to, const field_type& type);
/// Condition on `layer_` under which one of the ranges holds; "true" when always.
std::string layer_condition(const std::vector<layer_range>& layers);
/// The layers in which a name exists.
std::vector<layer_range> layers_of(const record& of);
/// Includes of the headers that define the types which `records` hold or yield.
std::string includes_for(const model& of, const target& to, const std::vector<std::size_t>& records);

/// Declarations of types and functions.
void emit_headers(const model& of, const target& to, generated_files& out);
/// Their definitions.
void emit_sources(const model& of, const target& to, generated_files& out);
/// read_body and store of one struct.
std::string read_body_of(const model& of, const target& to, const record& from);
std::string store_of(const model& of, const target& to, const record& from);
/// Tables of all constructors and functions.
void emit_tables(const model& of, const target& to, generated_files& out);

} // namespace godwit::tl::schema
