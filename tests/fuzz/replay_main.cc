// The main function of a fuzz target where libFuzzer is not: feeds it every file of the folders and
// files it is given, then each file once more with its last byte cut off. A folder without a file
// is an error.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void replay(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::printf("%s: %zu bytes\n", path.c_str(), bytes.size());
  std::fflush(stdout);
  const auto feed = [](const std::vector<char>& input) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  };
  feed(bytes);
  if (bytes.empty()) return;
  bytes.pop_back();
  bytes.shrink_to_fit();
  feed(bytes);
}

}  // namespace

int main(int argc, char** argv) {
  size_t files = 0;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      if (!std::filesystem::exists(argv[i])) {
        std::fprintf(stderr, "there is no %s\n", argv[i]);
        return 1;
      }
      replay(argv[i]);
      ++files;
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      replay(entry.path());
      ++files;
    }
  }
  if (files == 0) {
    std::fprintf(stderr, "no input: name the files or folders to replay\n");
    return 1;
  }
  return 0;
}
