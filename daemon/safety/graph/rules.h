#pragma once

#include "daemon/safety/base/rule.h"

// Rules for files that describe a computation: Keras, HDF5, TensorFlow, TFLite, OpenVINO, CoreML.
namespace batuta::safety::rules {

inline constexpr Rule kKerasLambda{"keras-lambda", Grade::kCode,
                                   "a layer that holds a program or loads one from elsewhere"};
inline constexpr Rule kKerasModule{
    "keras-module", Grade::kCode,
    "a class or function from a module that is not Keras' own layers, losses and so on"};
inline constexpr Rule kKerasClass{"keras-class", Grade::kCode, "a class that Keras does not bring"};
inline constexpr Rule kKerasFunction{"keras-function", Grade::kCode,
                                     "a function that is no activation, loss, metric or initializer"};
inline constexpr Rule kKerasRegistered{"keras-registered", Grade::kCode,
                                       "a class that another package must have registered"};
inline constexpr Rule kKerasVocabulary{"keras-vocabulary-path", Grade::kCode,
                                       "a vocabulary that is read from a path while the model is loaded"};
inline constexpr Rule kKerasDuplicateKey{"keras-duplicate-key", Grade::kInvalid,
                                         "a key that stands twice in one object: parsers differ"};
inline constexpr Rule kKerasInvalid{"keras-invalid", Grade::kInvalid,
                                    "a model configuration that is not strict JSON of the usual shape"};

inline constexpr Rule kHdf5ExternalLink{"hdf5-external-link", Grade::kMalicious, "a link into another file"};
inline constexpr Rule kHdf5ExternalData{"hdf5-external-data", Grade::kMalicious,
                                        "values that are read from another file"};
inline constexpr Rule kHdf5Filter{"hdf5-filter", Grade::kCode,
                                  "a filter that is no part of HDF5, so native code is loaded for it"};
inline constexpr Rule kHdf5Pytables{"hdf5-pytables", Grade::kUnverified,
                                    "written for PyTables, which unpickles attributes and objects"};
inline constexpr Rule kHdf5Bomb{"hdf5-bomb", Grade::kBomb,
                                "more values are declared than the file could hold"};
inline constexpr Rule kHdf5Foreign{"hdf5-foreign-bytes", Grade::kInvalid,
                                   "bytes before or after the HDF5 file"};
inline constexpr Rule kHdf5Unsupported{"hdf5-unsupported", Grade::kUnknown,
                                       "a part of HDF5 that is not looked into"};
inline constexpr Rule kHdf5Invalid{"hdf5-invalid", Grade::kInvalid, "breaks the rules of HDF5"};

}  // namespace batuta::safety::rules
