// Writes valid GGUF files, and says on each line of stdout what is in one: make_gguf FOLDER COUNT
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

#include <nlohmann/json.hpp>

#include "daemon/safety/tensor/gguf.h"
#include "tests/support/formats/gguf.h"
#include "tests/support/safety/inspect.h"

namespace batuta {
namespace {

int Write(const std::string& folder, int count) {
  std::mt19937_64 random(11);
  for (int i = 0; i < count; ++i) {
    const formats::GgufFile file = formats::RandomGguf(random);
    const std::string bytes = file.Bytes();
    if (!safety::InspectWith(safety::InspectGguf, bytes).grades.empty()) return 1;
    const std::string path = folder + "/" + std::to_string(i) + ".gguf";
    std::ofstream(path, std::ios::binary) << bytes;
    nlohmann::json tensors = nlohmann::json::array();
    for (const formats::GgufTensor& tensor : file.tensors) {
      tensors.push_back({{"name", tensor.name}, {"shape", tensor.shape}, {"type", tensor.type}});
    }
    nlohmann::json keys = nlohmann::json::array();
    for (const formats::GgufPair& pair : file.pairs) keys.push_back(pair.key);
    std::puts(nlohmann::json{{"path", path}, {"tensors", tensors}, {"keys", keys}}.dump().c_str());
  }
  return 0;
}

}  // namespace
}  // namespace batuta

int main(int argc, char** argv) {
  return argc == 3 ? batuta::Write(argv[1], std::atoi(argv[2])) : 64;
}
