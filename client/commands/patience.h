#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "client/commands/context.h"

namespace batuta::client {

// When `status` says that the hub's rate limit holds a question back, and for how long: shows the countdown
// (a line outside a terminal, an event with --events), waits, and returns true: ask again. Else false, at
// once. Ctrl-C ends the program.
bool WaitOut(Context& context, const absl::Status& status);

// Asks until there is an answer, or an error that waiting does not mend. `no_wait`: the first error is final.
template <typename Ask>
auto Patiently(Context& context, bool no_wait, Ask ask) {
  while (true) {
    auto answer = ask();
    if constexpr (std::is_same_v<decltype(answer), absl::Status>) {
      if (no_wait || !WaitOut(context, answer)) return answer;
    } else {
      if (no_wait || !WaitOut(context, answer.status())) return answer;
    }
  }
}

}  // namespace batuta::client
