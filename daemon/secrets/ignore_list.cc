#include "daemon/secrets/ignore_list.h"

#include <algorithm>
#include <array>

namespace batuta::secrets {
namespace {

std::string_view Trimmed(std::string_view line) {
  const size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return "";
  return line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
}

bool IsCommit(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

IgnoreList IgnoreList::Parse(std::string_view text) {
  IgnoreList list;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    line = Trimmed(line.substr(0, line.find(" #")));
    if (line.empty() || line.front() == '#') continue;
    if (const size_t colon = line.find(':');
        colon != std::string_view::npos && IsCommit(line.substr(0, colon))) {
      line.remove_prefix(colon + 1);
    }
    std::string fingerprint(line);
    std::ranges::replace(fingerprint, '\\', '/');
    list.fingerprints_.insert(std::move(fingerprint));
  }
  return list;
}

uint64_t IgnoreList::Remove(ScanReport& report) const {
  if (fingerprints_.empty()) return 0;
  return std::erase_if(report.findings, [this](const Finding& finding) { return Has(finding); });
}

bool HasAllowComment(std::string_view line) {
  constexpr std::array<std::string_view, 5> kComments = {"batuta:allow-secret", "gitleaks:allow",
                                                         "trufflehog:ignore", "pragma: allowlist secret",
                                                         "pragma: whitelist secret"};
  return std::ranges::any_of(
      kComments, [line](std::string_view comment) { return line.find(comment) != std::string_view::npos; });
}

}  // namespace batuta::secrets
