#include "daemon/pull/hub_scan.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "daemon/pull/draft.h"
#include "daemon/pull/file_kind.h"

namespace batuta::pull {
namespace {

std::string_view ClassOf(const FileKind& kind) {
  if (kind.is_pickle) return "pickle";
  return kind.is_code ? "code" : "unknown";
}

}  // namespace

std::vector<std::string> PathsToScan(const Tree& wanted, RepoType type) {
  const std::vector<FileKind> kinds = ClassifyFiles(wanted, type);
  std::vector<std::string> first;
  std::vector<std::string> rest;
  for (size_t i = 0; i < kinds.size(); ++i) {
    const bool may_harm = kinds[i].is_pickle || kinds[i].is_code || kinds[i].is_weight;
    std::vector<std::string>& paths = may_harm ? first : rest;
    if (paths.size() < hub::kMostScanPaths) paths.push_back(wanted.entries[i].path.text());
  }
  rest.resize(std::min(rest.size(), hub::kMostScanPaths - first.size()));
  std::ranges::move(rest, std::back_inserter(first));
  return first;
}

ScanOpinion OpinionOf(const std::vector<hub::ScanIssue>& issues, const Tree& tree,
                      const SelectionRequest& request) {
  ScanOpinion opinion;
  if (issues.empty()) return opinion;
  const std::vector<FileKind> kinds = ClassifyFiles(tree, request.repo_type);
  std::map<std::string_view, const FileKind*> kind_of;
  for (size_t i = 0; i < kinds.size(); ++i) kind_of.emplace(tree.entries[i].path.text(), &kinds[i]);
  for (const hub::ScanIssue& issue : issues) {
    const auto found = kind_of.find(issue.path);
    if (found == kind_of.end()) continue;
    const std::string name(ClassOf(*found->second));
    const bool is_unsafe = issue.level == hub::ScanLevel::kUnsafe;
    const bool is_allowed = std::ranges::find(request.allow_unsafe, name) != request.allow_unsafe.end() ||
                            (name == "code" && request.repo_type == RepoType::kSpace);  // code by nature
    const std::string level(hub::ToString(issue.level));
    if (request.allow_malicious || (is_allowed && !is_unsafe)) {
      opinion.warnings.insert_or_assign(issue.path, fmt::format("{} {}", left_out::kObjected, level));
    } else {
      opinion.objections.insert_or_assign(
          issue.path, Objection{.level = level, .admitted_by = is_unsafe ? std::string() : name});
    }
  }
  return opinion;
}

bool EndsThePull(const absl::Status& error) {
  return absl::IsResourceExhausted(error) || absl::IsCancelled(error);
}

}  // namespace batuta::pull
