#include "daemon/safety/pickle/pickle.h"

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/pickle/npy.h"
#include "daemon/safety/pickle/rules.h"

// The walk is still to come; until then nothing is clean.
namespace batuta::safety {

absl::StatusOr<bool> IsPickle(ByteSource& bytes) {
  ByteReader reader(bytes);
  const std::string_view first = reader.Peek(2);
  if (!reader.status().ok()) return reader.status();
  return first.size() == 2 && first[0] == '\x80' && first[1] >= 0 && first[1] <= 5;
}

absl::Status InspectPickle(Subject& subject) {
  subject.SetFormat("pickle");
  subject.report().SawPickle();
  subject.Add(rules::kPickleUnreadable, 0, "a pickle");
  return absl::OkStatus();
}

absl::Status InspectTorchPickle(Subject& subject, TorchStorages&) {
  return InspectPickle(subject);
}

bool IsOldJoblib(std::string_view first_bytes) {
  return first_bytes.starts_with("ZF");
}

absl::Status InspectOldJoblib(Subject& subject) {
  return InspectPickle(subject);
}

bool IsNpy(std::string_view first_bytes) {
  return first_bytes.starts_with("\x93NUMPY");
}

absl::Status InspectNpy(Subject& subject) {
  return InspectPickle(subject);
}

}  // namespace batuta::safety
