#include "daemon/inspect/session.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "batuta/v1/inspection.pb.h"

#include "common/io/unique_fd.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/inspect/confinement.h"
#include "daemon/safety/among_others.h"
#include "daemon/safety/inspector.h"
#include "daemon/safety/rule_book.h"
#include "daemon/secrets/ignore_list.h"
#include "daemon/secrets/scanner.h"

namespace batuta::inspect {
namespace {

constexpr uint32_t kMostRequestBytes = 1 << 20;
constexpr uint64_t kSecondsForAny = 120;
constexpr uint64_t kBytesPerSecond = 5'000'000;  // the slowest that a large file may be

// The bytes of an open file.
class DescriptorSource final : public safety::ByteSource {
 public:
  DescriptorSource(std::shared_ptr<const UniqueFd> file, uint64_t size_bytes)
      : file_(std::move(file)), size_bytes_(size_bytes) {}

  uint64_t size_bytes() const override { return size_bytes_; }

  absl::Status Read(uint64_t offset, std::span<char> out) override {
    while (!out.empty()) {
      const ssize_t count = ::pread(file_->get(), out.data(), out.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return ErrnoError(errno, "read");
      if (count == 0) return absl::DataLossError("the file became shorter while it was inspected");
      out = out.subspan(static_cast<size_t>(count));
      offset += static_cast<uint64_t>(count);
    }
    return absl::OkStatus();
  }

 private:
  std::shared_ptr<const UniqueFd> file_;
  uint64_t size_bytes_;
};

absl::Status Send(int socket, const v1::Inspection& answer) {
  const std::string message = answer.SerializeAsString();
  const auto size = static_cast<uint32_t>(message.size());
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  bytes += message;
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoError(errno, "answer");
    sent += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

// Fills `out`, and `file` when a descriptor comes with it. False at the end of the stream.
absl::StatusOr<bool> Receive(int socket, std::span<char> out, UniqueFd& file) {
  while (!out.empty()) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    iovec part = {.iov_base = out.data(), .iov_len = out.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t count = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoError(errno, "receive a request");
    if (count == 0) return false;
    const cmsghdr* extra = CMSG_FIRSTHDR(&message);
    if (extra != nullptr && extra->cmsg_level == SOL_SOCKET && extra->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(extra), sizeof fd);
      file.Reset(fd);
    }
    out = out.subspan(static_cast<size_t>(count));
  }
  return true;
}

// The end of the stream is an empty optional.
absl::StatusOr<std::optional<v1::InspectionRequest>> ReceiveRequest(int socket, UniqueFd& file) {
  uint32_t size = 0;
  ASSIGN_OR_RETURN(const bool has_request,
                   Receive(socket, {reinterpret_cast<char*>(&size), sizeof size}, file));
  if (!has_request) return std::nullopt;
  if (size > kMostRequestBytes) return absl::InvalidArgumentError("this is no request");
  std::string bytes(size, '\0');
  ASSIGN_OR_RETURN(const bool is_whole, Receive(socket, bytes, file));
  v1::InspectionRequest request;
  if (!is_whole || !request.ParseFromString(bytes) || static_cast<bool>(file) == request.is_missing()) {
    return absl::InvalidArgumentError("this is no request");
  }
  return request;
}

// The files of the folder that is scanned, asked for one by one. A file stays open as long as its source is
// used.
class AskedSnapshot final : public safety::Snapshot {
 public:
  explicit AskedSnapshot(int socket) : socket_(socket) {}

  std::optional<uint64_t> SizeBytes(std::string_view path) override {
    if (path != path_) Ask(path);
    return *file_ ? std::optional<uint64_t>(size_bytes_) : std::nullopt;
  }

  absl::StatusOr<std::unique_ptr<safety::ByteSource>> Open(std::string_view path) override {
    if (!SizeBytes(path).has_value()) return absl::NotFoundError("there is no such file");
    return std::make_unique<DescriptorSource>(file_, size_bytes_);
  }

  // Not OK once the other end did not answer: then nothing else counts.
  const absl::Status& status() const { return status_; }

 private:
  void Ask(std::string_view path) {
    path_ = path;
    file_ = std::make_shared<UniqueFd>();
    if (!status_.ok()) return;
    v1::Inspection question;
    question.set_wanted_path(path_);
    status_ = Send(socket_, question);
    if (!status_.ok()) return;
    const absl::StatusOr<std::optional<v1::InspectionRequest>> answer = ReceiveRequest(socket_, *file_);
    status_ = answer.status();
    if (answer.ok() && !answer->has_value()) status_ = absl::CancelledError("nobody asks any more");
    if (status_.ok()) size_bytes_ = (*answer)->size_bytes();
  }

  int socket_;
  std::string path_;
  std::shared_ptr<UniqueFd> file_ = std::make_shared<UniqueFd>();
  uint64_t size_bytes_ = 0;
  absl::Status status_;
};

v1::Inspection AnswerOf(const safety::Outcome& outcome) {
  const safety::Verdict& verdict = outcome.verdict;
  v1::Inspection answer;
  v1::FileVerdict& of_file = *answer.mutable_file();
  of_file.set_verdict(std::string(safety::Judgement(verdict)));
  of_file.set_format(verdict.format);
  of_file.set_pickle(std::string(safety::PickleJudgement(verdict)));
  if (const safety::Finding* worst = safety::Worst(verdict); worst != nullptr) {
    of_file.set_code(worst->code);
    of_file.set_reason(worst->text);
  } else if (!outcome.status.ok()) {
    of_file.set_verdict("unknown");
    of_file.set_code("file-unreadable");
    of_file.set_reason(std::string(outcome.status.message()));
  }
  for (const safety::Finding& finding : verdict.findings) {
    v1::InspectionFinding& out = *answer.add_findings();
    out.set_code(finding.code);
    const safety::Rule* rule = safety::FindRule(finding.code);
    if (rule != nullptr) out.set_meaning(std::string(rule->meaning));
    out.set_grade(std::string(safety::GradeName(finding.grade)));
    out.set_place(finding.place);
    out.set_offset(finding.offset);
    out.set_text(finding.text);
  }
  answer.set_findings_left_out(verdict.findings_left_out);
  for (const std::string& name : verdict.globals) answer.add_globals(name);
  for (const std::string& note : verdict.notes) answer.add_notes(note);
  return answer;
}

// Names and reasons come from files: what is no UTF-8 cannot be sent.
std::string Sendable(std::string_view text) {
  return Printable(text);
}

// What is looked for, and what that needs.
class Task {
 public:
  // A problem is for the user to solve; until then no file is to be sent.
  v1::Inspection Set(const v1::InspectionSettings& settings) {
    v1::Inspection answer;
    const absl::Status done = Apply(settings, answer);
    if (!done.ok()) answer.set_problem(std::string(MessageOf(done)));
    return answer;
  }

  bool wants_safety() const { return wants_safety_; }

  // Adds what is found in a file.
  absl::Status FindSecrets(std::string_view path, safety::ByteSource& bytes, v1::Inspection& answer) {
    if (!scanner_.has_value()) return absl::OkStatus();
    ASSIGN_OR_RETURN(secrets::ScanReport report, scanner_->Scan(path, bytes));
    const uint64_t listed = allowed_.Remove(report);
    answer.set_secrets_allowed(listed + report.allowed);
    answer.set_secrets_left_out(report.findings_left_out);
    for (const std::string& part : report.unread) answer.add_unread(Sendable(part));
    for (const secrets::Finding& finding : report.findings) {
      v1::SecretFinding& out = *answer.add_secrets();
      out.set_path(Sendable(finding.path));
      out.set_line(finding.line);
      out.set_column(finding.column);
      out.set_kind(finding.kind);
      out.set_description(finding.description);
      out.set_tier(std::string(secrets::ToString(finding.tier)));
      out.set_excerpt(Sendable(finding.excerpt));
      out.set_fingerprint(Sendable(finding.fingerprint));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Apply(const v1::InspectionSettings& settings, v1::Inspection& answer) {
    wants_safety_ = !settings.skips_safety();
    scanner_.reset();
    if (!settings.wants_secrets()) return absl::OkStatus();
    ASSIGN_OR_RETURN(secrets::UserRules user, secrets::ParseGitleaksToml(settings.gitleaks_toml()));
    for (const std::string& warning : user.warnings) answer.add_warnings(warning);
    ASSIGN_OR_RETURN(const std::shared_ptr<const secrets::RuleSet> rules,
                     secrets::RuleSet::Make(std::move(user)));
    ASSIGN_OR_RETURN(secrets::Scanner scanner,
                     secrets::Scanner::Create(rules, {.allows_comments = !settings.ignores_comments()}));
    scanner_.emplace(std::move(scanner));
    allowed_ = secrets::IgnoreList::Parse(settings.allowed_findings());
    return absl::OkStatus();
  }

  bool wants_safety_ = true;
  std::optional<secrets::Scanner> scanner_;
  secrets::IgnoreList allowed_;
};

absl::StatusOr<v1::Inspection> Look(int socket, Task& task, const v1::InspectionRequest& request,
                                    std::shared_ptr<const UniqueFd> file) {
  if (request.has_settings()) return task.Set(request.settings());
  LimitProcessorSeconds(kSecondsForAny + request.size_bytes() / kBytesPerSecond);
  if (request.among_others()) {
    AskedSnapshot snapshot(socket);
    const safety::Outcome outcome = safety::InspectAmongOthers(request.path(), snapshot);
    RETURN_IF_ERROR(snapshot.status());
    return AnswerOf(outcome);
  }
  DescriptorSource source(std::move(file), request.size_bytes());
  v1::Inspection answer;
  if (task.wants_safety()) {
    answer = AnswerOf(safety::Inspect(request.path(), source));
    answer.set_speaks_of_others(safety::SpeaksOfOthers(request.path()));
  }
  // A file that cannot be read to its end is told as one that was not looked into.
  const absl::Status searched = task.FindSecrets(request.path(), source, answer);
  if (!searched.ok()) {
    answer.add_unread(fmt::format("{}: {}", Sendable(request.path()), Sendable(MessageOf(searched))));
  }
  return answer;
}

}  // namespace

absl::Status Serve(int socket) {
  RETURN_IF_ERROR(Send(socket, v1::Inspection()));
  Task task;
  while (true) {
    auto file = std::make_shared<UniqueFd>();
    ASSIGN_OR_RETURN(const std::optional<v1::InspectionRequest> request, ReceiveRequest(socket, *file));
    if (!request.has_value()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const v1::Inspection answer, Look(socket, task, *request, std::move(file)));
    RETURN_IF_ERROR(Send(socket, answer));
  }
}

}  // namespace batuta::inspect
