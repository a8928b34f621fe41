#include "daemon/push/folder_talk.h"

#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::push {
namespace {

using Kind = FolderQuestion::Kind;

constexpr size_t kMostEntries = 200'000;  // in one folder; the hub takes a twentieth of that
constexpr size_t kMostNameBytes = 255;
constexpr int kMostErrorNumber = 4'095;

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kMostNameBytes && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

// Names come in their order, so that none comes twice.
bool AreNames(const std::vector<FolderEntry>& before, const std::vector<FolderEntry>& entries) {
  std::string_view last = before.empty() ? std::string_view() : std::string_view(before.back().name);
  for (const FolderEntry& entry : entries) {
    if (!IsName(entry.name) || entry.name <= last) return false;
    last = entry.name;
  }
  return true;
}

// Why it is no answer to the question; empty: it is one.
std::string_view Nonsense(const FolderTalk::Asked& asked, const FolderAnswer& answer) {
  const FolderQuestion& question = asked.question;
  if (answer.error_number < 0 || answer.error_number > kMostErrorNumber) return "an error that there is not";
  if (answer.more && question.kind != Kind::kList) return "more than one answer";
  const bool takes_data = question.kind == Kind::kRead || question.kind == Kind::kOpen;
  if (answer.data.size() > (takes_data ? question.size_bytes : 0)) return "more than was asked for";
  for (const FolderEntry& entry : answer.entries) {
    if (entry.error_number < 0 || entry.error_number > kMostErrorNumber) return "an error that there is not";
  }
  if (answer.error_number != 0) return {};
  switch (question.kind) {
    case Kind::kList:
      if (answer.more && answer.entries.empty()) return "nothing, and that more comes";
      if (asked.answer.entries.size() + answer.entries.size() > kMostEntries)
        return "more files than a folder of a repo may have";
      return AreNames(asked.answer.entries, answer.entries) ? "" : "names that no folder has";
    case Kind::kLookAt:
    case Kind::kOpen:
    case Kind::kCheck:
      if (answer.entries.size() != 1) return "not one file";
      if (answer.data.size() > answer.entries.front().stamp.size_bytes) return "more than there is";
      if (question.kind == Kind::kOpen && answer.entries.front().kind == FolderEntryKind::kFile &&
          answer.handle == 0)
        return "a file without a handle";
      return {};
    case Kind::kRead:
      return answer.entries.size() == 1 ? "" : "bytes without a stamp";
    case Kind::kClose:
      break;
  }
  return {};
}

}  // namespace

absl::Status ClientGoneError(std::string_view why) {
  return MakeError(absl::StatusCode::kPermissionDenied, reason::kNotPermitted,
                   fmt::format("{}, and the daemon may not read it itself", why),
                   "push again: batuta hf push goes on where it stood", {{"client", "gone"}});
}

bool IsClientGone(const absl::Status& status) {
  return absl::IsPermissionDenied(status) && DetailsOf(status).facts.contains("client");
}

FolderTalk::Ticket FolderTalk::Begin(FolderQuestion question) {
  auto ticket = std::make_shared<Asked>(Asked{.question = std::move(question)});
  {
    const MutexLock lock(mutex_);
    if (!ended_.ok()) return ticket;
    ticket->question.number = ++last_number_;
    open_.emplace(ticket->question.number, ticket);
  }
  send_(ticket->question);
  return ticket;
}

absl::StatusOr<FolderAnswer> FolderTalk::Await(const Ticket& ticket) {
  bool is_late = false;
  {
    const MutexLock lock(mutex_);
    while (!ticket->is_answered && ended_.ok() && !is_late) {
      // Any answer shows that the client is there; what is asked later is answered later.
      const uint64_t before = taken_;
      const auto deadline = std::chrono::steady_clock::now() + patience_;
      bool in_time = true;
      while (in_time && !ticket->is_answered && ended_.ok() && taken_ == before)
        in_time = changed_.WaitUntil(mutex_, deadline);
      is_late = !in_time && !ticket->is_answered && ended_.ok() && taken_ == before;
    }
    if (ticket->is_answered) return std::move(ticket->answer);
    if (!ended_.ok()) return ended_;
  }
  End(ClientGoneError("the client that serves the folder does not answer"));
  return status();
}

void FolderTalk::Tell(FolderQuestion question) {
  {
    const MutexLock lock(mutex_);
    if (!ended_.ok()) return;
    question.number = ++last_number_;
  }
  send_(question);
}

absl::Status FolderTalk::Take(FolderAnswer answer) {
  std::string_view nonsense;
  {
    const MutexLock lock(mutex_);
    if (!ended_.ok()) return ended_;
    const auto found = open_.find(answer.number);
    if (found == open_.end()) {
      nonsense = "what nobody asked for";
    } else {
      Asked& asked = *found->second;
      nonsense = Nonsense(asked, answer);
      if (nonsense.empty()) {
        ++taken_;
        std::vector<FolderEntry>& entries = asked.answer.entries;
        entries.insert(entries.end(), std::make_move_iterator(answer.entries.begin()),
                       std::make_move_iterator(answer.entries.end()));
        if (!answer.more) {
          answer.entries = std::move(entries);
          asked.answer = std::move(answer);
          asked.is_answered = true;
          open_.erase(found);
        }
        changed_.NotifyAll();
        return absl::OkStatus();
      }
    }
  }
  End(ClientGoneError(fmt::format("the client that serves the folder answered {}", nonsense)));
  return status();
}

void FolderTalk::End(const absl::Status& why) {
  {
    const MutexLock lock(mutex_);
    if (!ended_.ok()) return;
    ended_ = why;
    open_.clear();
    changed_.NotifyAll();
  }
  if (on_end_) on_end_(why);
}

absl::Status FolderTalk::status() const {
  const MutexLock lock(mutex_);
  return ended_;
}

}  // namespace batuta::push
