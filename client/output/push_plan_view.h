#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "client/output/push_report.h"

// What a push would do, for the person who has to agree to it. Pure.
namespace batuta::client {

struct PlanDetail {
  size_t files = 0;       // lines for files at most; 0 = all
  size_t diff_lines = 0;  // of the card; 0 = all
  size_t width = 0;       // columns; 0 = any
};

// The repo as it is or will be, the files that change, what is sent, licence, card and what was changed in
// it, warnings, secrets and what else stands in the way. Lines that end in `\n`, printable.
std::string PlanText(const PushReport& report, const PlanDetail& detail);

// What differs between a plan and the one that came after it, a line each.
std::vector<std::string> PlanChanges(const PushReport& before, const PushReport& now);

// `word` as a shell takes it for one word.
std::string ShellWord(const std::string& word);

}  // namespace batuta::client
