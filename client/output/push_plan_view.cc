#include "client/output/push_plan_view.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

#include "client/output/scan_view.h"
#include "client/output/wire_text.h"
#include "common/text/human.h"
#include "common/text/table.h"

namespace batuta::client {
namespace {

constexpr size_t kMostChanges = 20;

std::string Line(std::string_view what, std::string_view text) {
  return fmt::format("{:<8} {}\n", what, text);
}

std::string RepoLine(const PushReport& report) {
  const v1::PushPlan& plan = report.plan();
  const std::string_view access = plan.is_private() ? "private" : "public";
  std::string text = report.Subject() + ": ";
  if (plan.creates_repo()) {
    text += fmt::format("a new {} repo", access);
  } else if (plan.creates_branch()) {
    text += fmt::format("a new branch of a {} repo", access);
  } else {
    text += fmt::format("a {} repo", access);
    if (!plan.head().empty()) text += fmt::format(", at {}", Printable(plan.head().substr(0, 12)));
  }
  if (report.spec().create_pr()) text += "; as a pull request";
  return text + "\n";
}

// What is lost first, what is new last.
int Rank(v1::PushFile::Change change) {
  switch (change) {
    case v1::PushFile::CHANGE_DELETED:
      return 0;
    case v1::PushFile::CHANGE_MODIFIED:
      return 1;
    default:
      return 2;
  }
}

std::vector<const v1::PushFile*> ChangedFiles(const PushReport& report) {
  std::vector<const v1::PushFile*> files;
  for (const v1::PushFile& file : report.files()) {
    const bool stays =
        file.change() == v1::PushFile::CHANGE_UNCHANGED || file.change() == v1::PushFile::CHANGE_IGNORED;
    if (!stays) files.push_back(&file);
  }
  std::ranges::stable_sort(files, {}, [](const v1::PushFile* file) { return Rank(file->change()); });
  return files;
}

std::string NoteOf(const v1::PushFile& file) {
  if (!file.copy_of().empty()) return fmt::format("the same as {}, nothing is sent", file.copy_of());
  return file.reason();
}

std::string FilesText(const PushReport& report, const PlanDetail& detail) {
  const std::vector<const v1::PushFile*> files = ChangedFiles(report);
  if (files.empty()) return {};
  const size_t shown = detail.files == 0 || files.size() <= detail.files ? files.size() : detail.files;
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < shown; ++i) {
    const v1::PushFile& file = *files[i];
    const bool is_deleted = file.change() == v1::PushFile::CHANGE_DELETED;
    rows.push_back({std::string(ChangeWord(file.change())),
                    is_deleted ? std::string() : FormatBytes(file.size_bytes()), file.path(), NoteOf(file)});
  }
  std::string text = RenderTable(
      {{"CHANGE"}, {"SIZE", Align::kRight}, {"FILE", Align::kLeft, true}, {"NOTE", Align::kLeft, true}}, rows,
      {.width = detail.width});
  if (shown == files.size()) return text;
  uint64_t bytes = 0;
  for (size_t i = shown; i < files.size(); ++i) bytes += files[i]->size_bytes();
  return text + fmt::format("and {} more files ({}); --dry-run lists them all\n", files.size() - shown,
                            FormatBytes(bytes));
}

std::string CardText(const v1::PushPlan& plan, const PlanDetail& detail) {
  std::string how = Printable(plan.card());
  if (plan.card() == "generated") how = "README.md is made, as there is none";
  if (plan.card() == "completed") how = "README.md is completed; the file in the folder stays as it is";
  if (plan.card() == "present") how = "README.md as it is";
  std::string sources;
  for (const std::string& source : plan.card_sources()) {
    sources += fmt::format("{}{}", sources.empty() ? "; from " : "; ", Printable(source));
  }
  std::string text = Line("card", how + sources);
  size_t lines = 0;
  for (size_t begin = 0; begin < plan.card_diff().size(); ++lines) {
    const size_t end = std::min(plan.card_diff().find('\n', begin), plan.card_diff().size());
    if (detail.diff_lines == 0 || lines < detail.diff_lines) {
      text += fmt::format("  {}\n", Printable(plan.card_diff().substr(begin, end - begin)));
    }
    begin = end + 1;
  }
  if (detail.diff_lines != 0 && lines > detail.diff_lines) {
    text += fmt::format("  and {} more lines; --dry-run shows them all\n", lines - detail.diff_lines);
  }
  return text;
}

// What stands in the way, each with the way out.
std::string RefusalText(const v1::PushPlan& plan) {
  std::string text;
  for (const v1::SecretFinding& finding : plan.findings()) {
    text += SecretLine(finding) + "\n";
    text += fmt::format("         if it is none: --allow-secret {}\n", ShellWord(finding.fingerprint()));
  }
  for (const v1::PushRefusal& refusal : plan.refusals()) {
    const bool is_shown = refusal.reason() == "SECRETS_FOUND" && plan.findings_size() > 0;
    if (is_shown) continue;
    text += Line("refused", refusal.path().empty() ? Printable(refusal.text())
                                                   : fmt::format("{}: {}", Printable(refusal.path()),
                                                                 Printable(refusal.text())));
  }
  return text;
}

}  // namespace

std::string ShellWord(const std::string& word) {
  const bool is_plain = !word.empty() && std::ranges::all_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./:@%+=,").find(c) != std::string_view::npos;
  });
  if (is_plain) return word;
  std::string quoted = "'";
  for (const char c : Printable(word)) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string PlanText(const PushReport& report, const PlanDetail& detail) {
  const v1::PushPlan& plan = report.plan();
  std::string text = RepoLine(report);
  text += Line("from", Printable(report.spec().path()));
  text += FilesText(report, detail);
  if (!plan.card().empty() && plan.card() != "none") text += CardText(plan, detail);
  text += Line("changes", report.Changes());
  if (plan.commits() > 0) {
    text += Line("to send", fmt::format("{} at most, in {} commit{}", FormatBytes(plan.bytes_to_send()),
                                        plan.commits(), plan.commits() == 1 ? "" : "s"));
  }
  text += Line("licence", plan.license().empty() ? "none stated" : Printable(plan.license()));
  if (report.spec().is_private() && !plan.is_private()) {
    text += Line("warning", "the repo is there already and is public: --private changes nothing");
  }
  for (const std::string& warning : plan.warnings()) text += Line("warning", Printable(warning));
  for (const v1::PushFile& file : report.files()) {
    if (file.warning().empty()) continue;
    text += Line("warning", fmt::format("{}: {}", Printable(file.path()), Printable(file.warning())));
  }
  if (plan.findings_allowed() > 0) {
    text += Line("allowed", fmt::format("{} that look like secrets", plan.findings_allowed()));
  }
  return text + RefusalText(plan);
}

std::vector<std::string> PlanChanges(const PushReport& before, const PushReport& now) {
  std::vector<std::string> lines;
  if (before.plan().head() != now.plan().head()) {
    lines.push_back(fmt::format("the repo is at {} now", now.plan().head().empty()
                                                             ? "no commit"
                                                             : Printable(now.plan().head().substr(0, 12))));
  }
  std::unordered_map<std::string_view, const v1::PushFile*> old;
  for (const v1::PushFile* const file : ChangedFiles(before)) old.emplace(file->path(), file);
  size_t count = 0;
  const auto tell = [&](std::string_view what, const v1::PushFile& file) {
    if (++count <= kMostChanges) lines.push_back(fmt::format("{} {}", what, Printable(file.path())));
  };
  for (const v1::PushFile* const file : ChangedFiles(now)) {
    const auto known = old.find(file->path());
    if (known == old.end()) {
      tell(fmt::format("also {}:", ChangeWord(file->change())), *file);
      continue;
    }
    const bool is_same = known->second->change() == file->change() && known->second->blob() == file->blob();
    if (!is_same) tell(fmt::format("now {}, with other content:", ChangeWord(file->change())), *file);
    old.erase(known);
  }
  for (const v1::PushFile* const file : ChangedFiles(before)) {
    if (old.contains(file->path())) tell("not any more:", *file);
  }
  if (count > kMostChanges) lines.push_back(fmt::format("and {} more", count - kMostChanges));
  return lines;
}

}  // namespace batuta::client
