#pragma once

#include "daemon/safety/base/rule.h"

namespace batuta::safety::rules {

inline constexpr Rule kPickleClean{"pickle-clean", Grade::kPickle,
                                   "a pickle of which every import and operation is known to be harmless"};
inline constexpr Rule kPickleDanger{
    "pickle-danger", Grade::kMalicious,
    "uses what no weights need: it runs commands, opens files, reaches the network"};
inline constexpr Rule kPickleUnlisted{"pickle-unlisted", Grade::kUnverified,
                                      "needs a class or function that is not known to be harmless"};
inline constexpr Rule kPickleComputedImport{"pickle-computed-import", Grade::kMalicious,
                                            "computes the name of what it imports"};
inline constexpr Rule kPickleComputedCall{"pickle-computed-call", Grade::kMalicious,
                                          "calls a value that it computed"};
inline constexpr Rule kPickleArguments{"pickle-arguments", Grade::kUnverified,
                                       "calls what is known with arguments that are not"};
inline constexpr Rule kPickleState{"pickle-state", Grade::kUnverified,
                                   "gives a state to what is not known to take one"};
inline constexpr Rule kPickleItems{"pickle-items", Grade::kUnverified,
                                   "puts items into what is no container"};
inline constexpr Rule kPickleExtension{"pickle-extension", Grade::kUnverified,
                                       "imports by a number that nothing in the file explains"};
inline constexpr Rule kPickleBuffer{"pickle-buffer", Grade::kUnverified, "needs bytes from outside the file"};
inline constexpr Rule kPicklePersistentId{"pickle-persistent-id", Grade::kUnverified,
                                          "asks its loader for something by an id"};
inline constexpr Rule kPickleFrame{"pickle-frame", Grade::kMalicious,
                                   "has a frame that lies, so that readers run different programs"};
inline constexpr Rule kPickleOddArgument{"pickle-odd-argument", Grade::kUnverified,
                                         "has an argument that no pickler writes and not every reader takes"};
inline constexpr Rule kPickleUnreadable{"pickle-unreadable", Grade::kUnverified,
                                        "cannot be read to its end as a pickle"};
inline constexpr Rule kPickleTrailing{"pickle-trailing", Grade::kUnverified, "has bytes behind its end"};
inline constexpr Rule kPickleBomb{"pickle-bomb", Grade::kBomb,
                                  "expands to billions of parts, or nests too deep"};

inline constexpr Rule kTorchStorage{"torch-storage", Grade::kUnverified,
                                    "a storage has another size than the pickle says"};
inline constexpr Rule kTorchTensor{"torch-tensor", Grade::kUnverified, "a tensor reaches beyond its storage"};
inline constexpr Rule kTorchLegacy{"torch-legacy", Grade::kUnverified,
                                   "begins like a torch checkpoint and does not go on as one"};

inline constexpr Rule kJoblibArray{"joblib-array", Grade::kUnverified, "an array is not as joblib writes it"};
inline constexpr Rule kJoblibHiddenCode{
    "joblib-hidden-code", Grade::kMalicious,
    "an array of unknown size, so that nobody can say what is run behind it"};
inline constexpr Rule kJoblibHeader{"joblib-header", Grade::kInvalid,
                                    "begins like a file of an old joblib and does not go on as one"};

inline constexpr Rule kNpyHeader{"npy-header", Grade::kInvalid, "the header is not as numpy writes it"};
inline constexpr Rule kNpyCode{"npy-code", Grade::kCode, "the header holds more than literals"};
inline constexpr Rule kNpySize{"npy-size", Grade::kInvalid, "the data is not as large as the header says"};

}  // namespace batuta::safety::rules
