#pragma once

#include "daemon/safety/base/rule.h"

// Rules for files as a whole: what they are against what they are called, and what is a program in itself.
namespace batuta::safety::rules {

inline constexpr Rule kNameMismatch{"name-mismatch", Grade::kInvalid,
                                    "the content is not what the name says"};
inline constexpr Rule kEmpty{"file-empty", Grade::kInvalid, "an empty file where weights or data should be"};
inline constexpr Rule kUnrecognised{"format-unknown", Grade::kUnknown, "bytes of no known format"};
inline constexpr Rule kNotInspected{"format-not-inspected", Grade::kUnknown,
                                    "a format that is known and cannot be looked into"};

inline constexpr Rule kNative{"code-native", Grade::kCode, "a program or library in machine code"};
inline constexpr Rule kBytecode{"code-bytecode", Grade::kCode,
                                "compiled code of Python, Java, Lua or WebAssembly"};
inline constexpr Rule kShebang{"code-script", Grade::kCode, "a script that names its interpreter"};
inline constexpr Rule kJavaObjects{"code-java-objects", Grade::kCode,
                                   "serialized Java objects, which run code when read"};
inline constexpr Rule kRData{"code-r-data", Grade::kCode,
                             "R data, which can hold promises that run when read"};
inline constexpr Rule kTorch7{"code-torch7", Grade::kCode, "a Torch7 file, which can hold Lua functions"};
inline constexpr Rule kEngine{"code-engine", Grade::kCode,
                              "an inference engine with native kernels and plugins"};

}  // namespace batuta::safety::rules
