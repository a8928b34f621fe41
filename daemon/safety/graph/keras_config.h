#pragma once

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// A Keras model as JSON: config.json of a .keras archive, the attributes model_config and training_config of
// an HDF5 file, the metadata of a SavedModel. Every object in it that names a class has that class found and
// made while the model is loaded, so every one is held against the list of classes that only hold numbers, at
// any depth. Whether the text is such a model at all is for the caller to know.
absl::Status InspectKerasConfig(Subject& subject);

}  // namespace batuta::safety
