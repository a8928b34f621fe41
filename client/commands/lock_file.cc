#include "client/commands/lock_file.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include "client/output/wire_text.h"
#include "common/io/file_system.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "common/types/blob_id.h"
#include "common/types/repo_id.h"
#include "common/types/repo_path.h"
#include "common/types/revision.h"

namespace batuta::client {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr uint64_t kMaxBytes = uint64_t{64} << 20;

std::pair<v1::RepoType, const std::string&> OrderOf(const v1::RepoId& repo) {
  return {repo.type(), repo.id()};
}

absl::Status NoLock(const std::string& name, std::string_view why) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                   fmt::format("{} is no lock file: {}", Quoted(name), why),
                   "make one with `batuta hf pull … --lock FILE`");
}

absl::StatusOr<LockedRepo> ParseRepo(const json& value) {
  LockedRepo locked;
  ASSIGN_OR_RETURN(const RepoType type, ParseRepoType(value.at("type").get<std::string>()));
  ASSIGN_OR_RETURN(const RepoId repo, RepoId::Parse(type, value.at("repo").get<std::string>()));
  locked.repo.set_type(WireType(repo.type()));
  locked.repo.set_id(repo.id());
  locked.revision = value.value("revision", "");
  // A branch would be no lock.
  ASSIGN_OR_RETURN(const CommitId commit, CommitId::Parse(value.at("commit").get<std::string>()));
  locked.commit = commit.hex();
  for (const json& file : value.at("files")) {
    ASSIGN_OR_RETURN(const RepoPath path, RepoPath::Parse(file.at("path").get<std::string>()));
    ASSIGN_OR_RETURN(const BlobId blob, BlobId::Parse(file.at("blob").get<std::string>()));
    v1::Entry& entry = locked.files.emplace_back();
    entry.set_path(path.text());
    entry.set_size_bytes(file.at("size_bytes").get<uint64_t>());
    entry.set_blob(blob.hex());
  }
  if (locked.files.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidArgument,
                     fmt::format("{} has no files", Quoted(repo.id())));
  }
  return locked;
}

// The file itself, where `path` is a link to it.
std::filesystem::path Resolved(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path canonical = std::filesystem::canonical(path, error);
  return error ? std::filesystem::absolute(path) : canonical;
}

// Holds the folder of a lock file while that is read and replaced, against others who do the same. A file
// system that knows no flock(2) goes without.
class FolderHold {
 public:
  explicit FolderHold(const std::filesystem::path& folder)
      : descriptor_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (descriptor_ < 0) return;
    while (::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }

  FolderHold(const FolderHold&) = delete;
  FolderHold& operator=(const FolderHold&) = delete;

  ~FolderHold() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  const int descriptor_;
};

std::string Quote(const std::string& text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

absl::StatusOr<LockFile> LockFile::Parse(const std::string& text, const std::string& name) {
  try {
    const json document = json::parse(text);
    if (document.at("version").get<int>() != kVersion) {
      return NoLock(name, "it was written by a later version of batuta");
    }
    LockFile lock;
    for (const json& value : document.at("repos")) {
      absl::StatusOr<LockedRepo> repo = ParseRepo(value);
      if (!repo.ok()) return NoLock(name, MessageOf(repo.status()));
      lock.Put(*std::move(repo));
    }
    return lock;
  } catch (const json::exception& error) {
    return NoLock(name, Printable(error.what()));
  }
}

absl::StatusOr<LockFile> LockFile::Read(const std::filesystem::path& path) {
  const std::unique_ptr<FileSystem> files = MakePosixFileSystem();
  ASSIGN_OR_RETURN(const std::string text, ReadSmallFile(*files, std::filesystem::absolute(path), kMaxBytes));
  return Parse(text, path.native());
}

const LockedRepo* LockFile::Find(const v1::RepoId& repo) const {
  const auto found = std::ranges::find_if(
      repos_, [&](const LockedRepo& locked) { return OrderOf(locked.repo) == OrderOf(repo); });
  return found == repos_.end() ? nullptr : &*found;
}

void LockFile::Put(LockedRepo locked) {
  std::erase_if(repos_, [&](const LockedRepo& old) { return OrderOf(old.repo) == OrderOf(locked.repo); });
  std::ranges::sort(locked.files, {}, &v1::Entry::path);
  const auto place = std::ranges::find_if(
      repos_, [&](const LockedRepo& other) { return OrderOf(locked.repo) < OrderOf(other.repo); });
  repos_.insert(place, std::move(locked));
}

std::string LockFile::Text() const {
  std::string text = fmt::format("{{\n  \"version\": {},\n  \"repos\": [", kVersion);
  for (const LockedRepo& locked : repos_) {
    text += fmt::format(
        "{}\n    {{\n      \"type\": {},\n      \"repo\": {},\n      \"revision\": {},\n      \"commit\": "
        "{},\n      "
        "\"files\": [",
        &locked == repos_.data() ? "" : ",", Quote(std::string(TypeWord(locked.repo.type()))),
        Quote(locked.repo.id()), Quote(locked.revision), Quote(locked.commit));
    for (const v1::Entry& file : locked.files) {
      text += fmt::format("{}\n        {{\"path\": {}, \"size_bytes\": {}, \"blob\": {}}}",
                          &file == locked.files.data() ? "" : ",", Quote(file.path()), file.size_bytes(),
                          Quote(file.blob()));
    }
    text += "\n      ]\n    }";
  }
  return text + "\n  ]\n}\n";
}

absl::Status LockFile::Write(const std::filesystem::path& path) const {
  return ReplaceFile(*MakePosixFileSystem(), Resolved(path), Text());
}

absl::Status LockFile::Update(const std::filesystem::path& path, LockedRepo locked) {
  const FolderHold hold(Resolved(path).parent_path());
  absl::StatusOr<LockFile> lock = Read(path);
  if (absl::IsNotFound(lock.status())) lock = LockFile();
  RETURN_IF_ERROR(lock.status());
  lock->Put(std::move(locked));
  return lock->Write(path);
}

}  // namespace batuta::client
