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

struct OpenFile {
  UniqueFd fd;
  uint64_t size_bytes = 0;
  std::string problem;  // for a person, when there is none
  std::string_view code;
};

OpenFile Open(const std::filesystem::path& location) {
  OpenFile file;
  // Does not wait for the other end of a pipe, and takes no terminal.
  file.fd = UniqueFd(::open(location.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));

  struct stat info {};

  if (!file.fd || ::fstat(file.fd.get(), &info) != 0) {
    file.code = "file-unreadable";
    file.problem = fmt::format("it cannot be opened: {}", std::generic_category().message(errno));
  } else if (!S_ISREG(info.st_mode)) {
    file.code = "file-special";
    file.problem = "it is no regular file";
  }
  file.size_bytes = static_cast<uint64_t>(info.st_size);
  return file;
}

// The worse of two verdicts: unsafe, invalid, unknown, safe.
int Weight(std::string_view verdict) {
  return verdict == "unsafe" ? 3 : verdict == "invalid" ? 2 : verdict == "unknown" ? 1 : 0;
}

void Add(const v1::Inspection& more, v1::Inspection& answer) {
  v1::FileVerdict& file = *answer.mutable_file();
  if (Weight(more.file().verdict()) > Weight(file.verdict())) {
    file.set_verdict(more.file().verdict());
    file.set_code(more.file().code());
    file.set_reason(more.file().reason());
  }
  answer.mutable_findings()->MergeFrom(more.findings());
  answer.mutable_notes()->MergeFrom(more.notes());
  answer.set_findings_left_out(answer.findings_left_out() + more.findings_left_out());
}

}  // namespace

absl::Status Inspectors::Prepare() {
  if (process_.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(InspectorProcess started,
                   InspectorProcess::Start(options_.program, options_.interrupt_fd));
  v1::InspectionRequest request;
  *request.mutable_settings() = options_.settings;
  request.set_is_missing(true);
  ASSIGN_OR_RETURN(const v1::Inspection answer, started.Ask(request, -1, options_.patience));
  if (!answer.problem().empty()) return absl::InvalidArgumentError(answer.problem());
  warnings_.assign(answer.warnings().begin(), answer.warnings().end());
  process_.emplace(std::move(started));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Inspectors::CheckSettings() {
  RETURN_IF_ERROR(Prepare());
  return warnings_;
}

std::chrono::milliseconds Inspectors::PatienceFor(uint64_t size_bytes) const {
  return options_.patience + std::chrono::seconds(size_bytes / options_.bytes_per_second);
}

absl::StatusOr<v1::Inspection> Inspectors::Checked(absl::StatusOr<v1::Inspection> answer,
                                                   const WalkedFile& file) {
  if (answer.ok()) return answer;
  process_.reset();
  if (!absl::IsAborted(answer.status())) return answer.status();
  return Unknown(file, "inspector-stopped",
                 fmt::format("the inspector stopped on it: {}", MessageOf(answer.status())));
}

absl::StatusOr<v1::Inspection> Inspectors::Inspect(const WalkedFile& file) {
  const OpenFile opened = Open(file.location);
  if (!opened.problem.empty()) return Unknown(file, opened.code, opened.problem);
  RETURN_IF_ERROR(Prepare());
  v1::InspectionRequest request;
  request.set_path(file.path);
  request.set_size_bytes(opened.size_bytes);
  ASSIGN_OR_RETURN(v1::Inspection answer,
                   Checked(process_->Ask(request, opened.fd.get(), PatienceFor(opened.size_bytes)), file));
  answer.mutable_file()->set_path(file.path);
  return answer;
}

absl::Status Inspectors::InspectAmongOthers(
    const WalkedFile& file, absl::FunctionRef<std::filesystem::path(const std::string& path)> find,
    v1::Inspection& answer) {
  RETURN_IF_ERROR(Prepare());
  OpenFile opened = Open(file.location);
  v1::InspectionRequest request;
  request.set_path(file.path);
  request.set_among_others(true);
  while (true) {
    const bool is_there = opened.fd && opened.problem.empty();
    request.set_size_bytes(is_there ? opened.size_bytes : 0);
    request.set_is_missing(!is_there);
    ASSIGN_OR_RETURN(
        const v1::Inspection more,
        Checked(process_->Ask(request, is_there ? opened.fd.get() : -1, PatienceFor(opened.size_bytes)),
                file));
    if (more.wanted_path().empty() || !process_.has_value()) {
      Add(more, answer);
      return absl::OkStatus();
    }
    const std::filesystem::path location = find(more.wanted_path());
    opened = location.empty() ? OpenFile() : Open(location);
    request = v1::InspectionRequest();
    request.set_path(more.wanted_path());
  }
}

}  // namespace batuta::client
