#include "daemon/push/secret_judge.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::push {
namespace {

using secrets::Finding;
using secrets::ScanReport;

constexpr size_t kMostUnread = 100;

bool ComesFirst(const Finding& a, const Finding& b) {
  return std::tie(a.path, a.line, a.column, a.kind) < std::tie(b.path, b.line, b.column, b.kind);
}

Finding NotListed(std::string_view path, uint64_t count) {
  return {.path = std::string(path),
          .line = UINT64_MAX,  // replaced once they are in order: behind the others of the file
          .column = 1,
          .kind = "not-listed",
          .description = fmt::format("{} more, which are not listed", count),
          .tier = secrets::Tier::kCertain,
          .excerpt = "",
          .fingerprint = fmt::format("{}:*", path)};
}

}  // namespace

absl::Status StatusOf(const SecretVerdict& verdict) {
  if (!verdict.blocks()) return absl::OkStatus();
  const uint64_t count = verdict.findings.size() + verdict.findings_left_out;
  std::string where;
  if (!verdict.findings.empty()) {
    const Finding& first = verdict.findings.front();
    where = fmt::format("{}: {}, line {}: {}", count > 1 ? ", the first" : "", Quoted(first.path), first.line,
                        first.description);
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, reason::kSecretsFound,
                   fmt::format("{} secret{} found{}", count, count == 1 ? " was" : "s were", where),
                   "revoke what is real, then take it out; what is none is allowed by --allow-secret "
                   "FINGERPRINT, in .gitleaksignore, or by a comment `batuta:allow-secret` on its line");
}

SecretJudge::SecretJudge(std::span<const std::string> allowances, std::string_view gitleaksignore)
    : ignored_(secrets::IgnoreList::Parse(gitleaksignore)) {
  for (const std::string& allowance : allowances) allowances_.emplace(allowance, false);
}

bool SecretJudge::IsAllowed(const std::string& allowance) {
  const auto found = allowances_.find(allowance);
  if (found == allowances_.end()) return false;
  found->second = true;
  return true;
}

void SecretJudge::Add(std::string_view path, ScanReport report) {
  verdict_.allowed += report.allowed;
  for (std::string& part : report.unread) {
    if (verdict_.unread.size() < kMostUnread) verdict_.unread.push_back(std::move(part));
  }
  // A file as a whole is allowed only where its findings are too many to be allowed one by one.
  if (report.findings_left_out > 0 && IsAllowed(fmt::format("{}:*", path))) {
    verdict_.allowed += report.findings.size() + report.findings_left_out;
    return;
  }
  if (report.findings_left_out > 0) {
    // One stands for all of them, so that nobody takes what is listed for everything.
    verdict_.findings.push_back(NotListed(path, report.findings_left_out));
    verdict_.findings_left_out += report.findings_left_out - 1;
  }
  for (Finding& finding : report.findings) {
    if (IsAllowed(finding.fingerprint) || ignored_.Has(finding)) {
      ++verdict_.allowed;
    } else {
      verdict_.findings.push_back(std::move(finding));
    }
  }
  // The same ones are listed, in whatever order the files come.
  if (verdict_.findings.size() >= 2 * SecretVerdict::kMostListed) KeepFirst();
}

void SecretJudge::KeepFirst() {
  std::ranges::sort(verdict_.findings, ComesFirst);
  if (verdict_.findings.size() <= SecretVerdict::kMostListed) return;
  verdict_.findings_left_out += verdict_.findings.size() - SecretVerdict::kMostListed;
  verdict_.findings.resize(SecretVerdict::kMostListed);
}

SecretVerdict SecretJudge::Finish() {
  KeepFirst();
  for (Finding& finding : verdict_.findings) {
    if (finding.line == UINT64_MAX) finding.line = 1;
  }
  std::ranges::sort(verdict_.unread);
  for (const auto& [allowance, is_used] : allowances_) {
    if (!is_used) verdict_.unused_allowances.push_back(allowance);
  }
  return std::move(verdict_);
}

}  // namespace batuta::push
