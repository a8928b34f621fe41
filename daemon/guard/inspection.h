#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/base/snapshot.h"
#include "daemon/safety/base/verdict.h"

namespace batuta::guard {

// Inspection is what looks into bytes. Blocking; thread-safe.
class Inspection {
 public:
  struct Outcome {
    safety::Verdict verdict;
    absl::Status status;  // where reading stopped; the verdict then holds what was seen so far
  };

  virtual ~Inspection() = default;
  virtual Outcome Inspect(std::string_view path, safety::ByteSource& bytes) = 0;

  // What one of the files says of the others, held against them.
  virtual Outcome InspectAmongOthers(std::string_view path, safety::Snapshot& files) = 0;

  // What the name of a file promises. All that the outcome depends on besides the bytes: files of one blob
  // and one class are the same to it.
  virtual std::string NameClass(std::string_view path) = 0;
};

// In this process (daemon/safety).
std::unique_ptr<Inspection> MakeInspection();

}  // namespace batuta::guard
