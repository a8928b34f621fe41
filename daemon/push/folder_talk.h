#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"

#include "common/folder/folder_entry.h"
#include "common/sync/mutex.h"

namespace batuta::push {

inline constexpr uint32_t kMostReadBytes = 1 << 20;  // that one question asks for

// What a client that serves a folder is asked.
struct FolderQuestion {
  enum class Kind { kList, kLookAt, kOpen, kRead, kCheck, kClose };

  Kind kind = Kind::kList;
  std::string path = {};    // of kList, kLookAt, kOpen
  uint64_t handle = 0;      // of kRead, kCheck, kClose
  uint64_t offset = 0;      // of kRead
  uint32_t size_bytes = 0;  // of kRead; of kOpen: so much of the beginning comes along
  uint64_t number = 0;      // set when it is asked
};

// What it says. Each field is what a stranger wrote, until FolderTalk has looked at it.
struct FolderAnswer {
  uint64_t number = 0;
  int error_number = 0;
  std::vector<FolderEntry> entries = {};
  bool more = false;
  uint64_t handle = 0;
  absl::Cord data = {};
};

// kPermissionDenied (NOT_PERMITTED), with the fact `client`: nobody reads the folder for the daemon. `why`
// names the client, or the folder.
absl::Status ClientGoneError(std::string_view why);
bool IsClientGone(const absl::Status& status);

// FolderTalk brings questions to the client that serves a folder and its answers to whoever waits for them.
// An answer that nobody asked for, that is larger than asked, or that makes no sense ends the talk, and so
// does a client that leaves a question open for too long. Memory: what is asked for and not taken yet.
//
// Thread-safe.
class FolderTalk {
 public:
  // Brings one question to the client; called under no lock, may be called by several threads, does not
  // block.
  using Send = std::function<void(const FolderQuestion&)>;

  // Called once, when the talk has ended; under no lock, on the thread that ends it.
  using OnEnd = std::function<void(const absl::Status&)>;

  // `patience`: for the next answer to a question.
  FolderTalk(Send send, OnEnd on_end, std::chrono::milliseconds patience)
      : send_(std::move(send)), on_end_(std::move(on_end)), patience_(patience) {}

  // A question under way.
  struct Asked {
    FolderQuestion question;
    FolderAnswer answer = {};
    bool is_answered = false;
  };

  using Ticket = std::shared_ptr<Asked>;

  // Asks and does not wait. Of a ticket that is dropped the answer is thrown away.
  Ticket Begin(FolderQuestion question) ABSL_LOCKS_EXCLUDED(mutex_);

  // Blocking.
  //   IsClientGone()
  absl::StatusOr<FolderAnswer> Await(const Ticket& ticket) ABSL_LOCKS_EXCLUDED(mutex_);

  absl::StatusOr<FolderAnswer> Ask(FolderQuestion question) { return Await(Begin(std::move(question))); }

  // What is not answered (kClose).
  void Tell(FolderQuestion question) ABSL_LOCKS_EXCLUDED(mutex_);

  // From the client. Not OK: the talk has ended.
  absl::Status Take(FolderAnswer answer) ABSL_LOCKS_EXCLUDED(mutex_);

  // Whoever waits, now or later, is told so. The first one counts.
  void End(const absl::Status& why) ABSL_LOCKS_EXCLUDED(mutex_);

  // OK while it goes on.
  absl::Status status() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  const Send send_;
  const OnEnd on_end_;
  const std::chrono::milliseconds patience_;
  mutable Mutex mutex_;
  CondVar changed_;
  uint64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Ticket> open_ ABSL_GUARDED_BY(mutex_);
  uint64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;  // answers
  absl::Status ended_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace batuta::push
