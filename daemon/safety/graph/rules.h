#pragma once

#include "daemon/safety/base/rule.h"

// Rules for files that describe a computation: ONNX, Keras, HDF5, TensorFlow, TFLite, OpenVINO, CoreML.
namespace batuta::safety::rules {

inline constexpr Rule kOnnxBroken{"onnx-broken", Grade::kInvalid,
                                  "a message that is malformed, or has a field twice"};
inline constexpr Rule kOnnxUnread{"onnx-unread", Grade::kCode,
                                  "a field behind which other readers may find anything"};
inline constexpr Rule kOnnxField{"onnx-field", Grade::kUnknown, "a field that ONNX did not have so far"};
inline constexpr Rule kOnnxNoGraph{"onnx-no-graph", Grade::kInvalid, "a model without a graph"};
inline constexpr Rule kOnnxTensor{"onnx-tensor", Grade::kInvalid,
                                  "a tensor whose type, shape and data disagree"};
inline constexpr Rule kOnnxPath{"onnx-path", Grade::kMalicious,
                                "data of a tensor that lies outside the model's folder"};
inline constexpr Rule kOnnxExternal{"onnx-external", Grade::kInvalid,
                                    "a tensor in another file of which it does not say where"};
inline constexpr Rule kOnnxDataMissing{"onnx-data-missing", Grade::kInvalid,
                                       "data of a tensor is not where the model says, beside it"};
inline constexpr Rule kOnnxDomain{"onnx-domain", Grade::kCode,
                                  "an operator that needs a native library or Python"};
inline constexpr Rule kOnnxCode{"onnx-code", Grade::kCode,
                                "an operator that runs compiled code or Python functions"};
inline constexpr Rule kSentencePieceBroken{"sentencepiece-broken", Grade::kInvalid,
                                           "not a complete SentencePiece model"};

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

inline constexpr Rule kTensorflowProgram{"tensorflow-program", Grade::kCode,
                                         "an operation that runs Python or native code"};
inline constexpr Rule kTensorflowFile{"tensorflow-file", Grade::kCode,
                                      "an operation that reads or writes files outside the model"};
inline constexpr Rule kTensorflowNetwork{"tensorflow-network", Grade::kCode,
                                         "an operation that talks to other machines"};
inline constexpr Rule kTensorflowCustom{"tensorflow-custom-op", Grade::kCode,
                                        "an operation that needs a native library"};
inline constexpr Rule kTensorflowUnsupported{"tensorflow-unsupported", Grade::kUnknown,
                                             "a part of a graph that is not looked into"};
inline constexpr Rule kTensorflowInvalid{"tensorflow-invalid", Grade::kInvalid,
                                         "not a complete file of TensorFlow"};

inline constexpr Rule kCheckpointUnsupported{"checkpoint-unsupported", Grade::kUnknown,
                                             "an index of a checkpoint that is compressed"};
inline constexpr Rule kCheckpointInvalid{"checkpoint-invalid", Grade::kInvalid,
                                         "not a complete index of a TensorFlow checkpoint"};

inline constexpr Rule kTfliteCustom{"tflite-custom-op", Grade::kCode,
                                    "an operation that needs a native library"};
inline constexpr Rule kTfliteForeign{"tflite-foreign-bytes", Grade::kInvalid,
                                     "bytes that belong to nothing in the model"};
inline constexpr Rule kTfliteUnsupported{"tflite-unsupported", Grade::kUnknown,
                                         "a part of a model that is not looked into"};
inline constexpr Rule kTfliteInvalid{"tflite-invalid", Grade::kInvalid, "breaks the rules of TFLite"};

inline constexpr Rule kOpenvinoExtension{"openvino-extension", Grade::kCode,
                                         "a layer that needs a native library"};
inline constexpr Rule kOpenvinoOpset{"openvino-opset", Grade::kUnknown, "a layer of a set that is not known"};
inline constexpr Rule kOpenvinoData{"openvino-data", Grade::kInvalid,
                                    "values that are not where the model says, beside it"};
inline constexpr Rule kOpenvinoInvalid{"openvino-invalid", Grade::kInvalid,
                                       "not the XML of a model, or with entities"};

inline constexpr Rule kCoremlCustom{"coreml-custom", Grade::kCode,
                                    "a class or operation that an application must bring"};
inline constexpr Rule kCoremlPath{"coreml-path", Grade::kMalicious,
                                  "values or a model outside of the model's own package"};
inline constexpr Rule kCoremlUnsupported{"coreml-unsupported", Grade::kUnknown,
                                         "a part of a model that is not looked into"};
inline constexpr Rule kCoremlInvalid{"coreml-invalid", Grade::kInvalid, "not a complete CoreML model"};

}  // namespace batuta::safety::rules
