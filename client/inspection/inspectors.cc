#include "client/inspection/inspectors.h"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "common/io/unique_fd.h"
#include "common/status/status.h"

namespace batuta::client {
namespace {

v1::Inspection Unknown(const WalkedFile& file, std::string_view code, std::string reason) {
  v1::Inspection answer;
  answer.mutable_file()->set_path(file.path);
  answer.mutable_file()->set_verdict("unknown");
  answer.mutable_file()->set_format("unknown");
  answer.mutable_file()->set_pickle("none");
  answer.mutable_file()->set_code(std::string(code));
  answer.mutable_file()->set_reason(std::move(reason));
  return answer;
}

std::string TextOf(int error) {
  return std::generic_category().message(error);
}

}  // namespace

absl::StatusOr<v1::Inspection> Inspectors::Inspect(const WalkedFile& file) {
  // Does not wait for the other end of a pipe, and takes no terminal.
  const UniqueFd fd(::open(file.location.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));

  struct stat info {};

  if (!fd || ::fstat(fd.get(), &info) != 0) {
    return Unknown(file, "file-unreadable", fmt::format("it cannot be opened: {}", TextOf(errno)));
  }
  if (!S_ISREG(info.st_mode)) return Unknown(file, "file-special", "it is no regular file");
  if (!process_.has_value()) {
    ASSIGN_OR_RETURN(InspectorProcess started,
                     InspectorProcess::Start(options_.program, options_.interrupt_fd));
    process_.emplace(std::move(started));
  }
  const auto size_bytes = static_cast<uint64_t>(info.st_size);
  const std::chrono::seconds more(size_bytes / options_.bytes_per_second);
  absl::StatusOr<v1::Inspection> answer =
      process_->Inspect(file.path, fd.get(), size_bytes, options_.patience + more);
  if (!answer.ok()) {
    process_.reset();
    if (!absl::IsAborted(answer.status())) return answer.status();
    return Unknown(file, "inspector-stopped",
                   fmt::format("the inspector stopped on it: {}", MessageOf(answer.status())));
  }
  answer->mutable_file()->set_path(file.path);
  return answer;
}

}  // namespace batuta::client
