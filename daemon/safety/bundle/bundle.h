#pragma once

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

// What an archive means: which library wrote it tells what its members are for. A member that the kind of
// archive does not explain is inspected by its content, as a file of its own would be.
namespace batuta::safety {

// A zip: torch checkpoint, TorchScript, exported program, numpy archive, Keras model, DDUF, … or just files.
// From the directory alone, at the end of the file, it says the format and whether there is a torch pickle.
absl::Status InspectZip(Subject& subject);

// What a zip that ends a file of another kind holds. Nothing of it counts for those who read from the
// beginning; others find the zip alone. Reads the last 64 KiB, and nothing else where there is none.
absl::Status InspectZipAtEnd(Subject& subject);

// A tar: NeMo model, torch checkpoint of 2016, or just files.
absl::Status InspectTar(Subject& subject);

}  // namespace batuta::safety
