#pragma once

#include "daemon/safety/base/rule.h"

// The rules of files that hold tensors and nothing else.
namespace batuta::safety::rules {

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

}  // namespace batuta::safety::rules
