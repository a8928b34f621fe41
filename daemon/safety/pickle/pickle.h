#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/base/subject.h"

// Pickles are programs, run while they are loaded. They are walked with abstract values on the stack that the
// real machine would have: nothing is imported, called or built. Each walk adds to the report what was
// imported, and either one finding of Grade::kPickle, when everything in it is known to be harmless, or what
// is not.
namespace batuta::safety {

// Would an unpickler run this? By the first two bytes from protocol 2 on; older pickles have no magic and are
// walked until they import or call something that could be, stop, or break. Cheap on text, which breaks
// within a few bytes. An error is about reading.
absl::StatusOr<bool> IsPickle(ByteSource& bytes);

// A file of pickles to its last byte: one or several in a row, a torch checkpoint of before 1.6 with its
// storages behind, or what joblib writes, with arrays between the opcodes.
absl::Status InspectPickle(Subject& subject);

// A storage that an archive holds beside the pickle, by its key.
struct TorchStorage {
  uint64_t size_bytes = 0;
  bool is_referenced = false;  // set by the walk: a tensor is made of it
};

using TorchStorages = std::map<std::string, TorchStorage, std::less<>>;

// data.pkl of a torch archive: a single pickle that may refer to `storages`, each large enough for the
// tensors made of it. What nothing refers to is the archive's to judge.
absl::Status InspectTorchPickle(Subject& subject, TorchStorages& storages);

// Does this begin like a file that joblib compressed before 0.10? "ZF", a length, a zlib stream.
bool IsOldJoblib(std::string_view first_bytes);

// Such a file: the stream is inspected as a part of it.
absl::Status InspectOldJoblib(Subject& subject);

}  // namespace batuta::safety
