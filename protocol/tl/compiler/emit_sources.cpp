#include <set>
#include <sstream>

#include "protocol/tl/compiler/emit.hpp"

namespace godwit::tl::schema {
namespace {

void define_result(const model& of, const target& to, const record& from, std::ostream& out) {
  if (from.result == "X" || from.several_results) {
    return; // written by hand in results.cpp
  }
  const field_type type = parse_field_type(from.result);
  out << "void " << from.cpp_name
      << "::store_result(writer& w_, const result& value_, [[maybe_unused]] layer_t layer_) {\n  ";
  if (type.is_vector) {
    out << "store_vector(w_, value_, layer_)";
  } else if (type.base == base_type::object) {
    out << "store_box(w_, value_.get(), layer_)";
  } else if (type.base == base_type::boolean) {
    out << "w_.write_bool(value_)";
  } else if (type.base == base_type::integer) {
    out << "w_.write_int(value_)";
  } else {
    throw schema_error(from.name + ": a result of this type is not supported");
  }
  out << ";\n}\n\n"
      << from.cpp_name << "::result " << from.cpp_name << "::fetch_result(reader& r_, layer_t /*layer*/) {\n  return "
      << read_expression(of, to, type) << ";\n}\n\n";
}

void define_record(const model& of, const target& to, const record& from, std::ostream& out) {
  const std::string& name = from.cpp_name;
  out << name << "::" << name << "() = default;\n" << name << "::~" << name << "() = default;\n\n";
  out << "bool " << name << "::known_at([[maybe_unused]] layer_t layer_) const { return "
      << layer_condition(layers_of(from)) << "; }\n\n";
  out << store_of(of, to, from) << read_body_of(of, to, from);
  out << "box<" << name << "> " << name << "::fetch(reader& r_) { return fetch_body<" << name
      << ">(r_, r_.read_id()); }\n\n";
}

void define_type(const model& of, const type_info& type, std::ostream& out) {
  out << "box<" << type.cpp_name << "> " << type.cpp_name << "::fetch(reader& r_) {\n"
      << "  const std::uint32_t id = r_.read_id();\n  switch (id) {\n";
  for (const std::size_t index : type.records) {
    const record& each = of.records[index];
    std::set<std::uint32_t> ids;
    for (const variant& line : each.variants) {
      if (ids.insert(line.source->id).second) {
        out << "  case " << hex(line.source->id) << ":\n";
      }
    }
    out << "    return fetch_body<" << each.cpp_name << ">(r_, id);\n";
  }
  out << "  default:\n    r_.fail(tl_errc::unknown_constructor);\n    return nullptr;\n  }\n}\n\n";
}

std::string source_of(const model& of, const target& to, const std::string& unit, bool functions) {
  std::vector<std::size_t> records;
  for (const std::size_t index : of.by_unit.at(unit)) {
    if ((of.records[index].is_function && of.layered) == functions) {
      records.push_back(index);
    }
  }
  std::ostringstream out;
  out << "#include \"protocol/tl/" << to.folder << "/" << unit << (functions ? "_fn" : "") << ".hpp\"\n"
      << includes_for(of, to, records) << "#include \"protocol/tl/generated_support.hpp\"\n\n"
      << "namespace " << to.space << (functions ? "::fn" : "") << " {\n\n";
  if (!functions) {
    for (const auto& [name, type] : of.types) {
      if (type.unit == unit && !type.absent && !type.single()) {
        define_type(of, type, out);
      }
    }
  }
  for (const std::size_t index : records) {
    define_record(of, to, of.records[index], out);
    if (functions) {
      define_result(of, to, of.records[index], out);
    }
  }
  out << "} // namespace " << to.space << (functions ? "::fn" : "") << "\n";
  return out.str();
}

} // namespace

std::string includes_for(const model& of, const target& to, const std::vector<std::size_t>& records) {
  std::set<std::string> units;
  const auto add = [&](const field_type& type) {
    if (type.base == base_type::object && !of.is_absent(type)) {
      units.insert(of.types.at(type.object).unit);
    }
  };
  for (const std::size_t index : records) {
    const record& each = of.records[index];
    for (const member& kept : each.members) {
      add(kept.type);
    }
    if (each.is_function && of.layered && each.result != "X") {
      add(parse_field_type(each.result));
    }
  }
  std::string text;
  for (const std::string& name : units) {
    text += "#include \"protocol/tl/" + to.folder + "/" + name + ".hpp\"\n";
  }
  return text;
}

void emit_sources(const model& of, const target& to, generated_files& out) {
  for (const unit& each : of.units) {
    out[to.folder + "/" + each.name + ".cpp"] = source_of(of, to, each.name, false);
    if (of.layered) {
      out[to.folder + "/" + each.name + "_fn.cpp"] = source_of(of, to, each.name, true);
    }
  }
}

} // namespace godwit::tl::schema
