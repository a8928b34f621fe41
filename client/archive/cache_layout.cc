#include "client/archive/cache_layout.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

using Kind = TarReader::Entry::Kind;

constexpr std::string_view kTreeEnding = ".json";

absl::Status Foreign(const TarReader::Entry& entry, std::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, reason::kInvalidPath,
                   fmt::format("{} in the archive {}", Quoted(entry.path), what),
                   "the archive is damaged, or was not made by batuta hf cache export");
}

// Takes the first component off.
std::string_view TakeComponent(std::string_view& path) {
  const size_t end = std::min(path.find('/'), path.size());
  const std::string_view component = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return component;
}

absl::StatusOr<ArchivePlace> PlaceInSnapshots(const TarReader::Entry& entry, ArchivePlace place,
                                              std::string_view rest) {
  ASSIGN_OR_RETURN(place.commit, CommitId::Parse(TakeComponent(rest)));
  if (entry.kind == Kind::kFolder) {
    place.kind = rest.empty() ? ArchivePlace::Kind::kSnapshot : ArchivePlace::Kind::kFolder;
    return place;
  }
  place.kind = ArchivePlace::Kind::kLink;
  ASSIGN_OR_RETURN(place.path, RepoPath::Parse(rest));
  if (entry.kind != Kind::kSymlink) return Foreign(entry, "is a file where a link belongs");
  ASSIGN_OR_RETURN(place.blob, BlobId::Parse(entry.target.substr(entry.target.rfind('/') + 1)));
  if (entry.target != LinkTarget(rest, place.blob->hex())) {
    return Foreign(entry, fmt::format("leads to {}, which is no blob of its repo", Quoted(entry.target)));
  }
  return place;
}

absl::StatusOr<ArchivePlace> PlaceInRepo(const TarReader::Entry& entry, ArchivePlace place,
                                         std::string_view rest) {
  const std::string_view room = TakeComponent(rest);
  const bool is_known = room == "snapshots" || room == "blobs" || room == "refs" || room == "trees";
  if (!is_known) return Foreign(entry, "belongs to no cache");
  if (rest.empty() || (entry.kind == Kind::kFolder && room == "refs")) {
    return entry.kind == Kind::kFolder ? absl::StatusOr<ArchivePlace>(std::move(place))
                                       : Foreign(entry, "is a file where a folder belongs");
  }
  if (room == "snapshots") return PlaceInSnapshots(entry, std::move(place), rest);
  if (entry.kind != Kind::kFile) return Foreign(entry, "is no file");
  if (room == "blobs") {
    place.kind = ArchivePlace::Kind::kBlob;
    ASSIGN_OR_RETURN(place.blob, BlobId::Parse(rest));
    if (place.blob->hex() != rest) return Foreign(entry, "is no blob");
  } else if (room == "refs") {
    place.kind = ArchivePlace::Kind::kRef;
    ASSIGN_OR_RETURN(place.ref, Revision::Parse(rest));
    if (place.ref->AsCommit()) return Foreign(entry, "is a ref that is called like a commit");
  } else {
    place.kind = ArchivePlace::Kind::kTree;
    if (!rest.ends_with(kTreeEnding)) return Foreign(entry, "is no listing");
    rest.remove_suffix(kTreeEnding.size());
    ASSIGN_OR_RETURN(place.commit, CommitId::Parse(rest));
  }
  return place;
}

}  // namespace

absl::StatusOr<ArchivePlace> PlaceOf(const TarReader::Entry& entry) {
  std::string_view rest = entry.path;
  if (rest.starts_with("./")) rest.remove_prefix(2);  // as `tar cf FILE .` writes it
  if (rest.ends_with('/') && entry.kind == Kind::kFolder) rest.remove_suffix(1);
  ArchivePlace place;
  if ((entry.path == "." || entry.path == "./") && entry.kind == Kind::kFolder) return place;
  const absl::StatusOr<RepoId> repo = RepoId::FromFolder(TakeComponent(rest));
  if (!repo.ok()) return Foreign(entry, "is of no repo");
  place.repo = *repo;
  if (rest.empty()) {
    return entry.kind == Kind::kFolder ? absl::StatusOr<ArchivePlace>(std::move(place))
                                       : Foreign(entry, "is a file where a folder belongs");
  }
  absl::StatusOr<ArchivePlace> found = PlaceInRepo(entry, std::move(place), rest);
  // A part that is not well-formed; whatever is wrong with it, it is the archive's fault and not the
  // caller's.
  if (!found.ok() && found.status().code() != absl::StatusCode::kDataLoss) {
    return Foreign(entry, fmt::format("cannot be: {}", MessageOf(found.status())));
  }
  return found;
}

std::string SnapshotFolder(const RepoId& repo, std::string_view commit) {
  return fmt::format("{}/snapshots/{}", repo.folder(), commit);
}

std::string LinkPath(const RepoId& repo, std::string_view commit, std::string_view path) {
  return fmt::format("{}/{}", SnapshotFolder(repo, commit), path);
}

std::string LinkTarget(std::string_view path, std::string_view blob) {
  std::string target = "../../";
  for (const char c : path) target += c == '/' ? "../" : "";
  return fmt::format("{}blobs/{}", target, blob);
}

std::string TreePath(const RepoId& repo, std::string_view commit) {
  return fmt::format("{}/trees/{}{}", repo.folder(), commit, kTreeEnding);
}

std::string RefPath(const RepoId& repo, std::string_view ref) {
  return fmt::format("{}/refs/{}", repo.folder(), ref);
}

std::string BlobPath(const RepoId& repo, std::string_view blob) {
  return fmt::format("{}/blobs/{}", repo.folder(), blob);
}

}  // namespace batuta::client
