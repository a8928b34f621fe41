#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/guard/inspection.h"

namespace batuta::guard {

// Finds in every file what the test says of its first byte; a class of names is an extension.
class FakeInspection final : public Inspection {
 public:
  Outcome Inspect(std::string_view /*path*/, safety::ByteSource& bytes) override {
    ++inspections;
    if (!failure.ok()) return {{}, failure};
    char first = 0;
    if (absl::Status status = bytes.Read(0, {&first, 1}); !status.ok()) return {{}, std::move(status)};
    safety::Verdict verdict{.format = "fake"};
    if (const auto found = grades.find(first); found != grades.end()) {
      verdict.grades.Add(found->second);
      verdict.has_pickle = found->second == safety::Grade::kPickle;
      verdict.findings.push_back(
          {.code = code, .grade = found->second, .place = "", .offset = 0, .text = "looks bad"});
    }
    char last = 0;
    return {std::move(verdict), bytes.Read(bytes.size_bytes() - 1, {&last, 1})};
  }

  // An .index names other files, with spaces between; the first byte of each is an s.
  Outcome InspectAmongOthers(std::string_view path, safety::Snapshot& files) override {
    safety::Verdict verdict;
    if (!path.ends_with(".index")) return {verdict, absl::OkStatus()};
    const auto index = files.Open(path);
    if (!index.ok()) return {verdict, index.status()};
    std::string text((*index)->size_bytes(), ' ');
    if (absl::Status status = (*index)->Read(0, text); !status.ok()) return {verdict, std::move(status)};
    std::istringstream names(text);
    for (std::string name; names >> name;) {
      char first = 's';
      const bool is_there = files.SizeBytes(name).has_value();
      const auto file = is_there ? files.Open(name) : absl::NotFoundError("");
      if (file.ok() && !(*file)->Read(0, {&first, 1}).ok()) continue;
      if (is_there && first == 's') continue;
      verdict.grades.Add(safety::Grade::kInvalid);
      verdict.findings.push_back({.code = "fake-index",
                                  .grade = safety::Grade::kInvalid,
                                  .place = "",
                                  .offset = 0,
                                  .text = name + (is_there ? " is another" : " is missing")});
    }
    return {std::move(verdict), absl::OkStatus()};
  }

  std::string NameClass(std::string_view path) override {
    return std::string(path.substr(path.rfind('.') + 1));
  }

  std::map<char, safety::Grade> grades = {
      {'p', safety::Grade::kPickle}, {'m', safety::Grade::kMalicious}, {'i', safety::Grade::kInvalid}};
  std::string code = "fake-code";
  absl::Status failure;  // of every look, while it is not OK
  std::atomic<int> inspections = 0;
};

}  // namespace batuta::guard
