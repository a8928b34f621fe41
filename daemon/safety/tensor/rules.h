#pragma once

#include "daemon/safety/base/rule.h"

// The rules of files that hold tensors and nothing else.
namespace batuta::safety::rules {

inline constexpr Rule kSafetensorsShort{"safetensors-short", Grade::kInvalid, "too short for a header"};
inline constexpr Rule kSafetensorsHeader{"safetensors-header", Grade::kInvalid,
                                         "a header of more than 100 MB"};
inline constexpr Rule kSafetensorsCut{"safetensors-cut", Grade::kInvalid,
                                      "the header is longer than the file"};
inline constexpr Rule kSafetensorsText{"safetensors-text", Grade::kInvalid, "the header is not UTF-8"};
inline constexpr Rule kSafetensorsJson{"safetensors-json", Grade::kInvalid,
                                       "the header is not one strict JSON object and nothing else"};
inline constexpr Rule kSafetensorsDuplicateKey{"safetensors-duplicate-key", Grade::kInvalid,
                                               "a key of the header stands twice"};
inline constexpr Rule kSafetensorsMetadata{"safetensors-metadata", Grade::kInvalid,
                                           "the metadata is no object of texts"};
inline constexpr Rule kSafetensorsEntry{"safetensors-entry", Grade::kInvalid,
                                        "a tensor lacks dtype, shape or data_offsets, or has more"};
inline constexpr Rule kSafetensorsDType{"safetensors-dtype", Grade::kInvalid, "a tensor of an unknown dtype"};
inline constexpr Rule kSafetensorsShape{"safetensors-shape", Grade::kInvalid,
                                        "a shape that is no list of plain whole numbers"};
inline constexpr Rule kSafetensorsOffsets{"safetensors-offsets", Grade::kInvalid,
                                          "data_offsets that are no begin and end"};
inline constexpr Rule kSafetensorsOverflow{"safetensors-overflow", Grade::kInvalid,
                                           "a shape with more elements or bits than 64 bits count"};
inline constexpr Rule kSafetensorsBits{"safetensors-bits", Grade::kInvalid,
                                       "a tensor whose bits are no whole number of bytes"};
inline constexpr Rule kSafetensorsSize{"safetensors-size", Grade::kInvalid,
                                       "a tensor whose shape and data_offsets disagree"};
inline constexpr Rule kSafetensorsTiling{"safetensors-tiling", Grade::kInvalid,
                                         "tensors overlap, or bytes between them belong to none"};
inline constexpr Rule kSafetensorsLength{"safetensors-length", Grade::kInvalid,
                                         "the tensors do not end where the file ends"};

inline constexpr Rule kGgufTruncated{"gguf-truncated", Grade::kInvalid, "the header is longer than the file"};
inline constexpr Rule kGgufVersion{"gguf-version", Grade::kInvalid, "of a version that nothing reads"};
inline constexpr Rule kGgufCount{"gguf-count", Grade::kInvalid, "counts more than the file has room for"};
inline constexpr Rule kGgufKey{"gguf-key", Grade::kInvalid,
                               "a key of the metadata is malformed or stands twice"};
inline constexpr Rule kGgufValue{"gguf-value", Grade::kInvalid, "a value of the metadata is malformed"};
inline constexpr Rule kGgufAlignment{"gguf-alignment", Grade::kInvalid,
                                     "the alignment is no power of two or too large"};
inline constexpr Rule kGgufSplit{"gguf-split", Grade::kInvalid,
                                 "the file contradicts itself on which part of a model it is"};
inline constexpr Rule kGgufName{"gguf-name", Grade::kInvalid,
                                "the name of a tensor is malformed or stands twice"};
inline constexpr Rule kGgufShape{"gguf-shape", Grade::kInvalid, "the shape of a tensor is impossible"};
inline constexpr Rule kGgufType{"gguf-type", Grade::kInvalid, "a tensor is of a type that nothing reads"};
inline constexpr Rule kGgufOffset{"gguf-offset", Grade::kInvalid,
                                  "a tensor does not begin where the one before it ends"};
inline constexpr Rule kGgufPadding{"gguf-padding", Grade::kInvalid, "padding holds something"};
inline constexpr Rule kGgufSize{"gguf-size", Grade::kInvalid, "tensors lie beyond the end of the file"};
inline constexpr Rule kGgufTrailing{"gguf-trailing", Grade::kInvalid, "something follows the last tensor"};

inline constexpr Rule kMsgpackBroken{"msgpack-broken", Grade::kInvalid,
                                     "not one complete map in msgpack and nothing else"};
inline constexpr Rule kMsgpackKey{"msgpack-key", Grade::kInvalid, "a key that is no text or stands twice"};
inline constexpr Rule kMsgpackExtension{"msgpack-extension", Grade::kInvalid,
                                        "an extension that no weights have"};
inline constexpr Rule kMsgpackArray{"msgpack-array", Grade::kInvalid,
                                    "an array whose shape, dtype and bytes disagree"};
inline constexpr Rule kMsgpackDType{"msgpack-dtype", Grade::kInvalid, "an array of an unknown dtype"};

inline constexpr Rule kIndexBroken{"index-broken", Grade::kInvalid, "no index of a model in several files"};
inline constexpr Rule kIndexMissingFile{"index-missing-file", Grade::kInvalid,
                                        "the index names a file that is not there"};
inline constexpr Rule kIndexOtherFormat{"index-other-format", Grade::kInvalid,
                                        "the index names a file that is no safetensors"};
inline constexpr Rule kIndexMissingTensor{"index-missing-tensor", Grade::kInvalid,
                                          "a tensor is not in the file that the index says"};

}  // namespace batuta::safety::rules
