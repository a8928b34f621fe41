#include "daemon/push/push_rules.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "common/text/human.h"

namespace batuta::push {
namespace {

constexpr size_t kMostCaseWarnings = 20;

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// Calls `visit` with `path` and each folder that it lies in.
template <typename Visit>
void ForEachPlace(std::string_view path, Visit visit) {
  visit(path);
  for (size_t slash = path.rfind('/'); slash != std::string_view::npos; slash = path.rfind('/')) {
    path = path.substr(0, slash);
    visit(path);
  }
}

bool HasComponent(std::string_view path, std::string_view component) {
  bool has = false;
  ForEachPlace(path,
               [&](std::string_view place) { has = has || place.substr(place.rfind('/') + 1) == component; });
  return has;
}

void CheckSize(const LocalFile& file, const HubLimits& limits, Objections& out) {
  const std::string& path = file.path.text();
  const uint64_t size = file.stamp.size_bytes;
  if (size > limits.file_bytes) {
    out.objections.push_back({.path = path,
                              .why = fmt::format("has {}; the hub takes no file beyond {}: split it",
                                                 FormatBytes(size), FormatBytes(limits.file_bytes))});
  } else if (size > limits.advised_file_bytes) {
    out.warnings.push_back(
        {.path = path,
         .text = fmt::format("has {}; the hub wants files below {}, and to be asked about larger ones",
                             FormatBytes(size), FormatBytes(limits.advised_file_bytes))});
  } else if (size > limits.comfortable_file_bytes) {
    out.warnings.push_back(
        {.path = path,
         .text = fmt::format("has {}; files below {} are easier to load and to send again", FormatBytes(size),
                             FormatBytes(limits.comfortable_file_bytes))});
  }
}

void CheckLetterCase(const std::vector<LocalFile>& files, Objections& out) {
  std::unordered_map<std::string, std::string_view> places;  // by how they read in lower case
  places.reserve(files.size());
  size_t found = 0;
  for (const LocalFile& file : files) {
    bool is_told = false;  // of one of its folders, or of itself
    ForEachPlace(file.path.text(), [&](std::string_view place) {
      std::string lower(place);
      std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
      const auto [known, is_new] = places.emplace(std::move(lower), place);
      if (is_new || known->second == place || is_told) return;
      is_told = true;
      if (++found > kMostCaseWarnings) return;
      out.warnings.push_back(
          {.path = std::string(place),
           .text = fmt::format("differs from {} in letter case only: many computers keep one of the two",
                               Quoted(known->second))});
    });
  }
  if (found <= kMostCaseWarnings) return;
  out.warnings.push_back(
      {.path = "",
       .text = fmt::format("{} more names differ in letter case only", found - kMostCaseWarnings)});
}

// How much a folder would have.
struct FolderCount {
  uint64_t entries = 0;
  bool grows = false;  // by something that it does not have now
};

// The repo as it would be.
class Outcome {
 public:
  Outcome(const Diff& diff, const Tree* remote) {
    if (remote != nullptr) {
      for (const Entry& entry : remote->entries) {
        ForEachPlace(entry.path.text(), [this](std::string_view place) { there_.insert(place); });
      }
    }
    std::unordered_set<std::string_view> told;  // of by the diff
    for (const FileChange& change : diff.files) {
      told.insert(change.path.text());
      if (change.kind != FileChange::Kind::kDeleted) Add(change.path.text());
    }
    if (remote == nullptr) {
      if (!told.contains(".gitattributes")) Add(".gitattributes");  // the hub makes it with the repo
      return;
    }
    for (const Entry& entry : remote->entries) {
      if (!told.contains(entry.path.text())) Add(entry.path.text());
    }
  }

  uint64_t files() const { return files_; }

  const std::map<std::string_view, FolderCount>& folders() const { return folders_; }

 private:
  void Add(std::string_view path) {
    ++files_;
    ForEachPlace(path, [this](std::string_view place) {
      if (!counted_.insert(place).second) return;
      const size_t slash = place.rfind('/');
      FolderCount& folder = folders_[slash == place.npos ? std::string_view() : place.substr(0, slash)];
      ++folder.entries;
      folder.grows = folder.grows || !there_.contains(place);
    });
  }

  std::unordered_set<std::string_view> there_;  // files and folders of the repo as it is
  std::unordered_set<std::string_view> counted_;
  std::map<std::string_view, FolderCount> folders_;
  uint64_t files_ = 0;
};

}  // namespace

Objections CheckFiles(const std::vector<LocalFile>& files, const HubLimits& limits) {
  Objections out;
  for (const LocalFile& file : files) {
    if (HasComponent(file.path.text(), ".cache")) {
      out.objections.push_back({.path = file.path.text(),
                                .why =
                                    "lies in a `.cache`, which the hub refuses: rename that folder, or name "
                                    "it in a .batutaignore"});
    }
    CheckSize(file, limits, out);
  }
  CheckLetterCase(files, out);
  return out;
}

Objections CheckOutcome(const Diff& diff, const Tree* remote, const HubLimits& limits) {
  Objections out;
  const Outcome outcome(diff, remote);
  for (const auto& [path, folder] : outcome.folders()) {
    if (folder.entries <= limits.folder_entries || !folder.grows) continue;
    out.objections.push_back(
        {.path = std::string(path),
         .why = fmt::format("{} would have {} entries; the hub takes {} in one folder: spread them over more "
                            "folders, or pack them into archives",
                            path.empty() ? "the top folder" : "the folder", folder.entries,
                            limits.folder_entries)});
  }
  if (outcome.files() > limits.advised_repo_files) {
    out.warnings.push_back(
        {.path = "",
         .text = fmt::format("the repo would have {} files; the hub wants fewer than {}: pack them into "
                             "archives or Parquet files",
                             outcome.files(), limits.advised_repo_files)});
  }
  return out;
}

std::optional<Objection> CheckInline(const LocalFile& file, const HubLimits& limits) {
  if (file.stamp.size_bytes <= limits.inline_file_bytes) return std::nullopt;
  return Objection{
      .path = file.path.text(),
      .why = fmt::format("has {}, and the .gitattributes of the repo say that it is no LFS file; "
                         "such files may have {}: take it into .gitattributes with `filter=lfs`",
                         FormatBytes(file.stamp.size_bytes), FormatBytes(limits.inline_file_bytes))};
}

}  // namespace batuta::push
