#include "daemon/pull/selection.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "common/status/status.h"
#include "common/text/glob.h"
#include "common/text/human.h"
#include "daemon/pull/draft.h"
#include "daemon/pull/gguf_choice.h"
#include "daemon/pull/near_miss.h"
#include "daemon/pull/weight_choice.h"
#include "daemon/pull/weight_variants.h"

namespace batuta::pull {
namespace {

absl::Status BadArgument(std::string_view message, std::string_view hint = {}) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument, message, hint);
}

// What the request says, understood.
struct Rules {
  std::optional<FileFormat> forced;  // by format or quantization
  bool takes_all_formats = false;
  bool allows_pickle = false;
  bool allows_code = false;
  bool names_files = false;
  std::vector<std::string> paths;  // exact files
};

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return lower;
}

absl::Status ReadFormat(const SelectionRequest& request, Rules& rules) {
  const std::string format = Lower(request.format);
  if (format == "safetensors") {
    rules.forced = FileFormat::kSafetensors;
  } else if (format == "gguf") {
    rules.forced = FileFormat::kGguf;
  } else if (format == "onnx") {
    rules.forced = FileFormat::kOnnx;
  } else if (format == "pytorch") {
    rules.forced = FileFormat::kPytorch;
  } else if (format == "all") {
    rules.takes_all_formats = true;
  } else if (!format.empty()) {
    return BadArgument(fmt::format("unknown format {}", Quoted(request.format, 60)),
                       "formats are safetensors, gguf, onnx, pytorch and all");
  }
  return absl::OkStatus();
}

absl::Status ReadQuantization(const SelectionRequest& request, Rules& rules) {
  if (request.quantization.empty()) return absl::OkStatus();
  if (rules.names_files) {
    return BadArgument("files and a quantization were named",
                       "name the files, or the quantization, but not both");
  }
  if (request.repo_type != RepoType::kModel) return BadArgument("only models have quantizations");
  if (rules.takes_all_formats) {
    return BadArgument("all formats were asked for, and one quantization",
                       "leave out --format, or --quantization");
  }
  return absl::OkStatus();
}

absl::Status CheckLock(const SelectionRequest& request) {
  const bool names_more = !request.paths.empty() || !request.include.empty() || !request.exclude.empty() ||
                          !request.format.empty() || !request.quantization.empty();
  if (request.locked.empty() || !names_more) return absl::OkStatus();
  return BadArgument("a lock says which files are taken, and more was named",
                     "leave out the files, globs, format and quantization, or the lock");
}

absl::StatusOr<Rules> Read(const SelectionRequest& request) {
  constexpr std::array<std::string_view, 4> kClasses = {"pickle", "code", "invalid", "unknown"};
  Rules rules;
  for (const std::string& name : request.allow_unsafe) {
    if (std::find(kClasses.begin(), kClasses.end(), name) == kClasses.end()) {
      return BadArgument(fmt::format("unknown class of unsafe content {}", Quoted(name, 60)),
                         "classes are pickle, code, invalid and unknown");
    }
    rules.allows_pickle |= name == "pickle";
    rules.allows_code |= name == "code";
  }
  rules.allows_pickle |= request.allow_malicious;
  rules.allows_code |= request.allow_malicious || request.repo_type == RepoType::kSpace;  // code by nature
  RETURN_IF_ERROR(CheckLock(request));
  rules.paths = request.paths;
  for (const Entry& entry : request.locked) rules.paths.push_back(entry.path.text());
  rules.names_files = !rules.paths.empty() || !request.include.empty();
  RETURN_IF_ERROR(ReadFormat(request, rules));
  RETURN_IF_ERROR(ReadQuantization(request, rules));
  if (request.repo_type != RepoType::kModel && rules.forced) {
    return BadArgument(fmt::format("a {} has no weights to choose a format of", ToString(request.repo_type)),
                       "leave out --format; name files with --include GLOB");
  }
  return rules;
}

bool MatchesAny(const std::vector<std::string>& globs, const std::string& path) {
  return std::any_of(globs.begin(), globs.end(),
                     [&](const std::string& glob) { return MatchesGlob(glob, path); });
}

std::string ListPaths(const std::vector<std::string>& paths) {
  constexpr size_t kMaxListed = 8;
  std::vector<std::string> quoted;
  for (const std::string& path : paths) {
    if (quoted.size() == kMaxListed) break;
    quoted.push_back(Quoted(path, 120));
  }
  std::string text = fmt::format("{}", fmt::join(quoted, ", "));
  if (paths.size() > kMaxListed) text += fmt::format(" and {} more", paths.size() - kMaxListed);
  return text;
}

absl::Status NoSuchPath(const Tree& tree, const std::string& path) {
  std::string folder = path;
  if (!folder.ends_with('/')) folder += '/';
  const bool is_folder = std::any_of(tree.entries.begin(), tree.entries.end(), [&](const Entry& entry) {
    return entry.path.text().starts_with(folder);
  });
  std::string hint = "list what there is with `batuta hf files`";
  if (is_folder) {
    hint = fmt::format("it is a folder: take what is in it with --include {}", Quoted(folder + "*"));
  } else if (const auto near = NearMisses(tree, path, 3); !near.empty()) {
    hint = fmt::format("did you mean {}?", ListPaths(near));
  }
  return MakeError(absl::StatusCode::kNotFound, reason::kEntryNotFound,
                   fmt::format("the revision has no file {}", Quoted(path)), hint);
}

absl::Status Unsafe(const std::vector<std::string>& refused, bool were_named) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, reason::kUnsafeContent,
      fmt::format("{} Python pickles, which may run code when they are loaded: {}",
                  were_named ? "these files are" : "the weights exist here only as", ListPaths(refused)),
      "look for a copy as safetensors or GGUF in another repo, or admit them with --allow-unsafe if you "
      "trust the "
      "author",
      {{"pickle", "true"}});
}

absl::Status Programs(const std::vector<std::string>& refused) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason::kUnsafeContent,
                   fmt::format("these files are programs: {}", ListPaths(refused)),
                   "read them at the hub first; --allow-unsafe=code admits them if you trust the author");
}

absl::Status Nothing(std::string_view message, std::string_view hint) {
  return MakeError(absl::StatusCode::kNotFound, reason::kNothingSelected, message, hint);
}

// What the safety policy leaves out by name, in order.
struct LeftOut {
  std::vector<std::string> pickles;
  std::vector<std::string> programs;

  bool empty() const { return pickles.empty() && programs.empty(); }
};

LeftOut LeaveUnsafe(Draft& draft, const Rules& rules) {
  LeftOut left;
  for (size_t i = 0; i < draft.size(); ++i) {
    if (!draft.is_taken(i)) continue;
    if (draft.kind(i).is_pickle && !rules.allows_pickle) {
      draft.Leave(i, left_out::kPickle);
      left.pickles.push_back(draft.path(i));
    } else if (draft.kind(i).is_code && !rules.allows_code) {
      draft.Leave(i, left_out::kCode);
      left.programs.push_back(draft.path(i));
    }
  }
  return left;
}

// For files that were asked for, or when nothing else is left.
absl::Status Refuse(const LeftOut& left) {
  return left.pickles.empty() ? Programs(left.programs) : Unsafe(left.pickles, true);
}

size_t CountTaken(const Draft& draft) {
  size_t count = 0;
  for (size_t i = 0; i < draft.size(); ++i) count += draft.is_taken(i) ? size_t{1} : 0;
  return count;
}

bool TakesWeights(const Draft& draft) {
  for (size_t i = 0; i < draft.size(); ++i) {
    if (draft.is_taken(i) && draft.kind(i).is_weight) return true;
  }
  return false;
}

// Exactly the files that were named.
absl::Status TakeNamed(const Tree& tree, const SelectionRequest& request, const Rules& rules, Draft& draft) {
  std::unordered_map<std::string_view, size_t> positions;
  for (size_t i = 0; i < draft.size(); ++i) positions.emplace(draft.path(i), i);
  std::vector<bool> is_named(draft.size());
  for (const std::string& path : rules.paths) {
    const auto found = positions.find(path);
    if (found == positions.end()) return NoSuchPath(tree, path);
    is_named[found->second] = true;
  }
  LeftOut named;
  for (size_t i = 0; i < draft.size(); ++i) {
    if (!is_named[i] && !MatchesAny(request.include, draft.path(i))) draft.Leave(i, left_out::kNotNamed);
    if (!is_named[i] || !draft.is_taken(i)) continue;
    if (draft.kind(i).is_pickle && !rules.allows_pickle) named.pickles.push_back(draft.path(i));
    if (draft.kind(i).is_code && !rules.allows_code) named.programs.push_back(draft.path(i));
  }
  if (!named.empty()) return Refuse(named);

  const LeftOut left = LeaveUnsafe(draft, rules);
  if (CountTaken(draft) > 0) return absl::OkStatus();
  if (!left.empty()) return Refuse(left);
  return Nothing(
      "no file matches what was asked for",
      "list what there is with `batuta hf files`; globs are case-sensitive, and `*` also matches `/`");
}

absl::Status Mismatch(std::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, reason::kLockMismatch, what,
                   "the content of a commit never changes: the hub, the cache or the lock file is damaged; "
                   "make the lock anew only if you know why");
}

absl::Status CompareWithLock(const Tree& tree, const std::vector<Entry>& locked) {
  std::unordered_map<std::string_view, const Entry*> entries;
  for (const Entry& entry : tree.entries) entries.emplace(entry.path.text(), &entry);
  for (const Entry& expected : locked) {
    const auto found = entries.find(expected.path.text());
    if (found == entries.end()) {
      return Mismatch(fmt::format("commit {} has no file {}, which is locked", tree.commit.hex(),
                                  Quoted(expected.path.text())));
    }
    const Entry& actual = *found->second;
    if (actual.blob == expected.blob && actual.size_bytes == expected.size_bytes) continue;
    return Mismatch(fmt::format("{} is locked to {} ({} bytes), and commit {} has {} ({} bytes)",
                                Quoted(expected.path.text()), expected.blob.hex(), expected.size_bytes,
                                tree.commit.hex(), actual.blob.hex(), actual.size_bytes));
  }
  return absl::OkStatus();
}

// The default choice, or that of a format.
absl::Status TakeModel(const SelectionRequest& request, Rules rules, Draft& draft) {
  if (!rules.takes_all_formats) {
    for (size_t i = 0; i < draft.size(); ++i) {
      if (draft.kind(i).is_training_state) draft.Leave(i, left_out::kTrainingState);
    }
    const std::string formats = FormatsIn(draft);
    const bool has_wish = !request.quantization.empty();
    if (has_wish && !rules.forced) {
      rules.forced = FormatOfQuantization(draft, request.quantization, rules.allows_pickle);
    }
    if (rules.forced == FileFormat::kPytorch &&
        formats.find(ToString(FileFormat::kPytorch)) == std::string::npos &&
        formats.find(ToString(FileFormat::kOriginal)) != std::string::npos) {
      rules.forced = FileFormat::kOriginal;
    }
    const bool needs_variant = ChooseFormats(draft, rules.forced, rules.allows_pickle);
    if (rules.forced && !TakesWeights(draft)) {
      return Nothing(fmt::format("the repo has no {} weights in this revision", ToString(*rules.forced)),
                     formats.empty() ? std::string("it has no weights at all")
                                     : fmt::format("it has: {}; choose with --format", formats));
    }
    const std::string precision = needs_variant ? "" : CanonicalVariant(request.quantization);
    if (!precision.empty()) RETURN_IF_ERROR(CheckPrecision(draft, *rules.forced, precision));
    LeaveTwins(draft, precision);
    if (needs_variant) RETURN_IF_ERROR(ChooseGgufVariant(draft, request.quantization));
  }
  const LeftOut left = LeaveUnsafe(draft, rules);
  if (!left.pickles.empty() && !TakesWeights(draft)) return Unsafe(left.pickles, false);
  if (!left.empty() && CountTaken(draft) == 0) return Refuse(left);
  return absl::OkStatus();
}

absl::Status TakeEverything(const Rules& rules, Draft& draft) {
  const LeftOut left = LeaveUnsafe(draft, rules);
  if (!left.empty() && CountTaken(draft) == 0) return Refuse(left);
  return absl::OkStatus();
}

// What the rules take of the tree. Weights that are objected to are not there for them.
absl::StatusOr<Draft> MakeDraft(const Tree& tree, const SelectionRequest& request, const Rules& rules,
                                const Objections& objections) {
  Draft draft(tree, request.repo_type);
  for (size_t i = 0; i < draft.size(); ++i) {
    if (MatchesAny(request.exclude, draft.path(i))) draft.Leave(i, left_out::kExcluded);
  }
  LeaveObjected(draft, objections);
  if (rules.names_files) {
    RETURN_IF_ERROR(TakeNamed(tree, request, rules, draft));
  } else if (request.repo_type == RepoType::kModel) {
    RETURN_IF_ERROR(TakeModel(request, rules, draft));
  } else {
    RETURN_IF_ERROR(TakeEverything(rules, draft));
  }
  if (CountTaken(draft) == 0) {
    return Nothing(tree.entries.empty() ? "the revision has no files" : "the globs leave no file",
                   "list what there is with `batuta hf files`");
  }
  return draft;
}

Selection SelectionOf(const Draft& draft) {
  Selection selection;
  selection.entries.reserve(draft.size());
  for (size_t i = 0; i < draft.size(); ++i) {
    selection.entries.push_back({draft.entry(i), draft.is_taken(i), draft.reason(i)});
  }
  return selection;
}

absl::Status Objected(const std::vector<std::string>& refused, const Objections& objections) {
  std::set<std::string> levels;
  std::set<std::string> classes;
  for (const std::string& path : refused) {
    const Objection& objection = objections.find(path)->second;
    levels.insert(objection.level);
    classes.insert(objection.admitted_by);
  }
  const std::string admit =
      classes.contains("")
          ? "--allow-malicious admits them all the same, for those who study such files"
          : fmt::format("admit them with --allow-unsafe={} if you trust the author", fmt::join(classes, ","));
  return MakeError(
      absl::StatusCode::kFailedPrecondition, reason::kUnsafeContent,
      fmt::format("the hub's own scanners call these files {}: {}", fmt::join(levels, " or "),
                  ListPaths(refused)),
      fmt::format(
          "see what the hub's page of the repo says of them; take another revision or another repo, or leave "
          "them out (--exclude); {}",
          admit));
}

}  // namespace

absl::StatusOr<Selection> PlanSelection(const Tree& tree, const SelectionRequest& request,
                                        const Objections& objections) {
  ASSIGN_OR_RETURN(const Rules rules, Read(request));
  RETURN_IF_ERROR(CompareWithLock(tree, request.locked));
  ASSIGN_OR_RETURN(const Draft draft, MakeDraft(tree, request, rules, {}));
  std::vector<std::string> refused;
  for (size_t i = 0; i < draft.size(); ++i) {
    if (draft.is_taken(i) && objections.contains(draft.path(i))) refused.push_back(draft.path(i));
  }
  if (refused.empty()) return SelectionOf(draft);
  const bool is_free =
      !rules.names_files && request.repo_type == RepoType::kModel && !rules.takes_all_formats;
  if (is_free) {
    const absl::StatusOr<Draft> other = MakeDraft(tree, request, rules, objections);
    if (other.ok() && Replaces(*other, draft, objections)) return SelectionOf(*other);
  }
  return Objected(refused, objections);
}

}  // namespace batuta::pull
