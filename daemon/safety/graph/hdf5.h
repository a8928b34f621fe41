#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// Does an HDF5 file begin here, or behind a user block: at 512, 1024, 2048 … bytes? An error is about
// reading.
absl::StatusOr<bool> IsHdf5(ByteSource& bytes);

// Walks all objects of an HDF5 file, but for the values: nothing may lead into another file, need a plug-in,
// or claim more values than the file can hold, and the models in its attributes are held to the rules of
// Keras. Looks at what h5py writes by default; newer ways to store many links, attributes or chunks are
// refused as not understood.
absl::Status InspectHdf5(Subject& subject);

}  // namespace batuta::safety
