#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "batuta/v1/inspection.pb.h"

#include "client/inspection/file_walk.h"
#include "client/inspection/inspector_process.h"

namespace batuta::client {

// Has files looked into by batuta-inspect. One that makes it crash or hang is unknown, and the next file gets
// a new process. Used by one thread; blocking.
class Inspectors {
 public:
  struct Options {
    std::filesystem::path program;
    int interrupt_fd = -1;                        // borrowed: ends every wait when it becomes readable
    std::chrono::milliseconds patience{180'000};  // for any file, and …
    uint64_t bytes_per_second = 4'000'000;        // … as much more as its size takes at this rate
    v1::InspectionSettings settings = {};         // what to look for
  };

  explicit Inspectors(Options options) : options_(std::move(options)) {}

  // Has the settings looked at before any file is: answers what of them is left out, for a person.
  //   kInvalidArgument          there is something wrong with them; says what.
  //   kUnavailable, kCancelled  as for InspectorProcess.
  absl::StatusOr<std::vector<std::string>> CheckSettings();

  // The path in the answer is that of `file`. A file that cannot be opened, or is none, is unknown too.
  //   kUnavailable, kCancelled  as for InspectorProcess: there is nothing to go on with.
  absl::StatusOr<v1::Inspection> Inspect(const WalkedFile& file);

  // For an answer with `speaks_of_others`: what the file says of others is held against them and added to the
  // answer. `find` knows where a path of the folder lies, or gives an empty one. Errors as above.
  absl::Status InspectAmongOthers(const WalkedFile& file,
                                  absl::FunctionRef<std::filesystem::path(const std::string& path)> find,
                                  v1::Inspection& answer);

 private:
  absl::Status Prepare();
  std::chrono::milliseconds PatienceFor(uint64_t size_bytes) const;
  // What became of a question: an answer that was none ends the process.
  absl::StatusOr<v1::Inspection> Checked(absl::StatusOr<v1::Inspection> answer, const WalkedFile& file);

  Options options_;
  std::optional<InspectorProcess> process_;
  std::vector<std::string> warnings_;  // of the settings
};

}  // namespace batuta::client
