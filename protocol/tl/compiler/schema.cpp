#include "protocol/tl/compiler/schema.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace godwit::tl::schema {
namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t begin = text.find_first_not_of(' ', at);
    if (begin == std::string_view::npos) {
      break;
    }
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    at = end;
  }
  return words;
}

int number(std::string_view text, const std::string& place) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw schema_error(place + ": \"" + std::string(text) + "\" is not a number");
  }
  return value;
}

const std::map<std::string, base_type, std::less<>>& base_types() {
  static const std::map<std::string, base_type, std::less<>> table = {
    {"int", base_type::integer},   {"long", base_type::long_integer}, {"double", base_type::real},
    {"string", base_type::string}, {"bytes", base_type::bytes},       {"int128", base_type::int128},
    {"int256", base_type::int256}, {"Bool", base_type::boolean},      {"true", base_type::flag},
    {"#", base_type::flags},       {"!X", base_type::wrapped},
  };
  return table;
}

field_type parse_type(std::string_view text, const std::string& place) {
  field_type type;
  if (const auto question = text.find('?'); question != std::string_view::npos) {
    const auto dot = text.find('.');
    if (dot > question) {
      throw schema_error(place + ": a condition is <flags>.<bit>?<type>: " + std::string(text));
    }
    type.flags_field = text.substr(0, dot);
    type.bit = number(text.substr(dot + 1, question - dot - 1), place);
    text.remove_prefix(question + 1);
  }
  if ((text.starts_with("Vector<") || text.starts_with("vector<")) && text.ends_with('>')) {
    type.is_vector = true;
    type.is_bare = text.front() == 'v';
    text = text.substr(7, text.size() - 8);
  }
  if (const auto found = base_types().find(text); found != base_types().end()) {
    type.base = found->second;
  } else {
    type.base = base_type::object;
    type.object = text;
  }
  return type;
}

std::vector<layer_range> parse_layers(std::string_view text, const std::string& place) {
  std::vector<layer_range> layers;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    const auto dash = part.find('-');
    const int first = number(part.substr(0, dash), place);
    const int last = dash == std::string_view::npos ? first : number(part.substr(dash + 1), place);
    if (first > last || first < first_layer || last > last_layer) {
      throw schema_error(place + ": layers " + std::string(part) + " are outside of what is served");
    }
    layers.emplace_back(first, last);
    text.remove_prefix(std::min(part.size() + 1, text.size()));
  }
  return layers;
}

/// Name, number, fields and result of a line; not the layers.
definition parse_line(std::string_view line, const std::string& place) {
  definition made;
  made.line = line;
  made.place = place;
  std::vector<std::string> words = words_of(line);
  if (words.size() < 3 || words[words.size() - 2] != "=" || !words.back().ends_with(';')) {
    throw schema_error(place + ": a line is <name>#<id> <fields> = <type>;");
  }
  made.result = words.back().substr(0, words.back().size() - 1);
  const auto hash = words[0].find('#');
  if (hash == std::string::npos) {
    throw schema_error(place + ": no number after the name");
  }
  made.name = words[0].substr(0, hash);
  const std::string digits = words[0].substr(hash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), made.id, 16);
  if (error != std::errc{} || end != digits.data() + digits.size() || made.id != canonical_id(line)) {
    throw schema_error(place + ": the number of " + made.name + " is not the CRC32 of the line");
  }
  for (std::size_t i = 1; i + 2 < words.size(); ++i) {
    const auto colon = words[i].find(':');
    if (words[i].starts_with('{')) { // {X:Type}
      continue;
    }
    if (colon == std::string::npos) {
      throw schema_error(place + ": a field is <name>:<type>: " + words[i]);
    }
    const std::string text = words[i].substr(colon + 1);
    made.fields.push_back({words[i].substr(0, colon), text, parse_type(text, place)});
  }
  return made;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  return begin == std::string_view::npos ? std::string_view{}
                                         : text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

} // namespace

std::uint32_t canonical_id(std::string_view line) {
  std::string text;
  for (std::string word : words_of(line.substr(0, line.find(';')))) {
    if (word.ends_with("?true")) {
      continue;
    }
    if (text.empty()) {
      word.resize(std::min(word.find('#'), word.size()));
    } else if (word.ends_with(":bytes") || word.ends_with("?bytes")) {
      word.replace(word.size() - 5, 5, "string");
    }
    text += (text.empty() ? "" : " ") + word;
  }
  std::replace(text.begin(), text.end(), '<', ' ');
  std::erase_if(text, [](char c) { return c == '>' || c == '{' || c == '}'; });
  std::uint32_t crc = 0xffffffff;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
    }
  }
  return ~crc;
}

field_type parse_field_type(std::string_view text) { return parse_type(text, "a result"); }

unit parse_unit(std::string name, std::string_view text) {
  unit made;
  made.name = std::move(name);
  bool functions = false;
  for (int line_number = 1; !text.empty(); ++line_number) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(whole.size() + 1, text.size()));
    const std::string place = made.name + ".tl:" + std::to_string(line_number);
    const auto comment_at = whole.find("//");
    const std::string_view line = trimmed(whole.substr(0, comment_at));
    if (line.empty()) {
      continue;
    }
    if (line == "---functions---" || line == "---types---") {
      functions = line == "---functions---";
    } else if (line.starts_with("@absent ")) {
      for (const std::string& type : words_of(line.substr(8))) {
        made.absent.insert(type);
      }
    } else {
      definition read = parse_line(line, place);
      read.is_function = functions;
      for (const std::string& word :
           words_of(comment_at == std::string_view::npos ? "" : whole.substr(comment_at + 2))) {
        if (word == "ALT") {
          read.is_alternative = true;
        } else if (read.layers.empty()) {
          read.layers = parse_layers(word, place);
        } else {
          throw schema_error(place + ": after the layers, only ALT: " + word);
        }
      }
      made.definitions.push_back(std::move(read));
    }
  }
  return made;
}

} // namespace godwit::tl::schema
