#include "tests/tidy/rules.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <regex>
#include <sstream>
#include <utility>

namespace godwit::tidy {
namespace {

/// One folder that is a target, and the folders it may use beside itself. The table is the drawing in
/// docs/ARCHITECTURE.md.
struct area {
  std::string_view path;
  std::vector<std::string_view> may_use;
};

const std::vector<area>& areas() {
  static const std::vector<area> table = {
    {"config", {}},
    {"protocol", {"config"}},
    {"persistence/base", {"config", "protocol"}},
    {"persistence/records", {"config", "protocol", "persistence/base"}},
    {"persistence/log", {"config", "protocol", "persistence/base", "persistence/records"}},
    {"persistence/state", {"config", "protocol", "persistence/base", "persistence/records", "persistence/log"}},
    {"persistence/raft",
     {"config", "protocol", "persistence/base", "persistence/records", "persistence/log", "persistence/state"}},
    {"persistence/lmdb",
     {"config", "protocol", "persistence/base", "persistence/records", "persistence/log", "persistence/state"}},
    {"cluster", {"config", "protocol", "persistence"}},
    {"actors", {"config", "protocol", "persistence", "cluster"}},
    {"node", {"config", "protocol", "persistence", "cluster", "actors"}},
    // A bench builds its nodes the way tests do; clients that outlive a node are those of a test.
    {"bench",
     {"config", "protocol", "persistence", "cluster", "actors", "node", "tests/support", "tests/chat_load",
      "tests/cluster/faults", "tests/cluster/snapshot"}},
    // Its devices are clients by the hundred, as those of the benches are.
    {"tests/chat_load", {"config", "protocol", "tests", "bench/load"}},
    {"tests/cluster/faults", {"config", "protocol", "persistence", "cluster", "tests", "bench/load"}},
    {"tests", {"config", "protocol", "persistence", "cluster", "actors", "node"}},
  };
  return table;
}

/// A library from outside by how its includes begin, and the folders that may include it.
struct outside {
  std::string_view include;
  std::vector<std::string_view> allowed;
};

const std::vector<outside>& outside_libraries() {
  static const std::vector<outside> table = {
    {"raft.h", {"persistence/raft", "tests/persistence/raft"}},
    {"raft/", {"persistence/raft", "tests/persistence/raft"}},
    {"lmdb.h", {"persistence/lmdb", "tests", "bench"}},
    {"isa-l", {"persistence/base"}},
    {"openssl/", {"protocol/crypto", "node/identity", "node/peer", "tests/protocol/crypto", "tests/node/peer"}},
    {"caf/", {"cluster", "actors", "node", "tests", "bench"}},
    {"boost/", {"node", "tests/node", "tests/support", "bench"}},
    {"prometheus/", {"node/metrics", "tests/node"}},
    {"toml++/", {"node/config", "node/identity"}},
    {"spdlog/", {"node/log"}},
    {"phonenumbers/", {"actors/account"}},
    {"zlib.h", {"protocol/mtproto", "tests/protocol"}},
  };
  return table;
}

bool is_under(std::string_view path, std::string_view folder) {
  return path == folder || (path.starts_with(folder) && path.substr(folder.size()).starts_with('/'));
}

bool is_test(std::string_view path) { return is_under(path, "tests"); }

std::string_view top_folder(std::string_view path) { return path.substr(0, path.find('/')); }

std::string_view folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

bool ends_with_any(std::string_view path, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view end) { return path.ends_with(end); });
}

bool is_header(std::string_view path) { return ends_with_any(path, {".hpp", ".h"}); }

bool is_source(std::string_view path) { return is_header(path) || ends_with_any(path, {".cpp", ".cc", ".c"}); }

bool is_product(std::string_view path) {
  return std::any_of(areas().begin(), areas().end(), [&](const area& a) {
    return !is_test(a.path) && a.path != "bench" && top_folder(a.path) == top_folder(path);
  });
}

const area* area_of(std::string_view path) {
  const auto found =
    std::find_if(areas().begin(), areas().end(), [&](const area& a) { return is_under(path, a.path); });
  return found == areas().end() ? nullptr : &*found;
}

bool may_use(const area& from, std::string_view path) {
  return is_under(path, from.path) || std::any_of(from.may_use.begin(), from.may_use.end(),
                                                  [&](std::string_view folder) { return is_under(path, folder); });
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

std::string at(const source_file& file, std::size_t line_index) {
  return file.path + ":" + std::to_string(line_index + 1) + ": ";
}

/// Calls `visit(name, angled, line_index)` for each #include.
template <class Visit>
void for_each_include(const source_file& file, Visit visit) {
  static const std::regex pattern(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
  const auto lines = lines_of(file.text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (std::regex_search(lines[i], match, pattern)) {
      visit(match[2].str(), match[1].str() == "<", i);
    }
  }
}

void check_own_include(const source_file& file, const area& from, const std::string& name, std::size_t line,
                       findings& found) {
  const area* to = area_of(name);
  if (to == nullptr) {
    found.push_back(at(file, line) + "\"" + name + "\" is not written from the root of the tree");
  } else if (!may_use(from, name)) {
    found.push_back(at(file, line) + std::string(from.path) + " must not know " + std::string(to->path) +
                    " (includes \"" + name + "\")");
  }
}

void check_outside_include(const source_file& file, const std::string& name, std::size_t line, findings& found) {
  for (const outside& library : outside_libraries()) {
    const bool allowed = std::any_of(library.allowed.begin(), library.allowed.end(),
                                     [&](std::string_view folder) { return is_under(file.path, folder); });
    if (name.starts_with(library.include) && !allowed) {
      found.push_back(at(file, line) + "<" + name + "> belongs to " + std::string(library.allowed.front()) + " alone");
    }
  }
}

/// True if `text` has `path` as a word of its own or behind a slash.
bool names(const std::string& text, const std::string& path) {
  static const std::string_view part_of_name = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  for (auto position = text.find(path); position != std::string::npos; position = text.find(path, position + 1)) {
    const auto end = position + path.size();
    const bool begins = position == 0 || part_of_name.find(text[position - 1]) == std::string_view::npos;
    const bool ends = end == text.size() || part_of_name.find(text[end]) == std::string_view::npos;
    if (begins && ends) {
      return true;
    }
  }
  return false;
}

} // namespace

findings check_includes(const source_file& file) {
  findings found;
  if (!is_source(file.path)) {
    return found;
  }
  const area* from = area_of(file.path);
  if (from == nullptr) {
    found.push_back(file.path + ": this folder has no place in the table of areas; give it one");
    return found;
  }
  for_each_include(file, [&](const std::string& name, bool angled, std::size_t line) {
    if (!angled) {
      check_own_include(file, *from, name, line, found);
    } else if (area_of(name) != nullptr && name.find('/') != std::string::npos) {
      found.push_back(at(file, line) + "<" + name + "> is of this tree: write it in quotes");
    }
    check_outside_include(file, name, line, found);
  });
  return found;
}

findings check_links(const source_file& file) {
  findings found;
  if (!file.path.ends_with("CMakeLists.txt") || !is_product(file.path)) {
    return found;
  }
  const area* from = area_of(file.path);
  static const std::regex pattern("godwit::([a-z_0-9]+)");
  const auto lines = lines_of(file.text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find("_mutable") != std::string::npos || lines[i].find("GODWIT_MUTANTS") != std::string::npos) {
      found.push_back(at(file, i) + "switched-off rules are for tests alone");
      continue;
    }
    for (auto match = std::sregex_iterator(lines[i].begin(), lines[i].end(), pattern); match != std::sregex_iterator();
         ++match) {
      // godwit::persistence_raft is the target of persistence/raft.
      std::string path = (*match)[1].str();
      std::replace(path.begin(), path.end(), '_', '/');
      if (from == nullptr || !may_use(*from, path)) {
        found.push_back(at(file, i) + "this folder must not link " + match->str());
      }
    }
  }
  return found;
}

findings check_length(const source_file& file) {
  findings found;
  if (ends_with_any(file.path, {".md"})) {
    return found;
  }
  const std::size_t lines_max = is_test(file.path) ? 800 : 500;
  const std::size_t lines = lines_of(file.text).size();
  if (lines > lines_max) {
    found.push_back(file.path + ": " + std::to_string(lines) + " lines, at most " + std::to_string(lines_max) +
                    ": split it by what changes together");
  }
  return found;
}

findings check_whitespace(const source_file& file) {
  findings found;
  const auto lines = lines_of(file.text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find('\t') != std::string::npos) {
      found.push_back(at(file, i) + "a tab");
    }
    if (lines[i].find('\r') != std::string::npos) {
      found.push_back(at(file, i) + "a carriage return");
    } else if (lines[i].ends_with(' ')) {
      found.push_back(at(file, i) + "a space at the end");
    }
  }
  if (!file.text.empty() && !file.text.ends_with('\n')) {
    found.push_back(file.path + ": no newline at the end");
  }
  return found;
}

findings check_paths(const source_file& file) {
  // Built from pieces, for this file is read too.
  static const std::array<std::string, 4> starts = {std::string("/ho") + "me/", std::string("/ro") + "ot/",
                                                    std::string("/wo") + "rk/", std::string("/Us") + "ers/"};
  findings found;
  const auto lines = lines_of(file.text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (const std::string& start : starts) {
      const auto position = lines[i].find(start);
      // A path begins there only if nothing of a name stands before it.
      static const std::regex name_character("[A-Za-z0-9_.}-]");
      if (position != std::string::npos &&
          (position == 0 || !std::regex_match(std::string(1, lines[i][position - 1]), name_character))) {
        found.push_back(at(file, i) + "a path of one machine: " + start);
      }
    }
  }
  return found;
}

findings check_headers(const source_file& file) {
  findings found;
  if (!is_source(file.path)) {
    return found;
  }
  const auto lines = lines_of(file.text);
  if (is_header(file.path) && std::find(lines.begin(), lines.end(), "#pragma once") == lines.end()) {
    found.push_back(file.path + ": a header without #pragma once");
  }
  static const std::regex any_namespace(R"(^\s*using\s+namespace\s+([a-z_:0-9]+))");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (!std::regex_search(lines[i], match, any_namespace)) {
      continue;
    }
    if (match[1].str().starts_with("caf")) {
      found.push_back(at(file, i) + "names of the actor library are written in full");
    } else if (is_header(file.path) && is_product(file.path)) {
      found.push_back(at(file, i) + "a header imposes its names on whoever includes it");
    }
  }
  return found;
}

findings check_purity(const source_file& file) {
  static const std::array<std::string_view, 6> folders = {"config",          "protocol",          "persistence/records",
                                                          "persistence/log", "persistence/state", "persistence/raft"};
  static const std::array<std::string_view, 12> banned = {"chrono",     "ctime",        "time.h",       "sys/time.h",
                                                          "random",     "thread",       "fstream",      "cstdio",
                                                          "filesystem", "sys/socket.h", "sys/random.h", "iostream"};
  findings found;
  const bool pure =
    std::any_of(folders.begin(), folders.end(), [&](std::string_view folder) { return is_under(file.path, folder); });
  // The schema compiler is a program of the build: it reads and writes files.
  const bool tool = is_under(file.path, "protocol/tl/compiler");
  if (!pure || tool || !is_source(file.path)) {
    return found;
  }
  for_each_include(file, [&](const std::string& name, bool, std::size_t line) {
    if (std::find(banned.begin(), banned.end(), name) != banned.end()) {
      found.push_back(at(file, line) + "<" + name + ">: time, chance and files are inputs here");
    }
  });
  return found;
}

findings check_readmes(const std::set<std::string>& paths) {
  std::set<std::string> wanting;
  for (const std::string& path : paths) {
    if ((is_product(path) || is_under(path, "bench")) && (is_source(path) || path.ends_with(".proto"))) {
      wanting.insert(std::string(folder_of(path)));
    }
  }
  findings found;
  for (const std::string& folder : wanting) {
    if (!paths.contains(folder + "/README.md")) {
      found.push_back(folder + ": no README.md that says what it is for, its main types, and what it must not know");
    }
  }
  return found;
}

findings check_documents(const std::set<std::string>& paths) {
  findings found;
  for (const std::string document : {"README.md", "docs/ARCHITECTURE.md", "docs/formats.md", "docs/glossary.md",
                                     "persistence/README.md", "tests/README.md"}) {
    if (!paths.contains(document)) {
      found.push_back(document + " is missing");
    }
  }
  return found;
}

findings check_targets(const std::set<std::string>& paths) {
  findings found;
  for (const std::string& path : paths) {
    if (is_product(path) && is_source(path)) {
      const area* of = area_of(path);
      const std::string folder(of != nullptr ? of->path : folder_of(path));
      if (!paths.contains(folder + "/CMakeLists.txt")) {
        found.push_back(path + ": no CMakeLists.txt in " + folder);
      }
    }
  }
  return found;
}

findings check_built(const std::vector<source_file>& files) {
  std::map<std::string, std::string> build_files; // by folder
  std::string everywhere;
  for (const source_file& file : files) {
    if (file.path.ends_with("CMakeLists.txt")) {
      build_files[std::string(folder_of(file.path))] = file.text;
    }
    if (file.path.ends_with("CMakeLists.txt") || file.path.ends_with(".cmake")) {
      everywhere += file.text;
    }
  }
  findings found;
  for (const source_file& file : files) {
    const bool counts = ends_with_any(file.path, {".cpp", ".c", ".proto"}) ||
                        (is_header(file.path) && is_product(file.path) && !file.path.ends_with(".h"));
    if (!counts || names(everywhere, file.path)) {
      continue;
    }
    std::string folder(folder_of(file.path));
    while (!folder.empty() && !build_files.contains(folder)) {
      folder = folder_of(folder);
    }
    if (folder.empty() || !names(build_files[folder], file.path.substr(folder.size() + 1))) {
      found.push_back(file.path + ": no target compiles it");
    }
  }
  return found;
}

bool is_text(std::string_view path) {
  if (path.ends_with("package-lock.json")) {
    return false; // npm writes it
  }
  return is_source(path) || ends_with_any(path, {".md", ".txt", ".cmake", ".proto", ".sh", ".awk", ".json", ".def",
                                                 "tests/run", ".ci/run", ".clang-format", ".clang-tidy"});
}

} // namespace godwit::tidy
