#include "daemon/push/sent_names.h"

#include <algorithm>

#include <fmt/format.h>

namespace batuta::push {
namespace {

using secrets::Finding;
using secrets::ScanReport;

// Where the component begins in which the finding does.
size_t ComponentOf(std::string_view path, const Finding& finding) {
  const size_t begin = std::min<size_t>(static_cast<size_t>(finding.column) - 1, path.size());
  return path.substr(0, begin).rfind('/') + 1;  // none: 0
}

void Replace(std::string_view name, std::string_view shown, std::string* text) {
  for (size_t at = text->find(name); at != std::string::npos; at = text->find(name, at + shown.size()))
    text->replace(at, name.size(), shown);
}

// The hidden file that a finding is in: itself, or an archive around it.
HiddenNames::const_iterator FileOf(const HiddenNames& hidden, std::string_view path) {
  for (size_t end = path.size(); end != std::string_view::npos && end > 0; end = path.rfind('!', end - 1)) {
    if (const auto found = hidden.find(path.substr(0, end)); found != hidden.end()) return found;
  }
  return hidden.end();
}

}  // namespace

ScanReport NameFindings::Tell(std::string_view path, const ScanReport& found) {
  ScanReport told;
  told.allowed = found.allowed;
  told.findings_left_out = found.findings_left_out;
  if (found.findings.empty()) return told;
  // A secret may go on behind a slash, so nothing behind its beginning is safe to show.
  const Finding& first = *std::ranges::min_element(found.findings, {}, &Finding::column);
  const std::string shown = fmt::format("{}{}", path.substr(0, ComponentOf(path, first)), first.excerpt);
  hidden_.emplace(path, shown);
  for (Finding finding : found.findings) {
    const std::string_view until = path.substr(0, path.find('/', ComponentOf(path, finding)));
    const auto [line, is_new] = lines_.try_emplace(
        fmt::format("{}\n{}\n{}\n{}", finding.kind, finding.column, finding.excerpt, until), 0);
    if (!is_new) continue;
    line->second = ++lasts_[{shown, finding.kind}];
    finding.path = fmt::format("the name of {}", shown);
    finding.line = line->second;
    finding.column = 1;
    finding.fingerprint =
        secrets::FingerprintOf(fmt::format("{}/{}", kNamePath, shown), finding.kind, finding.line);
    told.findings.push_back(std::move(finding));
  }
  return told;
}

std::string_view NameFindings::Shown(std::string_view path) const {
  const auto hidden = hidden_.find(path);
  return hidden == hidden_.end() ? path : hidden->second;
}

void HideNames(const HiddenNames& hidden, PushPlan* plan) {
  if (hidden.empty()) return;
  for (PlannedPushFile& file : plan->files) {
    const auto name = hidden.find(file.path);
    if (name == hidden.end()) continue;
    Replace(name->first, name->second, &file.warning);
    Replace(name->first, name->second, &file.reason);
    file.path = name->second;
  }
  for (Finding& finding : plan->findings) {
    const auto name = FileOf(hidden, finding.path);
    if (name == hidden.end()) continue;
    Replace(name->first, name->second, &finding.fingerprint);
    Replace(name->first, name->second, &finding.path);
  }
  for (Refusal& refusal : plan->refusals) {
    const auto name = hidden.find(refusal.path);
    if (name == hidden.end()) continue;
    Replace(name->first, name->second, &refusal.text);
    refusal.path = name->second;
  }
  for (std::string& warning : plan->warnings) {
    // The longer of two that begin alike comes first.
    for (auto name = hidden.rbegin(); name != hidden.rend(); ++name)
      Replace(name->first, name->second, &warning);
  }
  // What a card says may be of any file.
  plan->card_diff.clear();
  plan->card_sources.clear();
}

}  // namespace batuta::push
