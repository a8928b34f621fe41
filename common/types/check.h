#pragma once

#include <string>

namespace batuta {

enum class CheckStatus {
  kOk,
  kWarn,  // works, but less well, or not for long
  kFail,  // something will not work
};

// One thing that was looked at, and what it means.
struct Check {
  std::string name;  // stable: "cache.writable"
  CheckStatus status = CheckStatus::kOk;
  std::string detail;     // what was found
  std::string hint = {};  // what to do; empty when nothing is to be done
};

}  // namespace batuta
