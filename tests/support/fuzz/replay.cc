// Stands in for libFuzzer: replay RUNS FOLDER... feeds every file of the folders to the target, and then RUNS
// mutations of them, the same ones each time. What it finds it finds by a crash or a sanitizer.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kMostBytes = 64 << 10;

using Inputs = std::vector<std::string>;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Inputs ReadFolders(int count, char** folders) {
  std::vector<std::filesystem::path> paths;
  for (int i = 0; i < count; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(folders[i])) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  Inputs inputs;
  for (const auto& path : paths) inputs.push_back(ReadFile(path));
  return inputs;
}

class Mutator {
 public:
  explicit Mutator(const Inputs& inputs) : inputs_(inputs) {}

  std::string Next() {
    std::string input = inputs_[Below(inputs_.size())];
    const size_t changes = 1 + Below(4);
    for (size_t i = 0; i < changes; ++i) Change(&input);
    input.resize(std::min(input.size(), kMostBytes));
    return input;
  }

 private:
  size_t Below(size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  void Change(std::string* input) {
    const size_t at = Below(input->size() + 1);
    switch (Below(6)) {
      case 0:  // other bits
        if (at < input->size()) (*input)[at] = static_cast<char>((*input)[at] ^ (1 << Below(8)));
        break;
      case 1:  // another byte, often one at a limit
        if (at < input->size()) (*input)[at] = kEdges[Below(sizeof(kEdges))];
        break;
      case 2:
        input->erase(at, 1 + Below(16));
        break;
      case 3:
        input->insert(at, 1 + Below(16), kEdges[Below(sizeof(kEdges))]);
        break;
      case 4: {  // a piece of another
        const std::string& other = inputs_[Below(inputs_.size())];
        input->insert(at, other, Below(other.size() + 1), Below(64));
        break;
      }
      default:  // a piece of itself again
        input->insert(at, std::string(*input, Below(input->size() + 1), Below(64)));
    }
  }

  static constexpr char kEdges[] = {'\0', '\1', '\x7F', '\x80', '\xFF', '\n', '"',
                                    '{',  '[',  ':',    '-',    '/',    '&',  '*'};

  const Inputs& inputs_;
  std::mt19937_64 random_{1};
};

void Feed(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const long runs = std::atol(argv[1]);
  const Inputs inputs = ReadFolders(argc - 2, argv + 2);
  if (inputs.empty()) {
    std::fputs("no corpus\n", stderr);
    return 1;
  }
  for (const std::string& input : inputs) Feed(input);
  Mutator mutator(inputs);
  for (long i = 0; i < runs; ++i) Feed(mutator.Next());
  std::printf("%zu files, %ld mutations\n", inputs.size(), runs);
  return 0;
}
