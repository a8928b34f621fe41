#pragma once

#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// Can a file be a SentencePiece model that begins with `first`? Its format has no magic; a name must say so
// as well.
bool IsSentencePiece(std::string_view first);

// A SentencePiece model: data, when it is one to its last byte.
absl::Status InspectSentencePiece(Subject& subject);

}  // namespace batuta::safety
