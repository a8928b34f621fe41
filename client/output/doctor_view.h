#pragma once

#include <vector>

#include "client/output/output.h"
#include "common/types/check.h"

namespace batuta::client {

// {"checks":[{"name","status","detail","hint"}],"ok"}, status "ok", "warn" or "fail", hint null when nothing
// is to be done; quiet: `STATUS NAME` a line of what is not ok.
void PrintDoctor(Output& output, const std::vector<Check>& checks);

}  // namespace batuta::client
