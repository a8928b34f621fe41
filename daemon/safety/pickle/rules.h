#pragma once

#include "daemon/safety/base/rule.h"

namespace batuta::safety::rules {

inline constexpr Rule kPickleUnreadable{"pickle-unreadable", Grade::kUnverified,
                                        "cannot be read to its end as a pickle"};

}  // namespace batuta::safety::rules
