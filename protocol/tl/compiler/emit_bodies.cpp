#include <algorithm>
#include <set>
#include <sstream>

#include "protocol/tl/compiler/emit.hpp"

namespace godwit::tl::schema {
namespace {

/// "(flags & (1U << 3)) != 0"
std::string bit_test(const field_type& type) {
  return "(" + type.flags_field + " & (1U << " + std::to_string(type.bit) + ")) != 0";
}

/// What a variant reads; bits that only older lines of the same number have are added.
std::vector<placed_field> fields_to_read(const record& from, const variant& line) {
  std::vector<placed_field> fields = line.fields;
  std::set<std::string> names;
  std::set<std::pair<std::string, int>> bits;
  for (const placed_field& each : fields) {
    names.insert(each.source->name);
    bits.emplace(each.source->type.flags_field, each.source->type.bit);
  }
  for (const variant& other : from.variants) {
    if (other.source->id != line.source->id) {
      continue;
    }
    for (const placed_field& each : other.fields) {
      if (each.source->type.base == base_type::flag && names.insert(each.source->name).second &&
          bits.emplace(each.source->type.flags_field, each.source->type.bit).second) {
        fields.push_back(each);
      }
    }
  }
  return fields;
}

void read_absent(const placed_field& each, std::ostream& out) {
  const field_type& type = each.source->type;
  if (type.is_conditional()) {
    out << "    if (" << bit_test(type) << ") {\n      r_.fail(tl_errc::unknown_constructor);\n    }\n";
  } else {
    out << "    skip_empty_vector(r_);\n";
  }
}

void read_field(const model& of, const target& to, const record& from, const placed_field& each, std::ostream& out) {
  const field_type& type = each.source->type;
  if (type.base == base_type::flags) {
    out << "    [[maybe_unused]] const std::uint32_t " << each.source->name << " = r_.read_id();\n";
    return;
  }
  if (each.member < 0) {
    read_absent(each, out);
    return;
  }
  const member& kept = from.members[static_cast<std::size_t>(each.member)];
  const auto assigned = [&](const std::string& value) {
    return kept.by_hand ? "take_" + kept.name + "(" + value + ");\n" : kept.name + " = " + value + ";\n";
  };
  if (type.base == base_type::flag) {
    out << "    " << assigned(bit_test(type));
  } else if (type.is_conditional()) {
    out << "    if (" << bit_test(type) << ") {\n      " << assigned(read_expression(of, to, type)) << "    }\n";
  } else {
    out << "    " << assigned(read_expression(of, to, type));
  }
}

/// Expression for what a member holds.
std::string held(const member& kept) { return kept.by_hand ? "make_" + kept.name + "()" : kept.name; }

std::string presence(const record& from, const placed_field& each) {
  const member& kept = from.members[static_cast<std::size_t>(each.member)];
  const std::string name = held(kept);
  if (each.source->type.base == base_type::flag) {
    return kept.optional ? name + ".value_or(false)" : name;
  }
  if (kept.type.base == base_type::object && !kept.type.is_vector) {
    return name + " != nullptr";
  }
  return name + ".has_value()";
}

/// `flags` of a variant, out of what is set.
void store_flags(const record& from, const variant& line, const std::string& flags, std::ostream& out) {
  std::map<int, std::string> bits;
  for (const placed_field& each : line.fields) {
    if (each.source->type.flags_field == flags && each.member >= 0) {
      std::string& text = bits[each.source->type.bit];
      text += (text.empty() ? "" : " || ") + presence(from, each);
    }
  }
  out << "    std::uint32_t " << flags << " = 0;\n";
  for (const auto& [bit, text] : bits) {
    out << "    " << flags << " |= " << (text.find("||") == std::string::npos ? text : "(" + text + ")") << " ? 1U << "
        << bit << " : 0U;\n";
  }
  out << "    w_.write_id(" << flags << ");\n";
}

std::string store_value(const field_type& type, const member& kept, const std::string& value) {
  if (type.is_vector) {
    if (type.is_bare) {
      return "store_bare_vector(w_, " + value + ")";
    }
    return "store_vector(w_, " + value + ", layer_)";
  }
  switch (type.base) {
  case base_type::integer:
    return kept.type.base == base_type::long_integer ? "w_.write_int(static_cast<std::int32_t>(" + value + "))"
                                                     : "w_.write_int(" + value + ")";
  case base_type::long_integer: return "w_.write_long(" + value + ")";
  case base_type::real: return "w_.write_double(" + value + ")";
  case base_type::string:
  case base_type::bytes: return "w_.write_bytes(" + value + ")";
  case base_type::int128: return "w_.write_int128(" + value + ")";
  case base_type::int256: return "w_.write_int256(" + value + ")";
  case base_type::boolean: return "w_.write_bool(" + value + ")";
  case base_type::wrapped: return "w_.write_raw(" + value + ")";
  default: return "store_box(w_, " + value + ".get(), layer_)";
  }
}

void store_field(const record& from, const placed_field& each, std::ostream& out) {
  const field_type& type = each.source->type;
  if (type.base == base_type::flag) {
    return;
  }
  if (each.member < 0) {
    if (!type.is_conditional()) {
      out << "    w_.write_vector(0);\n";
    }
    return;
  }
  const member& kept = from.members[static_cast<std::size_t>(each.member)];
  const bool is_box = kept.type.base == base_type::object && !kept.type.is_vector;
  const std::string value = kept.optional && !is_box ? "or_default(" + held(kept) + ")" : held(kept);
  if (type.is_conditional()) {
    out << "    if (" << bit_test(type) << ") {\n      " << store_value(type, kept, value) << ";\n    }\n";
  } else {
    out << "    " << store_value(type, kept, value) << ";\n";
  }
}

std::string variant_body(const record& from, const variant& line) {
  std::ostringstream out;
  out << "    w_.write_id(" << hex(line.source->id) << ");\n";
  for (const placed_field& each : line.fields) {
    if (each.source->type.base == base_type::flags) {
      store_flags(from, line, each.source->name, out);
    } else {
      store_field(from, each, out);
    }
  }
  return out.str();
}

} // namespace

std::string read_expression(const model& of, const target& to, const field_type& type) {
  const bool text = of.layered;
  if (type.is_vector) {
    switch (type.base) {
    case base_type::integer: return "fetch_int_vector(r_)";
    case base_type::long_integer: return "fetch_long_vector(r_)";
    case base_type::string: return text ? "fetch_text_vector(r_)" : "fetch_bytes_vector(r_)";
    case base_type::bytes: return "fetch_bytes_vector(r_)";
    case base_type::boolean: return "fetch_bool_vector(r_)";
    case base_type::object: {
      const std::string element = "::" + to.space + "::" + of.class_of(type.object);
      return (type.is_bare ? "fetch_bare_vector<" : "fetch_vector<") + element + ">(r_)";
    }
    default: throw schema_error("vectors of this element are not supported");
    }
  }
  switch (type.base) {
  case base_type::integer: return "r_.read_int()";
  case base_type::long_integer: return "r_.read_long()";
  case base_type::real: return "r_.read_double()";
  case base_type::string: return text ? "r_.read_text()" : "r_.read_bytes()";
  case base_type::bytes: return "r_.read_bytes()";
  case base_type::int128: return "r_.read_int128()";
  case base_type::int256: return "r_.read_int256()";
  case base_type::boolean: return "r_.read_bool()";
  case base_type::wrapped: return "read_query(r_)";
  case base_type::object: return "::" + to.space + "::" + of.class_of(type.object) + "::fetch(r_)";
  default: throw schema_error("a field of this type has no value");
  }
}

std::string read_body_of(const model& of, const target& to, const record& from) {
  std::ostringstream out;
  out << "void " << from.cpp_name
      << "::read_body(reader& r_, std::uint32_t constructor_) {\n  switch (constructor_) {\n";
  std::set<std::uint32_t> done;
  for (const variant& line : from.variants) {
    if (!done.insert(line.source->id).second) {
      continue;
    }
    out << "  case " << hex(line.source->id) << ": {\n";
    for (const placed_field& each : fields_to_read(from, line)) {
      read_field(of, to, from, each, out);
    }
    out << "    break;\n  }\n";
  }
  out << "  default:\n    r_.fail(tl_errc::unknown_constructor);\n  }\n}\n\n";
  return out.str();
}

std::string store_of(const model& of, const target& /*to*/, const record& from) {
  // Neighbouring lines that differ only in what is not written share their code.
  std::vector<std::pair<std::string, std::vector<layer_range>>> bodies;
  const bool only_alternatives = std::all_of(from.variants.begin(), from.variants.end(),
                                             [](const variant& line) { return line.source->is_alternative; });
  for (const variant& line : from.variants) {
    if (line.source->is_alternative && !only_alternatives) {
      continue;
    }
    const std::string body = variant_body(from, line);
    if (bodies.empty() || bodies.back().first != body) {
      bodies.emplace_back(body, std::vector<layer_range>{});
    }
    std::vector<layer_range>& layers = bodies.back().second;
    layers.insert(layers.end(), line.source->layers.begin(), line.source->layers.end());
  }
  std::ostringstream out;
  out << "void " << from.cpp_name << "::store(writer& w_, [[maybe_unused]] layer_t layer_) const {\n";
  if (!of.layered) {
    out << "  {\n" << bodies.front().first << "  }\n}\n\n";
    return out.str();
  }
  std::string lead = "  if (";
  for (const auto& [body, layers] : bodies) {
    out << lead << layer_condition(layers) << ") {\n" << body << "  }";
    lead = " else if (";
  }
  out << " else {\n    w_.fail(tl_errc::unknown_constructor);\n  }\n}\n\n";
  return out.str();
}

} // namespace godwit::tl::schema
