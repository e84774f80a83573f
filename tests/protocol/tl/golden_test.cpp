#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "protocol/tl/methods.hpp"
#include "protocol/tl/objects.hpp"
#include "tests/protocol/tl/golden_objects.hpp"

namespace godwit::tl {
namespace {

/// The bytes of one file by layer.
std::map<int, std::string> golden_bytes(const std::filesystem::path& path) {
  std::map<int, std::string> bytes;
  std::ifstream stream(path);
  int layer = 0;
  for (std::string line; std::getline(stream, line);) {
    if (line.empty() || line.front() == '#') {
      continue;
    }
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "layer") {
      words >> layer;
      continue;
    }
    do {
      for (std::size_t i = 0; i + 1 < word.size(); i += 2) {
        bytes[layer].push_back(static_cast<char>(std::stoi(word.substr(i, 2), nullptr, 16)));
      }
    } while (words >> word);
  }
  return bytes;
}

std::string stored(const object& value, layer_t layer) {
  std::string bytes;
  writer out(bytes);
  value.store(out, layer);
  EXPECT_TRUE(out.ok()) << to_string(out.error());
  return bytes;
}

// The same objects at the layers of the known clients: the bytes are those of an encoder that shares no code
// with the schema compiler (tests/golden/tl/make_golden.py), and read back they give the same bytes again.
TEST(tl_golden, ObjectsHaveTheBytesOfEachLayer) {
  std::map<int, int> compared;
  for (const auto& entry : std::filesystem::directory_iterator(GODWIT_TL_GOLDEN_DIR)) {
    if (entry.path().extension() != ".hex") {
      continue;
    }
    const std::string name = entry.path().stem().string();
    for (const auto& [layer, bytes] : golden_bytes(entry.path())) {
      const auto made = golden_object(name, layer);
      ASSERT_NE(made, nullptr) << name;
      EXPECT_EQ(stored(*made, layer), bytes) << name << " at " << layer;
      reader in(bytes);
      box<object> read;
      if (find_method(in.peek_id()) != nullptr) {
        auto call = fetch_function(in);
        ASSERT_TRUE(call) << name << ": " << to_string(call.error());
        read = std::move(*call);
      } else {
        read = fetch_object(in);
      }
      ASSERT_TRUE(in.finish()) << name << " at " << layer << ": " << to_string(in.error());
      EXPECT_EQ(stored(*read, layer), bytes) << name << " at " << layer;
      ++compared[layer];
    }
  }
  for (const int layer : {135, 144, 152, 198, 221, 227, 228, 229}) {
    EXPECT_GE(compared[layer], 17) << layer;
  }
}

} // namespace
} // namespace godwit::tl
