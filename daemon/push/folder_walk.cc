#include "daemon/push/folder_walk.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/folder/opened_folder.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/push/folder_talk.h"
#include "daemon/push/ignore_rules.h"

namespace batuta::push {
namespace {

constexpr uint64_t kMostIgnoreFileBytes = 1 << 20;
constexpr size_t kMostObjections = 1'000;
constexpr uint64_t kMostLocalFolders = 1'000'000;  // so that a walk ends whatever a client serves
constexpr std::string_view kIgnoreIt = "take it away, or name it in a .batutaignore";

using Kind = FolderEntryKind;

std::string WhyNotFollowed(int error_number) {
  switch (error_number) {
    case EXDEV:
      return "is a symlink that leads out of the folder: put the file itself in its place, or name the link "
             "in a .batutaignore";
    case ENOENT:
    case ENOTDIR:
      return fmt::format("is a symlink that leads nowhere: {}", kIgnoreIt);
    case ELOOP:
      return fmt::format("is a symlink that cannot be followed to its end: {}", kIgnoreIt);
    default:
      return fmt::format("is a symlink that cannot be followed ({}): {}",
                         MessageOf(ErrnoError(error_number, "open")), kIgnoreIt);
  }
}

// One walk through a folder. What is met stands in the listing in the end.
class FolderWalk {
 public:
  FolderWalk(const Folder& folder, uint64_t most_files) : folder_(folder), most_files_(most_files) {}

  // `path`: of a folder in it; empty: all of it.
  absl::Status Take(const std::string& path) {
    ASSIGN_OR_RETURN(const FolderNames names, folder_.List(path));
    if (names.error_number != 0) return OnUnlisted(path, names.error_number);
    if (++folders_ > kMostLocalFolders) {
      Object("", fmt::format("there are more than {} folders: pack them into archives", kMostLocalFolders));
      is_full_ = true;
      return absl::OkStatus();
    }
    rules_.Enter(path);
    const std::string before = path.empty() ? std::string() : path + '/';
    RETURN_IF_ERROR(ReadIgnoreFiles(before, names.entries));
    for (const FolderEntry& entry : names.entries) {
      if (is_full_) break;
      RETURN_IF_ERROR(TakeEntry(before + entry.name, entry));
    }
    rules_.Leave();
    return absl::OkStatus();
  }

  // The one file that is pushed, whatever rules there are.
  absl::Status TakeOnly(const std::string& name) {
    ASSIGN_OR_RETURN(const FolderNames names, folder_.LookAt(name));
    const int error_number = names.entries.size() == 1 ? names.error_number : ENOENT;
    if (error_number != 0) return ErrnoError(error_number, fmt::format("look at {}", Quoted(name)));
    TakeFile(name, names.entries.front());
    return absl::OkStatus();
  }

  FolderListing Listing() && {
    const auto by_path = [](const auto& a, const auto& b) { return a.path < b.path; };
    std::sort(listing_.files.begin(), listing_.files.end(), by_path);
    std::sort(listing_.ignored.begin(), listing_.ignored.end(), by_path);
    std::stable_sort(listing_.objections.begin(), listing_.objections.end(), by_path);
    return std::move(listing_);
  }

 private:
  void Object(std::string_view path, std::string why) {
    if (listing_.objections.size() < kMostObjections) {
      listing_.objections.push_back({.path = Printable(path), .why = std::move(why)});
      return;
    }
    is_full_ = true;
    listing_.objections.push_back({.path = "", .why = "there is more that cannot be pushed; this is enough"});
  }

  // What vanished since it was seen is not there, which is no problem; what cannot be read is one.
  absl::Status OnUnlisted(const std::string& path, int error_number) {
    switch (path.empty() && error_number != ENOENT ? 0 : error_number) {
      case ENOENT:
        return absl::OkStatus();
      case EACCES:
        Object(path, fmt::format("may not be read: {}", kIgnoreIt));
        return absl::OkStatus();
      case ENOTDIR:
      case ELOOP:
        Object(path, "was a folder a moment ago: push again when nothing writes to it any more");
        return absl::OkStatus();
      default:
        return ErrnoError(error_number, fmt::format("list {}", Quoted(path)));
    }
  }

  absl::Status ReadIgnoreFiles(const std::string& before, const std::vector<FolderEntry>& entries) {
    for (const std::string_view file : kIgnoreFiles) {
      if (std::ranges::find(entries, file, &FolderEntry::name) == entries.end()) continue;
      const std::string path = before + std::string(file);
      std::string text;
      ASSIGN_OR_RETURN(const std::string why, ReadIgnoreFile(path, text));
      if (!why.empty()) {
        // What it leaves out would be pushed.
        Object(path, fmt::format("cannot be read, so that nobody knows what to ignore: {}", why));
        continue;
      }
      rules_.Add(file, text);
    }
    return absl::OkStatus();
  }

  // Why not; empty: it is in `text`.
  absl::StatusOr<std::string> ReadIgnoreFile(const std::string& path, std::string& text) const {
    const absl::StatusOr<RepoPath> name = RepoPath::Parse(path);
    if (!name.ok()) return std::string(MessageOf(name.status()));
    ASSIGN_OR_RETURN(const Folder::Found found, folder_.Open(path, *name));
    if (found.error_number != 0) return std::string(MessageOf(ErrnoError(found.error_number, "open")));
    if (found.kind == Kind::kFolder) return std::string();  // that is no ignore file
    if (found.bytes == nullptr) return WhatItIs(found.kind);
    if (found.bytes->size_bytes() > kMostIgnoreFileBytes) return std::string("it is larger than a megabyte");
    text.resize(static_cast<size_t>(found.bytes->size_bytes()));
    const absl::Status read = found.bytes->Read(0, text);
    if (IsClientGone(read)) return read;
    return read.ok() ? std::string() : std::string(MessageOf(read));
  }

  absl::Status TakeEntry(const std::string& path, const FolderEntry& entry) {
    const bool is_folder = entry.kind == Kind::kFolder;
    if (std::optional<std::string> why = rules_.WhyIgnored(entry.name, is_folder)) {
      Ignore(Printable(path) + (is_folder ? "/" : ""), *std::move(why));
      return absl::OkStatus();
    }
    if (is_folder) return PathInRepo(path).has_value() ? Take(path) : absl::OkStatus();
    TakeFile(path, entry);
    return absl::OkStatus();
  }

  void Ignore(std::string path, std::string why) {
    if (listing_.ignored.size() == kMostListedIgnored) {
      ++listing_.ignored_left_out;
    } else {
      listing_.ignored.push_back({.path = std::move(path), .why = std::move(why)});
    }
  }

  // Nothing where no repo can have a file of that name, which is an objection.
  std::optional<RepoPath> PathInRepo(const std::string& path) {
    absl::StatusOr<RepoPath> parsed = RepoPath::Parse(path);
    if (parsed.ok()) return *std::move(parsed);
    Object(path, fmt::format("{}: rename it, or name it in a .batutaignore", MessageOf(parsed.status())));
    return std::nullopt;
  }

  void TakeFile(const std::string& path, const FolderEntry& entry) {
    std::optional<RepoPath> in_repo = PathInRepo(path);
    if (!in_repo.has_value()) return;
    switch (entry.kind) {
      case Kind::kFile:
        return Add(*std::move(in_repo), entry.stamp);
      case Kind::kUnreadable:
        return Object(path, fmt::format("may not be read: {}", kIgnoreIt));
      case Kind::kDeadLink:
        return Object(path, WhyNotFollowed(entry.error_number));
      case Kind::kFolderLink:
        return Object(path,
                      "is a symlink to a folder: put the folder itself in its place, or name the link in a "
                      ".batutaignore");
      default:
        return Object(path, fmt::format("is {}, not a file: {}", WhatItIs(entry.kind), kIgnoreIt));
    }
  }

  void Add(RepoPath path, const FileStamp& stamp) {
    if (listing_.files.size() == most_files_) {
      Object("", fmt::format("there are more than {} files: pack them into archives", most_files_));
      is_full_ = true;
      return;
    }
    listing_.files.push_back({.path = std::move(path), .stamp = stamp});
  }

  const Folder& folder_;
  const uint64_t most_files_;
  uint64_t folders_ = 0;
  IgnoreRules rules_;
  FolderListing listing_;
  bool is_full_ = false;  // enough is known
};

}  // namespace

absl::StatusOr<FolderListing> WalkFolder(const Folder& folder, uint64_t most_files) {
  FolderWalk walk(folder, most_files);
  RETURN_IF_ERROR(folder.only_file().has_value() ? walk.TakeOnly(*folder.only_file()) : walk.Take(""));
  FolderListing listing = std::move(walk).Listing();
  listing.is_one_file = folder.only_file().has_value();
  return listing;
}

}  // namespace batuta::push
