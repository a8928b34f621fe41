#include "common/config/hub_token.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/unique_fd.h"
#include "common/status/status.h"

namespace batuta {
namespace {

using Path = std::filesystem::path;

constexpr size_t kMaxTokenBytes = 4'096;

std::string_view Strip(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// The message never shows the token, not even a malformed one.
absl::Status CheckToken(std::string_view token, std::string_view location) {
  std::string_view problem;
  if (token.size() > kMaxTokenBytes) problem = "is longer than 4,096 bytes";
  if (std::any_of(token.begin(), token.end(), [](char c) { return c <= ' ' || c > '~'; })) {
    problem = "contains a blank, a control character or a non-ASCII character";
  }
  if (problem.empty()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                   fmt::format("the token in {} {}", location, problem),
                   "copy it again from https://huggingface.co/settings/tokens");
}

absl::StatusOr<HubToken> Found(std::string_view token, HubToken::Source source, std::string location) {
  RETURN_IF_ERROR(CheckToken(token, location));
  return HubToken{Secret(std::string(token)), source, std::move(location)};
}

absl::Status LastError(std::string_view call, const Path& path) {
  const int error_number = errno;
  return ErrnoError(error_number, fmt::format("{} {}", call, path.native()));
}

// At most a little more than a token may have. Empty when there is no such file.
absl::StatusOr<std::string> ReadTokenFile(const Path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return std::string();
  if (!fd) return LastError("open", path);
  std::string content(kMaxTokenBytes + 256, '\0');
  size_t length = 0;
  while (length < content.size()) {
    const ssize_t count = ::read(fd.get(), content.data() + length, content.size() - length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return LastError("read", path);
    if (count == 0) break;
    length += static_cast<size_t>(count);
  }
  content.resize(length);
  return content;
}

// Folders that are missing are made for their owner alone.
absl::Status MakePrivateFolders(const Path& folder) {
  Path prefix;
  for (const Path& component : folder) {
    prefix /= component;
    if (::mkdir(prefix.c_str(), 0700) == 0) continue;
    const int error_number = errno;

    struct stat stat {};

    if (::stat(prefix.c_str(), &stat) == 0 && S_ISDIR(stat.st_mode)) continue;
    return ErrnoError(error_number, "make folder " + prefix.native());
  }
  return absl::OkStatus();
}

absl::Status WriteAll(int fd, std::string_view content, const Path& path) {
  while (!content.empty()) {
    const ssize_t count = ::write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return LastError("write", path);
    content.remove_prefix(static_cast<size_t>(count));
  }
  if (::fsync(fd) < 0) return LastError("sync", path);
  return absl::OkStatus();
}

absl::Status SyncFolder(const Path& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return LastError("open folder", folder);
  if (::fsync(fd.get()) < 0) return LastError("sync folder", folder);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Path> HubTokenFile(const Environment& environment) {
  const std::optional<std::string> value = environment("HF_TOKEN_PATH");
  if (!value || value->empty()) {
    ASSIGN_OR_RETURN(const Path home, HfHome(environment));
    return home / "token";
  }
  Path path(ExpandPath(environment, *value));
  if (!path.is_absolute()) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                     "HF_TOKEN_PATH is not an absolute path", "give a full path");
  }
  return path;
}

absl::StatusOr<HubToken> FindHubToken(const Environment& environment) {
  if (IsTrue(environment("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return HubToken{};
  for (const std::string_view variable : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    const std::optional<std::string> value = environment(variable);
    const std::string_view token = value ? Strip(*value) : std::string_view();
    if (!token.empty()) return Found(token, HubToken::Source::kVariable, std::string(variable));
  }
  ASSIGN_OR_RETURN(const Path path, HubTokenFile(environment));
  ASSIGN_OR_RETURN(const std::string content, ReadTokenFile(path));
  const std::string_view token = Strip(content);
  if (token.empty()) return HubToken{};
  return Found(token, HubToken::Source::kFile, path.native());
}

absl::Status StoreHubToken(const Environment& environment, const Secret& token) {
  const std::string_view text = Strip(token.Reveal());
  if (text.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid, "the token is empty",
                     "copy it from https://huggingface.co/settings/tokens");
  }
  RETURN_IF_ERROR(CheckToken(text, "the input"));
  ASSIGN_OR_RETURN(const Path path, HubTokenFile(environment));
  const Path folder = path.parent_path();
  RETURN_IF_ERROR(MakePrivateFolders(folder));
  std::string temp = folder / ("." + path.filename().native() + ".XXXXXX");
  // mkostemp makes the file for its owner alone (0600), whatever the umask, and never opens one that is
  // there.
  const UniqueFd fd(::mkostemp(temp.data(), O_CLOEXEC));
  if (!fd) return LastError("make a file in", folder);
  absl::Status status = WriteAll(fd.get(), text, temp);
  if (status.ok() && ::rename(temp.c_str(), path.c_str()) < 0) status = LastError("replace", path);
  if (!status.ok()) {
    ::unlink(temp.c_str());
    return status;
  }
  return SyncFolder(folder);
}

absl::StatusOr<bool> RemoveHubToken(const Environment& environment) {
  ASSIGN_OR_RETURN(const Path path, HubTokenFile(environment));
  if (::unlink(path.c_str()) < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return LastError("remove", path);
  }
  RETURN_IF_ERROR(SyncFolder(path.parent_path()));
  return true;
}

}  // namespace batuta
