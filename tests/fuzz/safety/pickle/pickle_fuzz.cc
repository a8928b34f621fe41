// Whatever the bytes are: an answer. What is clean is a pickle for everybody, and is so to its last byte.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "daemon/safety/pickle/pickle.h"
#include "tests/support/safety/inspect.h"

namespace batuta::safety {
namespace {

bool IsClean(const Verdict& verdict) {
  // No pickle is safe.
  if (!verdict.has_pickle || verdict.grades.empty()) std::abort();
  return PickleJudgement(verdict) == "clean";
}

absl::Status InspectAsTorch(Subject& subject) {
  TorchStorages storages = {{"0", {.size_bytes = 24}}, {"1", {.size_bytes = 1 << 20}}};
  return InspectTorchPickle(subject, storages);
}

void Inspect(std::string_view bytes) {
  if (IsClean(InspectWith(InspectAsTorch, bytes)) &&
      IsClean(InspectWith(InspectAsTorch, std::string(bytes) + '\x0b'))) {
    std::abort();
  }
  if (!IsClean(InspectWith(InspectPickle, bytes))) return;
  MemorySource source(bytes);
  if (!IsPickle(source).value() || IsClean(InspectWith(InspectPickle, std::string(bytes) + '\x0b')))
    std::abort();
}

}  // namespace
}  // namespace batuta::safety

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  batuta::safety::Inspect({reinterpret_cast<const char*>(data), size});
  return 0;
}
