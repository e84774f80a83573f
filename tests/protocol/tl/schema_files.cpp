#include "tests/protocol/tl/schema_files.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace godwit::tl {
namespace {

schema::model load(const std::filesystem::path& folder, bool layered) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".tl") {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<schema::unit> units;
  for (const auto& path : paths) {
    std::ifstream stream(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    units.push_back(schema::parse_unit(path.stem().string(), text));
  }
  return schema::merge(std::move(units), layered);
}

} // namespace

const schema::model& api_model() {
  static const schema::model loaded = load(GODWIT_TL_SCHEMA_DIR, true);
  return loaded;
}

const schema::model& mt_model() {
  static const schema::model loaded = load(GODWIT_TL_SCHEMA_DIR "/mt", false);
  return loaded;
}

} // namespace godwit::tl
