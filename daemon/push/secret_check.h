#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/sync/task_runner.h"
#include "common/sync/worker_pool.h"
#include "common/time/clock.h"
#include "common/types/blob_id.h"
#include "daemon/metadata/metadata_store.h"
#include "daemon/push/secret_judge.h"
#include "daemon/push/sent_names.h"
#include "daemon/safety/base/byte_source.h"

namespace batuta::metrics {
struct DaemonMetrics;
}

namespace batuta::push {

// A file that would be sent.
struct FileToScan {
  std::string path;  // in the repo: its name tells how to look at it
  BlobId sha256;     // of its bytes
  uint64_t size_bytes = 0;
};

// The bytes of one, as they are read now.
struct OpenedFile {
  std::unique_ptr<safety::ByteSource> bytes;

  // Asked when it was read: not OK (FILE_CHANGED) when it is not, or may not be any more, what has that
  // sha256. May be empty for bytes that cannot change.
  absl::AnyInvocable<absl::Status()> check_unchanged = {};
};

// Words that leave beside the files.
struct TextToScan {
  std::string path;   // of its fingerprints: one that no file of a repo has, such as "//message"
  std::string words;  // what it is, for a person
  std::string text;
};

struct SecretRequest {
  std::vector<FileToScan> files;  // their names are looked into as well
  std::vector<TextToScan> texts = {};
  std::vector<std::string> allowances = {};  // of the caller; see SecretJudge
  std::string gitleaksignore = {};           // text of the folder's `.gitleaksignore`; empty: none
  std::string gitleaks_toml = {};  // text of its `.gitleaks.toml`: more rules; it cannot switch ours off
  bool allows_comments = true;     // a comment on the line of a finding makes it none
  std::string realm = {};          // on whose word the bytes are those of the sha256; see Folder

  // Blocking; called on threads of the pool, several at a time, for files whose findings are not remembered.
  // An error ends the check with that error. What it borrows outlives the pool's tasks.
  std::function<absl::StatusOr<OpenedFile>(const FileToScan& file)> open;
};

struct SecretProgress {
  uint64_t done_bytes = 0;  // what is remembered counts at once
  uint64_t total_bytes = 0;
  uint32_t files_done = 0;
  uint32_t files_total = 0;
};

struct SecretOutcome {
  SecretVerdict verdict;
  HiddenNames hidden_names = {};           // of files: those that hold a secret, allowed or not
  std::vector<std::string> warnings = {};  // what of the `.gitleaks.toml` does not count
  uint32_t files_remembered = 0;           // whose bytes were not looked at
  uint64_t bytes_read = 0;
};

// SecretCheck looks for secrets in what a push would send (daemon/secrets). What was found in a file is
// remembered in Table::kScans by its bytes, what its name promises, and the rules: never a secret, nothing
// but its redacted excerpt (see ScanRecords). Names and texts are looked into every time.
//
// A check that is started: dropping it ends it within a block of a megabyte; no callback comes after that.
class SecretCheck {
 public:
  using OnProgress = std::function<void(const SecretProgress&)>;
  using OnDone = absl::AnyInvocable<void(absl::StatusOr<SecretOutcome>)>;

  // Everything outlives it, and what it has on the pool.
  struct Context {
    TaskRunner& runner;  // where the callbacks run
    WorkerPool& pool;    // where files are looked into
    metadata::MetadataStore& store;
    const Clock& clock;
    int side_by_side = 2;  // files at a time; each takes some megabytes of memory, however large it is
    const metrics::DaemonMetrics* metrics = nullptr;
  };

  // On the runner. `done` is called once, not inside Start(); `on_progress` may be empty, else it is called
  // about a hundred times.
  //   kInvalidArgument (INVALID_ARGUMENT)  the `.gitleaks.toml` is none, or has a pattern that makes no sense
  //   kInternal (INTERNAL)                 this machine cannot run the search
  //   errors of `open`, of reading and of `check_unchanged`
  static std::unique_ptr<SecretCheck> Start(const Context& context, SecretRequest request,
                                            OnProgress on_progress, OnDone done);

  virtual ~SecretCheck() = default;
};

}  // namespace batuta::push
