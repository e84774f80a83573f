#include "protocol/tl/compiler/merge.hpp"

#include <algorithm>
#include <array>

namespace godwit::tl::schema {
namespace {

/// Layers of which no scheme was ever published: their clients get what the layer before has.
constexpr std::array unpublished_layers = {141, 153, 157, 226};

std::string with_underscores(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

const std::set<std::string>& keywords() {
  static const std::set<std::string> table = {
    "and",       "auto",     "bool",     "break",     "case",    "catch",  "char",     "class",   "concept",
    "const",     "continue", "default",  "delete",    "do",      "double", "else",     "enum",    "explicit",
    "export",    "extern",   "false",    "float",     "for",     "friend", "goto",     "if",      "inline",
    "int",       "long",     "mutable",  "namespace", "new",     "not",    "operator", "or",      "private",
    "protected", "public",   "register", "requires",  "return",  "short",  "signed",   "sizeof",  "static",
    "struct",    "switch",   "template", "this",      "throw",   "true",   "try",      "typedef", "typeid",
    "typename",  "union",    "unsigned", "using",     "virtual", "void",   "volatile", "while",   "xor"};
  return table;
}

/// Whether a member of `of` cannot have the name.
bool is_taken(const std::string& name, const record& of) {
  static const std::set<std::string> methods = {"kind", "kind_id", "known_at", "store", "fetch", "read_body"};
  return name == of.cpp_name || keywords().contains(name) || methods.contains(name) ||
         (of.is_function && (name == "name" || name == "result"));
}

/// Same values in C++, though perhaps of another width or optional.
bool fits(const member& kept, const field_type& type) {
  const auto like = [](base_type base) {
    switch (base) {
    case base_type::long_integer: return base_type::integer;
    case base_type::bytes: return base_type::string;
    case base_type::flag: return base_type::boolean;
    default: return base;
    }
  };
  if (kept.type.is_vector != type.is_vector || kept.type.object != type.object) {
    return false;
  }
  // The elements of a vector are not widened.
  return type.is_vector ? kept.type.base == type.base : like(kept.type.base) == like(type.base);
}

void widen(member& kept, const field_type& type) {
  if (type.base == base_type::long_integer || (kept.type.base == base_type::flag && type.base == base_type::boolean)) {
    kept.type.base = type.base;
  }
  kept.optional = kept.optional || (type.is_conditional() && type.base != base_type::flag);
}

std::string suffix_of(const field_type& type) {
  std::string text = with_underscores(type.object);
  for (const auto& [base, name] : std::map<base_type, std::string>{{base_type::integer, "int"},
                                                                   {base_type::long_integer, "long"},
                                                                   {base_type::real, "double"},
                                                                   {base_type::string, "string"},
                                                                   {base_type::bytes, "bytes"},
                                                                   {base_type::boolean, "bool"},
                                                                   {base_type::flag, "bool"},
                                                                   {base_type::int128, "int128"},
                                                                   {base_type::int256, "int256"}}) {
    text = base == type.base ? name : text;
  }
  return "_as_" + text + (type.is_vector ? "s" : "");
}

/// The member that holds `source`, made or widened as needed.
int place(record& to, const field& source) {
  const std::string plain = is_taken(source.name, to) ? source.name + "_" : source.name;
  for (const std::string& name : {plain, source.name + suffix_of(source.type)}) {
    const auto found =
      std::find_if(to.members.begin(), to.members.end(), [&](const member& m) { return m.name == name; });
    if (found == to.members.end()) {
      member made{name, source.type, false, name != plain};
      widen(made, source.type);
      to.members.push_back(made);
      return static_cast<int>(to.members.size()) - 1;
    }
    if (fits(*found, source.type)) {
      widen(*found, source.type);
      return static_cast<int>(found - to.members.begin());
    }
  }
  throw schema_error("no member fits " + to.name + "." + source.name);
}

void add_fields(model& into, record& to, variant& line) {
  for (const field& source : line.source->fields) {
    placed_field placed{&source, -1};
    if (source.type.base == base_type::object && !into.types.contains(source.type.object)) {
      throw schema_error(line.source->place + ": type " + source.type.object + " is neither defined nor @absent");
    }
    if (source.type.base != base_type::flags && !into.is_absent(source.type)) {
      placed.member = place(to, source);
    } else if (source.type.base == base_type::object && !source.type.is_conditional() && !source.type.is_vector) {
      throw schema_error(line.source->place + ": " + source.name + " is mandatory and of an absent type");
    }
    line.fields.push_back(placed);
  }
}

int newest(const definition& line) { return line.layers.empty() ? last_layer : line.layers.back().second; }

void extend_over_unpublished(definition& line) {
  for (layer_range& range : line.layers) {
    if (std::find(unpublished_layers.begin(), unpublished_layers.end(), range.second + 1) != unpublished_layers.end()) {
      ++range.second;
    }
  }
}

/// Two lines of one name must not claim the same layer.
void check_layers(const record& made) {
  for (int layer = first_layer; layer <= last_layer; ++layer) {
    int lines = 0;
    for (const variant& line : made.variants) {
      for (const auto& [first, last] : line.source->layers) {
        lines += !line.source->is_alternative && first <= layer && layer <= last ? 1 : 0;
      }
    }
    if (lines > 1) {
      throw schema_error(made.name + ": several variants at layer " + std::to_string(layer));
    }
  }
}

void make_record(model& into, const unit& of, const std::vector<const definition*>& lines) {
  record made;
  made.name = lines.front()->name;
  made.cpp_name = with_underscores(made.name);
  made.is_function = lines.front()->is_function;
  if (keywords().contains(made.cpp_name)) {
    made.cpp_name += "_";
  }
  for (const definition* line : lines) {
    made.variants.push_back({line, {}});
  }
  std::stable_sort(made.variants.begin(), made.variants.end(), [](const variant& a, const variant& b) {
    return newest(*a.source) != newest(*b.source) ? newest(*a.source) > newest(*b.source)
                                                  : a.source->is_alternative < b.source->is_alternative;
  });
  made.result = made.variants.front().source->result;
  for (variant& line : made.variants) {
    add_fields(into, made, line);
    made.several_results = made.several_results || line.source->result != made.result;
  }
  check_layers(made);
  into.by_unit[of.name].push_back(into.records.size());
  into.records.push_back(std::move(made));
}

/// The lines of each name of one file, in the order in which the names begin.
std::vector<std::vector<const definition*>> names_of(const unit& file) {
  std::vector<std::vector<const definition*>> names;
  std::map<std::pair<bool, std::string>, std::size_t> known;
  for (const definition& line : file.definitions) {
    const auto [found, is_new] = known.try_emplace({line.is_function, line.name}, names.size());
    if (is_new) {
      names.emplace_back();
    }
    names[found->second].push_back(&line);
  }
  return names;
}

void declare_types(model& into) {
  for (const unit& file : into.units) {
    for (const std::string& name : file.absent) {
      into.types[name].absent = true;
    }
  }
  for (const unit& file : into.units) {
    for (const definition& line : file.definitions) {
      if (line.is_function || line.result == "Bool") {
        continue;
      }
      type_info& type = into.types[line.result];
      if (type.absent) {
        throw schema_error(line.place + ": " + line.result + " is @absent");
      }
      if (!type.unit.empty() && type.unit != file.name) {
        throw schema_error(line.place + ": constructors of " + line.result + " are also in " + type.unit + ".tl");
      }
      type.unit = file.name;
      type.cpp_name = with_underscores(line.result);
    }
  }
}

/// The element of a bare vector is named by its constructor: names the type instead.
void name_bare_types(model& into) {
  std::map<std::string, std::string> type_of;
  for (const unit& file : into.units) {
    for (const definition& line : file.definitions) {
      type_of[line.name] = line.result;
    }
  }
  for (unit& file : into.units) {
    for (definition& line : file.definitions) {
      for (field& each : line.fields) {
        if (each.type.is_bare && each.type.base == base_type::object) {
          each.type.object = type_of[each.type.object];
        }
      }
    }
  }
}

} // namespace

const std::string& model::class_of(const std::string& type) const {
  const type_info& info = types.at(type);
  return info.single() ? records[info.records.front()].cpp_name : info.cpp_name;
}

model merge(std::vector<unit> units, bool layered) {
  model made;
  made.units = std::move(units);
  made.layered = layered;
  for (unit& file : made.units) {
    for (definition& line : file.definitions) {
      if (layered == line.layers.empty()) {
        throw schema_error(line.place + (layered ? ": no layers" : ": this schema has no layers"));
      }
      extend_over_unpublished(line);
    }
  }
  declare_types(made);
  name_bare_types(made);
  std::set<std::string> names;
  for (const unit& file : made.units) {
    made.by_unit[file.name]; // also of a file that only names absent types
    for (const auto& lines : names_of(file)) {
      make_record(made, file, lines);
      const record& last = made.records.back();
      if (!names.insert((last.is_function && layered ? "fn::" : "") + last.cpp_name).second) {
        throw schema_error(lines.front()->place + ": " + last.name + " is also in another file");
      }
      if (!last.is_function) {
        for (const variant& line : last.variants) {
          if (line.source->result != last.result) {
            throw schema_error(line.source->place + ": " + last.name + " belongs to two types");
          }
        }
        made.types.at(last.result).records.push_back(made.records.size() - 1);
      }
    }
  }
  return made;
}

} // namespace godwit::tl::schema
