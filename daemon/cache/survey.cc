#include "daemon/cache/survey.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "absl/functional/function_ref.h"
#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/cache/cache_reader.h"
#include "daemon/cache/disk_error.h"

namespace batuta::cache {
namespace {

using Path = std::filesystem::path;
using Kind = FileInfo::Kind;

// No names for what is not there.
absl::StatusOr<std::vector<std::string>> ListIfThere(FileSystem& files, const Path& folder) {
  auto names = files.List(folder);
  if (SaysAbsent(names.status())) return std::vector<std::string>();
  return names;
}

using RefVisitor = absl::FunctionRef<void(const std::string& name, const absl::StatusOr<std::string>& text)>;
using RefLook = absl::FunctionRef<void(const std::string& name, const absl::StatusOr<FileInfo>& info)>;

// Calls `visit` for each file below `refs`, at any depth, with its name and what it holds, which may be
// anything or an error; or for a folder that cannot be listed. `look` is called for each of those files and
// folders before it is read, with "" for `refs` itself, which may be missing.
void VisitRefs(FileSystem& files, const Path& refs, RefVisitor visit, RefLook look) {
  constexpr uint64_t kLimitBytes = 4 << 10;
  look("", files.Info(refs));
  std::vector<std::string> pending = {""};
  while (!pending.empty()) {
    const std::string folder = std::move(pending.back());
    pending.pop_back();
    const auto names = files.List(refs / folder);
    if (SaysAbsent(names.status())) continue;
    if (!names.ok()) {
      visit(folder, names.status());
      continue;
    }
    for (const std::string& name : *names) {
      const std::string full_name = folder.empty() ? name : folder + "/" + name;
      const auto info = files.Info(refs / full_name);
      look(full_name, info);
      if (info.ok() && info->kind == Kind::kFolder) {
        pending.push_back(full_name);
        continue;
      }
      const auto text = ReadSmallFile(files, refs / full_name, kLimitBytes);
      if (!absl::IsNotFound(text.status())) visit(full_name, text);
    }
  }
}

class Surveyor {
 public:
  Surveyor(const Layout& layout, FileSystem& files, const RepoId& repo)
      : files_(files),
        repo_(layout.Repo(repo)),
        blobs_(layout.Blobs(repo)),
        snapshots_(layout.Snapshots(repo)),
        refs_(layout.Refs(repo)) {}

  absl::StatusOr<RepoSurvey> Run() {
    AddStamp(repo_, files_.Info(repo_));
    AddStamp(snapshots_, files_.Info(snapshots_));
    const auto names = files_.List(snapshots_);
    if (!names.ok() && !SaysAbsent(names.status())) return names.status();
    for (const std::string& name : names.ok() ? *names : std::vector<std::string>()) {
      const auto commit = CommitId::Parse(name);
      if (commit.ok()) {
        RETURN_IF_ERROR(AddSnapshot(*commit));
      } else {
        Warn("snapshots/" + name, "is not named by a commit: left out");
      }
    }
    RETURN_IF_ERROR(AddRefs());
    RETURN_IF_ERROR(AddLoose());
    if (!names.ok()) RETURN_IF_ERROR(NoteNoSnapshots());
    if (unsaid_warnings_ > 0) {
      survey_.warnings.push_back(fmt::format("… and {} more warnings", unsaid_warnings_));
    }
    return std::move(survey_);
  }

 private:
  // Before the folder or the ref is read: what changes meanwhile makes it differ the next time.
  void AddStamp(const Path& place, const absl::StatusOr<FileInfo>& info) {
    survey_.stamps.push_back({place.lexically_relative(repo_).native(), info.ok() ? info->inode : 0,
                              info.ok() ? info->modified : WallTime()});
  }

  absl::Status AddSnapshot(const CommitId& commit) {
    const Path folder = snapshots_ / commit.hex();
    const auto info = files_.Info(folder);
    if (SaysAbsent(info.status())) return absl::OkStatus();
    if (!info.ok()) return info.status();
    if (info->kind != Kind::kFolder) {
      Warn("snapshots/" + commit.hex(), "is not a folder: left out");
      return absl::OkStatus();
    }
    AddStamp(folder, info);
    SurveyedSnapshot snapshot{commit};
    snapshot.modified = info->modified;
    std::vector<std::string> pending = {""};  // folders below, each with its `/`
    while (!pending.empty()) {
      const std::string below = std::move(pending.back());
      pending.pop_back();
      ASSIGN_OR_RETURN(const std::vector<std::string> names, ListIfThere(files_, folder / below));
      for (const std::string& name : names) {
        RETURN_IF_ERROR(AddEntry(folder, below + name, &snapshot, &pending));
      }
    }
    std::sort(snapshot.files.begin(), snapshot.files.end(),
              [](const SurveyedFile& a, const SurveyedFile& b) { return a.path < b.path; });
    survey_.snapshots.push_back(std::move(snapshot));
    return absl::OkStatus();
  }

  absl::Status AddEntry(const Path& snapshot, const std::string& path, SurveyedSnapshot* out,
                        std::vector<std::string>* pending) {
    const Path place = snapshot / path;
    // Most are links: asked for that first, they cost two calls.
    const auto text = files_.ReadSymlink(place);
    SurveyedFile file;
    file.path = path;
    absl::StatusOr<FileInfo> info;
    if (text.ok()) {
      const Path target = (place.parent_path() / *text).lexically_normal();
      info = FollowTo(target);
      if (SaysAbsent(info.status())) {
        out->broken_links.push_back(path);
        Warn(NameOf(*out, path), "is a link to a file that is not there");
        return absl::OkStatus();
      }
      if (target.parent_path() == blobs_) {
        file.blob = target.filename().native();
        linked_.insert(file.blob);
      }
    } else {
      info = files_.Info(place);
    }
    if (SaysAbsent(info.status())) return absl::OkStatus();
    if (!info.ok()) return info.status();
    // Passed over, it would be left behind by whoever removes its blob.
    if (info->kind == Kind::kSymlink && !text.ok()) return text.status();
    if (info->kind == Kind::kFolder && !text.ok()) {
      AddStamp(place, info);
      pending->push_back(path + "/");
      return absl::OkStatus();
    }
    if (info->kind != Kind::kFile) {
      Warn(NameOf(*out, path), "is not a file: left out");
      return absl::OkStatus();
    }
    file.device = info->device;
    file.inode = info->inode;
    file.size_bytes = info->size_bytes;
    file.accessed = info->accessed;
    file.modified = info->modified;
    out->files.push_back(std::move(file));
    return absl::OkStatus();
  }

  absl::StatusOr<FileInfo> FollowTo(const Path& target) {
    auto info = files_.Info(target);
    if (!info.ok() || info->kind != Kind::kSymlink) return info;
    // Some people move blobs elsewhere and leave a link.
    ASSIGN_OR_RETURN(const std::unique_ptr<File> file, files_.Open(target, OpenMode::kRead));
    return file->Info();
  }

  absl::Status AddRefs() {
    absl::Status status;
    const auto look = [&](const std::string& name, const absl::StatusOr<FileInfo>& info) {
      AddStamp(name.empty() ? refs_ : refs_ / name, info);
    };
    const auto visit = [&](const std::string& name, const absl::StatusOr<std::string>& text) {
      // A ref that is not known would be left behind by whoever removes its snapshot.
      if (absl::IsUnavailable(text.status())) status = text.status();
      const std::optional<CommitId> commit = text.ok() ? ParseRefText(*text) : std::nullopt;
      const auto snapshot =
          std::find_if(survey_.snapshots.begin(), survey_.snapshots.end(),
                       [&commit](const SurveyedSnapshot& known) { return known.commit == commit; });
      if (snapshot != survey_.snapshots.end()) {
        snapshot->refs.push_back(name);
        return;
      }
      survey_.bad_refs.push_back(name);
      if (commit) {
        Warn("refs/" + name, fmt::format("points to {}, which has no snapshot", commit->hex()));
      } else if (text.ok() || absl::IsResourceExhausted(text.status())) {
        Warn("refs/" + name, "does not hold a commit: taken as no ref");
      } else {
        Warn("refs/" + name, fmt::format("cannot be read: {}", MessageOf(text.status())));
      }
    };
    VisitRefs(files_, refs_, visit, look);
    for (SurveyedSnapshot& snapshot : survey_.snapshots) {
      std::sort(snapshot.refs.begin(), snapshot.refs.end());
    }
    return status;
  }

  absl::Status AddLoose() {
    AddStamp(blobs_, files_.Info(blobs_));
    ASSIGN_OR_RETURN(const std::vector<std::string> names, ListIfThere(files_, blobs_));
    for (const std::string& name : names) {
      if (linked_.count(name) == 1) continue;
      const auto info = files_.Info(blobs_ / name);
      if (SaysAbsent(info.status())) continue;
      if (!info.ok()) return info.status();
      if (info->kind != Kind::kFile) continue;
      survey_.loose.push_back({name, BytesOf(name, *info), info->modified, IsUnfinishedName(name)});
    }
    return absl::OkStatus();
  }

  // A pull that has its listing but no file yet, or failed before it had one, is no reason to warn.
  absl::Status NoteNoSnapshots() {
    const bool has_blobs = std::any_of(survey_.loose.begin(), survey_.loose.end(),
                                       [](const LooseFile& file) { return !file.is_unfinished; });
    const auto names = files_.List(repo_);
    if (absl::IsNotFound(names.status())) return absl::OkStatus();
    const bool has_only_begun = names.ok() && !has_blobs && survey_.bad_refs.empty() &&
                                std::find(names->begin(), names->end(), "trees") != names->end();
    if (!has_only_begun) Warn("", "has no snapshots: left out");
    return absl::OkStatus();
  }

  static std::string NameOf(const SurveyedSnapshot& snapshot, const std::string& path) {
    return fmt::format("snapshots/{}/{}", snapshot.commit.hex(), path);
  }

  void Warn(const std::string& name, std::string_view what) {
    constexpr size_t kMostWarnings = 100;
    if (survey_.warnings.size() >= kMostWarnings) {
      ++unsaid_warnings_;
      return;
    }
    const Path place = name.empty() ? repo_.filename() : repo_.filename() / name;
    survey_.warnings.push_back(fmt::format("{} {}", Printable(place.native()), what));
  }

  FileSystem& files_;
  const Path repo_;
  const Path blobs_;
  const Path snapshots_;
  const Path refs_;
  RepoSurvey survey_;
  std::unordered_set<std::string> linked_;  // names of blobs
  uint64_t unsaid_warnings_ = 0;
};

}  // namespace

absl::StatusOr<RepoSurvey> SurveyRepo(const Layout& layout, FileSystem& files, const RepoId& repo) {
  return Surveyor(layout, files, repo).Run();
}

bool IsAsStamped(const Layout& layout, FileSystem& files, const RepoId& repo,
                 const std::vector<Stamp>& stamps) {
  const std::string folder = layout.Repo(repo).native() + "/";
  return std::all_of(stamps.begin(), stamps.end(), [&](const Stamp& stamp) {
    const auto info = files.Info(folder + stamp.path);
    if (!info.ok()) return stamp.inode == 0 && SaysAbsent(info.status());
    return info->inode == stamp.inode && info->modified == stamp.modified;
  });
}

WallTime LastWrite(const std::vector<Stamp>& stamps, const std::vector<LooseFile>& loose) {
  WallTime last;
  for (const Stamp& stamp : stamps) last = std::max(last, stamp.modified);
  for (const LooseFile& file : loose) {
    if (file.is_unfinished) last = std::max(last, file.modified);
  }
  return last;
}

uint64_t BytesOf(std::string_view name, const FileInfo& info) {
  return IsUnfinishedName(name) ? info.allocated_bytes : info.size_bytes;
}

bool IsUnfinishedName(std::string_view name) {
  return name.ends_with(".incomplete") || name.ends_with(".downloadInProgress") ||
         name.ends_with(".batuta-part") || name.ends_with(".tmp") || name.starts_with("tmp_");
}

}  // namespace batuta::cache
