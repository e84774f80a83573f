#include <algorithm>
#include <set>
#include <sstream>

#include "protocol/tl/compiler/emit.hpp"

namespace godwit::tl::schema {
namespace {

/// Constructor numbers of the records that `wanted` names, each once, ascending.
template <class Wanted>
std::map<std::uint32_t, const record*> by_number(const model& of, Wanted wanted) {
  std::map<std::uint32_t, const record*> table;
  for (const record& each : of.records) {
    if (wanted(each)) {
      for (const variant& line : each.variants) {
        table[line.source->id] = &each;
      }
    }
  }
  return table;
}

std::string all_headers(const model& of, const target& to, const std::string& ending) {
  std::string text;
  for (const unit& each : of.units) {
    text += "#include \"protocol/tl/" + to.folder + "/" + each.name + ending + ".hpp\"\n";
  }
  return text;
}

std::string objects_source(const model& of, const target& to) {
  std::ostringstream out;
  out << all_headers(of, to, "")
      << "#include \"protocol/tl/generated_support.hpp\"\n#include \"protocol/tl/objects.hpp\"\n\n"
      << "namespace " << to.space << " {\nnamespace {\n\nconstexpr constructor_entry constructors[] = {\n";
  for (const auto& [id, each] : by_number(of, [&](const record& r) { return !r.is_function || !of.layered; })) {
    // Through the type where it has a class: one instance for all its constructors, which compiles faster.
    const std::string& made = each->is_function ? each->cpp_name : of.class_of(each->result);
    out << "  {" << hex(id) << ", &fetch_any<" << made << ">},\n";
  }
  out << "};\n\n} // namespace\n\nbox<object> fetch_object(reader& in) { return fetch_listed(in, constructors); }\n\n"
      << "} // namespace " << to.space << "\n";
  return out.str();
}

std::string methods_source(const model& of, const target& to) {
  std::map<std::string, int> indexes;
  for (const record& each : of.records) {
    if (each.is_function) {
      indexes[each.name] = 0;
    }
  }
  int next = 0;
  for (auto& [name, index] : indexes) {
    index = next++;
  }
  const auto table = by_number(of, [](const record& r) { return r.is_function; });
  std::ostringstream out;
  out << all_headers(of, to, "_fn") << "#include \"protocol/tl/method_table.hpp\"\n\nnamespace " << to.space
      << " {\nnamespace {\n\nconstexpr std::string_view names[] = {\n";
  for (const auto& [name, index] : indexes) {
    out << "  \"" << name << "\",\n";
  }
  out << "};\n\nconstexpr method_info infos[] = {\n";
  for (const auto& [id, each] : table) {
    int first = last_layer;
    int last = first_layer;
    for (const variant& line : each->variants) {
      if (line.source->id == id) {
        first = std::min(first, line.source->layers.front().first);
        last = std::max(last, line.source->layers.back().second);
      }
    }
    const int index = indexes[each->name];
    out << "  {" << hex(id) << ", " << hex(each->kind_id()) << ", " << index << ", " << first << ", " << last << ", "
        << (each->result == "X" ? "true" : "false") << ", names[" << index << "]},\n";
  }
  out << "};\n\nconstexpr function_reader readers[] = {\n";
  for (const auto& [id, each] : table) {
    out << "  &read_function<fn::" << each->cpp_name << ">,\n";
  }
  out << "};\n\n} // namespace\n\nconst method_table& methods() {\n"
      << "  static constexpr method_table table{names, infos, readers};\n  return table;\n}\n\n} // namespace "
      << to.space << "\n";
  return out.str();
}

} // namespace

void emit_tables(const model& of, const target& to, generated_files& out) {
  out[to.folder + "/objects.cpp"] = objects_source(of, to);
  if (of.layered) {
    out[to.folder + "/methods.cpp"] = methods_source(of, to);
  }
}

} // namespace godwit::tl::schema
