#pragma once

#include "daemon/safety/base/rule.h"

// What an archive is, where that alone is a reason, and what does not belong into one of its kind.
namespace batuta::safety::rules {

inline constexpr Rule kTorchMember{"torch-member", Grade::kUnverified,
                                   "a torch archive holds a member that torch does not write"};
inline constexpr Rule kTorchStrayStorage{"torch-stray-storage", Grade::kUnverified,
                                         "a torch archive holds a storage of which no tensor is made"};
inline constexpr Rule kTorchCompressed{"torch-compressed", Grade::kInvalid,
                                       "a member of a torch archive is compressed"};
inline constexpr Rule kTorchScript{"torchscript", Grade::kCode,
                                   "TorchScript: a program that runs when it is loaded"};
inline constexpr Rule kTorchTar{"torch-tar", Grade::kUnverified,
                                "a torch checkpoint as a tar, which only the unrestricted loader reads"};
inline constexpr Rule kPt2{"pt2-export", Grade::kPickle,
                           "an exported program: its samples and constants are pickles"};
inline constexpr Rule kPt2Code{"pt2-code", Grade::kCode,
                               "an exported program with native code or objects of its own"};
inline constexpr Rule kZipAppended{"zip-appended", Grade::kInvalid,
                                   "a zip behind something else: what the file is depends on the reader"};
inline constexpr Rule kProgramArchive{"program-archive", Grade::kCode,
                                      "a Java archive, a Python wheel or egg: a program"};
inline constexpr Rule kKerasArchive{"keras-archive", Grade::kInvalid,
                                    "a Keras archive without its config.json"};
inline constexpr Rule kSkops{"skops", Grade::kUnknown,
                             "a skops model: its classes are made by name, which is not looked into"};

// --- DDUF ---
inline constexpr Rule kDdufMember{"dduf-member", Grade::kInvalid,
                                  "a member of a DDUF that is compressed or of no kind it may have"};
inline constexpr Rule kDdufFolder{"dduf-folder", Grade::kInvalid,
                                  "a folder of a DDUF that is no component of its index"};
inline constexpr Rule kDdufIndex{"dduf-index", Grade::kInvalid, "a DDUF without a readable model_index.json"};

}  // namespace batuta::safety::rules
