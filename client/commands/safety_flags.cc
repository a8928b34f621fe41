#include "client/commands/safety_flags.h"

#include <algorithm>

#include <fmt/format.h>

#include "client/commands/usage_error.h"
#include "common/text/human.h"

namespace batuta::client {

void SafetyFlags::Define(Flags& flags) {
  flags.OptionalValue(&allow_unsafe, "--allow-unsafe", "CLASSES", "pickle",
                      "admit unsafe files: pickle, code, invalid, unknown; alone: pickle");
  flags.Switch(&allow_malicious, "--allow-malicious",
               "admit even what does harm when it is loaded; for those who study it");
}

absl::StatusOr<std::vector<std::string>> SafetyFlags::Classes() const {
  std::vector<std::string> classes;
  for (const std::string& list : allow_unsafe) {
    for (size_t begin = 0; begin <= list.size();) {
      const size_t end = std::min(list.find(',', begin), list.size());
      if (end > begin) classes.push_back(list.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  for (const std::string& word : classes) {
    if (word == "pickle" || word == "code" || word == "invalid" || word == "unknown") continue;
    return UsageError(
        fmt::format("--allow-unsafe: {} is none of pickle, code, invalid, unknown", Quoted(word)), "");
  }
  return classes;
}

}  // namespace batuta::client
