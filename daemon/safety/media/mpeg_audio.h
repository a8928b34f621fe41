#pragma once

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"

namespace batuta::safety {

// MP3 and its elder layers: a tag, frames whose headers say how long they are, and tags at the end.
absl::Status InspectMpegAudio(Subject& subject);

}  // namespace batuta::safety
