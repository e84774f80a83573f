#include "tests/protocol/tl/sampler.hpp"

#include <algorithm>

namespace godwit::tl {
namespace {

using schema::base_type;
using schema::definition;
using schema::field;
using schema::field_type;

constexpr int depth_max = 3;

void append_little(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(value >> (8 * i))));
  }
}

std::string number(std::uint64_t value, int bytes) {
  std::string out;
  append_little(out, value, bytes);
  return out;
}

std::string framed(const std::string& content) {
  std::string out;
  if (content.size() < 254) {
    append_little(out, content.size(), 1);
  } else {
    append_little(out, 254, 1);
    append_little(out, content.size(), 3);
  }
  out += content;
  while (out.size() % 4 != 0) {
    out.push_back('\0');
  }
  return out;
}

bool holds_objects(const definition& line) {
  return std::any_of(line.fields.begin(), line.fields.end(), [](const field& each) {
    return each.type.base == base_type::object && !each.type.is_conditional() && !each.type.is_vector;
  });
}

} // namespace

bool is_current(const definition& line, int layer) {
  if (line.layers.empty()) {
    return true;
  }
  return !line.is_alternative && std::any_of(line.layers.begin(), line.layers.end(), [&](const auto& range) {
    return range.first <= layer && layer <= range.second;
  });
}

sampler::sampler(const schema::model& of, std::uint64_t seed) : model_(of), dice_(seed) {
  for (const schema::unit& file : of.units) {
    for (const definition& each : file.definitions) {
      if (!each.is_function) {
        by_type_[each.result].push_back(&each);
      }
    }
  }
}

std::optional<std::string> sampler::line(const definition& of, int layer) {
  const auto rest = body(of, layer);
  if (!rest) {
    return std::nullopt;
  }
  return number(of.id, 4) + *rest;
}

std::optional<std::string> sampler::object(const std::string& type, int layer) {
  const definition* chosen = choose(type, layer);
  return chosen != nullptr ? line(*chosen, layer) : std::nullopt;
}

const definition* sampler::choose(const std::string& type, int layer) {
  std::vector<const definition*> fitting;
  for (const definition* each : by_type_[type]) {
    if (is_current(*each, layer)) {
      fitting.push_back(each);
    }
  }
  if (depth_ >= depth_max && std::any_of(fitting.begin(), fitting.end(), [](auto* d) { return !holds_objects(*d); })) {
    std::erase_if(fitting, [](auto* each) { return holds_objects(*each); });
  }
  return fitting.empty() ? nullptr : fitting[below(fitting.size())];
}

std::optional<std::string> sampler::body(const definition& of, int layer) {
  ++depth_;
  // A bit may stand for several fields: all are made first, and the bit is set when all could be.
  std::map<std::pair<std::string, int>, bool> bits;
  std::vector<std::optional<std::string>> values;
  for (const field& each : of.fields) {
    const field_type& type = each.type;
    const bool wanted = !type.is_conditional() || (depth_ <= depth_max && !model_.is_absent(type));
    values.push_back(type.base == base_type::flags || type.base == base_type::flag || !wanted ? std::string()
                                                                                              : value(type, layer));
    if (type.is_conditional()) {
      bool& bit = bits.try_emplace({type.flags_field, type.bit}, below(2) == 0).first->second;
      bit = bit && wanted && values.back().has_value();
    } else if (!values.back()) {
      --depth_;
      return std::nullopt;
    }
  }
  std::string out;
  for (std::size_t i = 0; i < of.fields.size(); ++i) {
    const field_type& type = of.fields[i].type;
    if (type.base == base_type::flags) {
      std::uint32_t flags = 0;
      for (const auto& [key, set] : bits) {
        flags |= set && key.first == of.fields[i].name ? 1U << key.second : 0U;
      }
      append_little(out, flags, 4);
    } else if (type.base != base_type::flag && (!type.is_conditional() || bits.at({type.flags_field, type.bit}))) {
      out += *values[i];
    }
  }
  --depth_;
  return out;
}

std::optional<std::string> sampler::value(const field_type& type, int layer) {
  if (type.is_vector) {
    return vector(type, layer);
  }
  switch (type.base) {
  case base_type::integer: return number(dice_(), 4);
  case base_type::long_integer:
  case base_type::real: return number(dice_(), 8);
  case base_type::int128: return number(dice_(), 8) + number(dice_(), 8);
  case base_type::int256: return number(dice_(), 8) + number(dice_(), 8) + number(dice_(), 8) + number(dice_(), 8);
  case base_type::boolean: return number(below(2) == 0 ? 0x997275b5 : 0xbc799737, 4);
  case base_type::string: return framed(model_.layered ? text() : bytes());
  case base_type::bytes: return framed(bytes());
  case base_type::wrapped: return number(dice_(), 4) + bytes();
  default: return object(type.object, layer);
  }
}

std::optional<std::string> sampler::vector(const field_type& type, int layer) {
  field_type element = type;
  element.is_vector = false;
  const std::uint64_t count = model_.is_absent(type) || depth_ > depth_max ? 0 : below(4);
  std::string out = type.is_bare ? std::string() : number(0x1cb5c415, 4);
  std::string elements;
  std::uint64_t made = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (auto one = value(element, layer)) {
      elements += type.is_bare ? one->substr(4) : *one;
      ++made;
    }
  }
  append_little(out, made, 4);
  return out + elements;
}

std::string sampler::text() {
  static const std::vector<std::string> pieces = {"a", "Z", " ", "0", "\n", "\u00e9", "\u042f", "\u4e2d", "\U0001f600"};
  std::string out;
  for (std::uint64_t i = below(below(20) == 0 ? 300 : 12); i > 0; --i) {
    out += pieces[below(pieces.size())];
  }
  return out;
}

std::string sampler::bytes() {
  std::string out;
  for (std::uint64_t i = below(below(20) == 0 ? 600 : 20); i > 0; --i) {
    out.push_back(static_cast<char>(dice_()));
  }
  return out;
}

} // namespace godwit::tl
