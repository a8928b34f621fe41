#include "daemon/safety/pickle/npy.h"

#include "daemon/safety/pickle/rules.h"

namespace batuta::safety {

bool IsNpy(std::string_view first_bytes) {
  return first_bytes.starts_with("\x93NUMPY");
}

absl::Status InspectNpy(Subject& subject) {
  subject.SetFormat("numpy array");
  subject.Add(rules::kNpyHeader, 0, "its header is not read yet");
  return absl::OkStatus();
}

}  // namespace batuta::safety
