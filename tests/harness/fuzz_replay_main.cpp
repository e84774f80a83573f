// Stands in for libFuzzer where a fuzz target is an ordinary test: feeds it, once each, the files of
// the folders on the command line, so that what a fuzzer found stays found.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  int fed = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& file : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!file.is_regular_file() || file.path().extension() == ".md") {
        continue;
      }
      std::ifstream stream(file.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
      // Told before, for what breaks may end the process.
      std::fprintf(stderr, "%s\n", file.path().filename().c_str());
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
      ++fed;
    }
  }
  if (fed == 0) {
    std::fprintf(stderr, "no file in the corpus\n");
    return 1;
  }
  std::printf("%d inputs\n", fed);
  return 0;
}
