#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/safety/base/grade.h"

namespace batuta::safety {

// Goes up whenever the same bytes may be judged differently; older verdicts are then made anew.
inline constexpr uint32_t kInspectorVersion = 3;

// One thing found in a file.
struct Finding {
  std::string code;  // of its Rule
  Grade grade = Grade::kUnknown;
  std::string
      place;  // while it is found: "model.bin » archive/data.pkl"; in what Inspect() gives: without the file
  uint64_t offset = 0;  // in that file or member
  std::string text;  // what, for a person: "calls posix.system (runs a command)"; free of control characters

  friend bool operator==(const Finding&, const Finding&) = default;
};

// What the inspection says of one file. Without a finding it is safe.
struct Verdict {
  std::string format = {};  // what it is: "safetensors", "torch zip", "pickle"; "unknown" when nothing fits
  Grades grades = {};       // of all findings, kept or not
  bool has_pickle = false;
  std::vector<Finding> findings = {};  // in the order in which they were met; at most kMostFindings
  uint64_t findings_left_out = 0;      // those beyond
  std::vector<std::string> globals =
      {};  // "module.name" of all that its pickles import, sorted, unique; bounded
  std::vector<std::string> notes = {};  // nothing to refuse, worth telling

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

inline constexpr size_t kMostFindings = 64;
inline constexpr size_t kMostGlobals = 1'000;

// "safe", "unsafe", "invalid" or "unknown": the worst of what was found. Unsafe wins over invalid, invalid
// over unknown.
std::string_view Judgement(const Verdict& verdict);

// "none", "clean" or "dangerous".
std::string_view PickleJudgement(const Verdict& verdict);

// The finding that decided; null for a safe file.
const Finding* Worst(const Verdict& verdict);

}  // namespace batuta::safety
