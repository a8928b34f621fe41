#pragma once

#include <span>
#include <string>
#include <string_view>

#include "daemon/safety/container/zip.h"

namespace batuta::safety {

// What the names of a zip's members say it is. Several may hold; each brings its rules.
struct ZipFacts {
  std::string_view format = "zip";

  bool is_torch = false;   // has <root>/data.pkl
  bool is_script = false;  // TorchScript
  bool is_pt2 = false;     // torch.export, AOTInductor
  std::string root;        // the folder that holds all members of a torch or pt2 archive: "archive/"

  bool is_keras = false;
  bool is_dduf = false;
  bool is_skops = false;
  bool is_program = false;  // jar, wheel, egg
};

// Pure. `file_name` decides only between kinds whose members look alike.
ZipFacts FactsOf(std::string_view file_name, std::span<const ZipEntry> entries);

// Takes `prefix` off, if it is there.
bool ConsumePrefix(std::string_view& name, std::string_view prefix);

// "c" of "a/b/c".
std::string_view LastComponent(std::string_view name);

}  // namespace batuta::safety
