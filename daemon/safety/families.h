#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"
#include "daemon/safety/name_class.h"

namespace batuta::safety {

// A format as it is recognised, and what looks into it.
struct Recognised {
  Family family = Family::kNone;
  std::string_view what;  // for a person: "a zip"
  absl::Status (*inspect)(Subject& subject) = nullptr;
};

// By what the file begins with (`first`, its first kilobytes); family kNone where that says nothing.
Recognised ByBeginning(std::string_view first);

// For formats without a signature: by what the name promises. They must then account for every byte.
Recognised ByPromise(const Promise& promise, std::string_view first);

}  // namespace batuta::safety
