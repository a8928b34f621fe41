#include "daemon/push/format_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/card/value.h"
#include "daemon/safety/inspector.h"
#include "daemon/safety/name_class.h"
#include "daemon/safety/text/rules.h"

namespace batuta::push {
namespace {

using safety::Finding;
using safety::Grade;
using safety::Verdict;

constexpr std::string_view kCardName = "README.md";

// Data formats that a file of that name is held to; of others that it is not what its name says is a warning.
// Lines of JSON are among the others: the log of a run that was cut off ends within one.
struct HeldTo {
  std::string_view ending;
  std::string_view what;
};

constexpr HeldTo kHeldTo[] = {
    {".safetensors", "safetensors"}, {".gguf", "GGUF"},           {".json", "JSON"},
    {".parquet", "Parquet"},         {".arrow", "Arrow"},         {".feather", "Arrow"},
    {".npy", "a numpy array"},       {".npz", "a numpy archive"},
};

// How a pickle gets rid of its code.
struct Remedy {
  std::string_view ending;
  std::string_view advice;
};

constexpr std::string_view kToSafetensors =
    "convert it: safetensors.torch.save_file(torch.load(FILE, weights_only=True), \"model.safetensors\"), or "
    "save_pretrained(..., safe_serialization=True)";

constexpr Remedy kRemedies[] = {
    {".npy", "save arrays of numbers, with allow_pickle=False"},
    {".npz", "save arrays of numbers, with allow_pickle=False"},
    {".joblib", "convert it: skops.io.dump(joblib.load(FILE), \"model.skops\")"},
    {".pkl", "keep tables as Parquet, scikit-learn models as skops, tensors as safetensors"},
    {".pickle", "keep tables as Parquet, scikit-learn models as skops, tensors as safetensors"},
};

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return lower;
}

template <typename Entry, size_t kCount>
const Entry* FindEnding(const Entry (&entries)[kCount], std::string_view name) {
  for (const Entry& entry : entries) {
    if (name.ends_with(entry.ending)) return &entry;
  }
  return nullptr;
}

const Finding* FindGrade(const Verdict& verdict, Grade grade) {
  const auto found = std::find_if(verdict.findings.begin(), verdict.findings.end(),
                                  [grade](const Finding& finding) { return finding.grade == grade; });
  return found == verdict.findings.end() ? nullptr : &*found;
}

const Finding* FindCode(const Verdict& verdict, std::string_view code) {
  const auto found = std::find_if(verdict.findings.begin(), verdict.findings.end(),
                                  [code](const Finding& finding) { return finding.code == code; });
  return found == verdict.findings.end() ? nullptr : &*found;
}

// "FILE in it: what", where that is about a member.
std::string TextOf(const Finding& finding) {
  return finding.place.empty() ? finding.text : fmt::format("{}: {}", finding.place, finding.text);
}

// Why it is not of the format; empty: it is.
std::string WhyNot(const Verdict& verdict) {
  if (verdict.format == "empty") return "it is empty";
  if (const Finding* no_text = FindCode(verdict, safety::rules::kNotText.code)) return TextOf(*no_text);
  for (const Finding& finding : verdict.findings) {
    // Readers differ in which of the two counts; it can be read.
    if (finding.grade == Grade::kInvalid && finding.code != safety::rules::kJsonDuplicateKey.code) {
      return TextOf(finding);
    }
  }
  return {};
}

bool IsProgram(std::string_view name) {
  const safety::Promise promise = safety::PromiseOf(name);
  return promise.first == safety::Family::kText &&
         (promise.text == safety::TextKind::kCode || promise.text == safety::TextKind::kNotebook);
}

void ReportHarm(const Verdict& verdict, FormatReport& report) {
  for (const Grade grade : {Grade::kMalicious, Grade::kBomb}) {
    const Finding* finding = FindGrade(verdict, grade);
    if (finding == nullptr) continue;
    report.reason = reason::kUnsafeContent;
    report.objection =
        fmt::format("does harm to whoever loads it ({}): find out where it comes from, and take it away",
                    TextOf(*finding));
    return;
  }
}

void ReportFormat(const std::string& name, const Verdict& verdict, FormatReport& report) {
  if (FindCode(verdict, safety::rules::kLfsPointer.code) != nullptr) {
    report.reason = reason::kInvalidContent;
    report.objection = "is what git-lfs leaves in place of a file: fetch that with `git lfs pull`";
    return;
  }
  const std::string why = WhyNot(verdict);
  if (why.empty()) return;
  if (const HeldTo* held = FindEnding(kHeldTo, name)) {
    report.reason = reason::kInvalidContent;
    report.objection = fmt::format("is not {} ({}): write it anew, rename it, or name it in a .batutaignore",
                                   held->what, why);
  } else if (FindGrade(verdict, Grade::kInvalid) != nullptr) {
    report.warning = fmt::format("may not load: {}", why);
  }
}

void WarnOfPickle(const std::string& name, const Verdict& verdict, FormatReport& report) {
  if (!verdict.has_pickle) return;
  const Remedy* remedy = FindEnding(kRemedies, name);
  const Finding* worst = safety::Worst(verdict);
  report.warning = fmt::format(
      "{} a pickle, which runs code when it is loaded{}, so that many will not load it; {}",
      verdict.format == "pickle" ? "is" : "holds",
      worst != nullptr && worst->grade != Grade::kPickle ? fmt::format(" ({})", TextOf(*worst)) : "",
      remedy == nullptr ? kToSafetensors : remedy->advice);
}

void ReportCard(const RepoPath& path, std::string_view text, FormatReport& report) {
  if (path.text() != kCardName || !report.objection.empty()) return;
  const std::optional<std::string> problem = CardProblem(text);
  if (!problem.has_value()) return;
  report.reason = reason::kInvalidContent;
  report.objection = *problem;
}

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// The YAML between the fences at the very beginning; nothing when there is none.
std::optional<std::string_view> FrontMatterOf(std::string_view text) {
  constexpr std::string_view kFence = "---";
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || !text.substr(first).starts_with(kFence)) return std::nullopt;
  text.remove_prefix(first + kFence.size());
  const size_t line_end = text.find('\n');
  if (line_end == std::string_view::npos || !IsBlank(text.substr(0, line_end))) return std::nullopt;
  text.remove_prefix(line_end + 1);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    if (line.starts_with(kFence) && IsBlank(line.substr(kFence.size()))) return text.substr(0, begin);
    begin = end + 1;
  }
  return std::nullopt;
}

absl::StatusOr<Verdict> VerdictOn(const BlobId& sha256, FileBytes& file, guard::Verdicts& verdicts,
                                  bool keeps) {
  const std::string& path = file.path().text();
  if (keeps) return verdicts.Of(sha256, path, file, [&file] { return file.CheckUnchanged(); });
  if (std::optional<Verdict> known = verdicts.Find(sha256, path)) return *std::move(known);
  guard::Verdicts::Glimpse glimpse = verdicts.Look(path, file);
  RETURN_IF_ERROR(glimpse.status);
  RETURN_IF_ERROR(file.CheckUnchanged());
  return std::move(glimpse.verdict);
}

}  // namespace

FormatReport ReportOn(const RepoPath& path, const Verdict& verdict) {
  const std::string name = Lower(path.name());
  FormatReport report;
  // A program is what it is. (One of few lines may read as a pickle too: "import os\nos.system(…)".)
  if (IsProgram(name)) return report;
  ReportHarm(verdict, report);
  if (!report.objection.empty()) return report;
  ReportFormat(name, verdict, report);
  if (!report.objection.empty()) return report;
  WarnOfPickle(name, verdict, report);
  return report;
}

std::optional<std::string> CardProblem(std::string_view readme) {
  const std::optional<std::string_view> yaml = FrontMatterOf(readme);
  if (!yaml.has_value()) return std::nullopt;
  const absl::StatusOr<card::Value> value = card::ParseYaml(*yaml);
  if (absl::IsInvalidArgument(value.status())) {
    return fmt::format(
        "has metadata between its `---` lines that is no YAML ({}): correct it, since the hub "
        "refuses it",
        Printable(MessageOf(value.status())));
  }
  if (!value.ok() || value->kind == card::Value::Kind::kMap || value->kind == card::Value::Kind::kNull) {
    return std::nullopt;
  }
  return "has metadata between its `---` lines that names no fields: write `license: …` and the like, or put "
         "something before the first where it is a mere line";
}

std::string CardLicense(std::string_view readme) {
  const std::optional<std::string_view> yaml = FrontMatterOf(readme);
  const absl::StatusOr<card::Value> value = card::ParseYaml(yaml.value_or(std::string_view()));
  if (!value.ok()) return {};
  const card::Value* const license = value->Find("license");
  if (license == nullptr) return {};
  if (license->kind == card::Value::Kind::kList && !license->items.empty())
    return license->items.front().text;
  return license->text;
}

absl::StatusOr<FormatReport> CheckFormat(const BlobId& sha256, FileBytes& file, guard::Verdicts& verdicts,
                                         bool keeps) {
  ASSIGN_OR_RETURN(const Verdict verdict, VerdictOn(sha256, file, verdicts, keeps));
  FormatReport report = ReportOn(file.path(), verdict);
  constexpr uint64_t kMostCardBytes = 4 << 20;  // of YAML and text that people write
  if (file.path().text() == kCardName && file.size_bytes() <= kMostCardBytes) {
    std::string text(static_cast<size_t>(file.size_bytes()), '\0');
    RETURN_IF_ERROR(file.Read(0, text));
    RETURN_IF_ERROR(file.CheckUnchanged());
    ReportCard(file.path(), text, report);
  }
  return report;
}

FormatReport CheckFormat(const RepoPath& path, std::string_view content) {
  safety::MemorySource bytes(content);
  FormatReport report = ReportOn(path, safety::Inspect(path.text(), bytes).verdict);
  ReportCard(path, content, report);
  return report;
}

}  // namespace batuta::push
