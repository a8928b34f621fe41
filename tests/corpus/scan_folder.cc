// Inspects every file below a folder and prints what `batuta hf scan --format json` prints of them, with all
// findings: the inspection alone, without client and daemon.
//   scan_folder FOLDER
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/inspector.h"

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  using nlohmann::json;
  if (argc != 2) {
    std::fprintf(stderr, "usage: scan_folder FOLDER\n");
    return 2;
  }
  const fs::path root(argv[1]);
  json files = json::array();
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    std::ostringstream content;
    content << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    const std::string bytes = content.str();
    batuta::safety::MemorySource source(bytes);
    const std::string path = fs::relative(entry.path(), root).string();
    const auto [verdict, status] = batuta::safety::Inspect(path, source);
    if (!status.ok()) {
      std::fprintf(stderr, "%s: %s\n", path.c_str(), status.ToString().c_str());
      return 1;
    }
    json findings = json::array();
    for (const auto& each : verdict.findings) {
      findings.push_back({{"code", each.code},
                          {"grade", GradeName(each.grade)},
                          {"place", each.place},
                          {"text", each.text}});
    }
    const auto* worst = Worst(verdict);
    files.push_back({{"path", path},
                     {"verdict", Judgement(verdict)},
                     {"format", verdict.format},
                     {"reason", worst == nullptr ? "" : worst->code + ": " + worst->text},
                     {"pickle", PickleJudgement(verdict)},
                     {"findings", findings}});
  }
  std::cout << json{{"files", files}}.dump(1, ' ', false, json::error_handler_t::replace) << "\n";
  return 0;
}
