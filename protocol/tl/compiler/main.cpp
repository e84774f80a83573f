// godwit_tl_compiler api|mt <out folder> <file.tl>...
// Writes C++ for the files of one schema. A file whose text did not change is left alone.

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "protocol/tl/compiler/emit.hpp"

namespace {

namespace fs = std::filesystem;
using namespace godwit::tl::schema;

std::string content_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_changed(const fs::path& path, const std::string& text) {
  if (fs::exists(path) && content_of(path) == text) {
    return;
  }
  fs::create_directories(path.parent_path());
  std::ofstream stream(path, std::ios::binary);
  stream << text;
  if (!stream.flush()) {
    throw schema_error(path.string() + ": cannot be written");
  }
}

void compile(const std::string& kind, const fs::path& folder, int count, char** files) {
  std::vector<unit> units;
  for (int i = 0; i < count; ++i) {
    const fs::path path = files[i];
    if (!fs::is_regular_file(path)) {
      throw schema_error(path.string() + ": no such file");
    }
    units.push_back(parse_unit(path.stem().string(), content_of(path)));
  }
  const bool layered = kind == "api";
  const target to{kind, layered ? "godwit::tl" : "godwit::tl::mt"};
  const model made = merge(std::move(units), layered);
  generated_files out;
  emit_headers(made, to, out);
  emit_sources(made, to, out);
  emit_tables(made, to, out);
  for (const auto& [name, text] : out) {
    write_changed(folder / name, text);
  }
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: godwit_tl_compiler api|mt <out folder> <file.tl>...\n";
    return 2;
  }
  try {
    compile(argv[1], argv[2], argc - 3, argv + 3);
  } catch (const std::exception& error) {
    std::cerr << "godwit_tl_compiler: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
