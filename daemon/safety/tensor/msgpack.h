#pragma once

#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// Can a file be weights in msgpack that begins with `first`? Its format has no magic; a name must say so as
// well.
bool IsMsgpack(std::string_view first);

// Weights as Flax writes them: maps with texts as keys, and arrays of numbers. Reads over the numbers.
absl::Status InspectMsgpack(Subject& subject);

}  // namespace batuta::safety
