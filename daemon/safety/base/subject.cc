#include "daemon/safety/base/subject.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/text/human.h"
#include "daemon/safety/base/rules.h"

namespace batuta::safety {

void Report::Add(const Rule& rule, std::string place, uint64_t offset, std::string_view text) {
  // The first finding of a grade is always kept: it may be the one that decides.
  const bool first = !verdict_.grades.Has(rule.grade);
  verdict_.grades.Add(rule.grade);
  if (!first && verdict_.findings.size() >= kMostFindings) {
    ++verdict_.findings_left_out;
    return;
  }
  verdict_.findings.push_back({.code = std::string(rule.code),
                               .grade = rule.grade,
                               .place = std::move(place),
                               .offset = offset,
                               .text = Printable(text)});
}

void Report::AddGlobal(std::string_view module, std::string_view name) {
  if (globals_.size() < kMostGlobals) globals_.insert(Printable(fmt::format("{}.{}", module, name)));
}

void Report::AddNote(std::string_view text) {
  if (verdict_.notes.size() < kMostFindings) verdict_.notes.push_back(Printable(text));
}

bool Report::TakeExpanded(uint64_t bytes) {
  if (bytes > expandable_bytes_) return false;
  expandable_bytes_ -= bytes;
  return true;
}

uint64_t ExpandableBytes(uint64_t packed_bytes, const Limits& limits) {
  constexpr uint64_t kFree = 1 << 20;
  if (packed_bytes > limits.expanded_bytes / limits.expansion) return limits.expanded_bytes;
  return std::min(std::max(kFree, packed_bytes * limits.expansion), limits.expanded_bytes);
}

Verdict Report::Take() && {
  verdict_.globals.assign(globals_.begin(), globals_.end());
  return std::move(verdict_);
}

Subject::Subject(std::string_view name, ByteSource& bytes, Report& report, Inspector inspector,
                 const Limits& limits)
    : name_(name),
      place_(Printable(name)),
      bytes_(bytes),
      report_(report),
      inspector_(inspector),
      limits_(limits) {
  report.expandable_bytes_ = ExpandableBytes(bytes.size_bytes(), limits);
}

Subject::Subject(const Subject& outer, std::string_view name, ByteSource& bytes)
    : name_(name),
      place_(fmt::format("{} » {}", outer.place_, Printable(name))),
      bytes_(bytes),
      report_(outer.report_),
      inspector_(outer.inspector_),
      limits_(outer.limits_),
      depth_(outer.depth_ + 1) {}

absl::Status Subject::Inspect(std::string_view name, ByteSource& bytes) {
  return InspectAs(name, bytes, inspector_);
}

absl::Status Subject::InspectAs(std::string_view name, ByteSource& bytes,
                                absl::FunctionRef<absl::Status(Subject& part)> parser) {
  Subject part(*this, name, bytes);
  if (part.depth_ > limits_.depth) {
    part.Add(rules::kTooDeep, 0, fmt::format("{} archives inside each other", part.depth_));
    return absl::OkStatus();
  }
  return parser(part);
}

}  // namespace batuta::safety
