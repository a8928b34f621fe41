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

}  // namespace batuta::safety::rules
