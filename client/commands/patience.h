#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "client/commands/context.h"
#include "client/commands/flags.h"
#include "client/connection/daemon_client.h"

namespace batuta::client {

// Patience is how a question to the hub waits out its rate limit: the daemon says for how long, a countdown
// shows it (a line outside a terminal, an event with --events), and then the question is put again. Ctrl-C
// ends the program; --no-wait makes the first refusal final.
class Patience {
 public:
  Patience() = default;

  explicit Patience(bool no_wait) : no_wait_(no_wait) {}

  void Define(Flags& flags);

  // Asks until there is an answer, or an error that waiting does not mend. `ask` returns a Status or
  // StatusOr. Where the caller watches for signals by itself, `stop` ends the wait within a second.
  template <typename Ask>
  auto Await(Context& context, Ask ask, const CallStop* stop = nullptr) const {
    while (true) {
      auto answer = ask();
      if (!WaitOut(context, StatusOf(answer), stop)) return answer;
    }
  }

 private:
  static const absl::Status& StatusOf(const absl::Status& status) { return status; }

  template <typename T>
  static const absl::Status& StatusOf(const absl::StatusOr<T>& answer) {
    return answer.status();
  }

  // False at once unless the rate limit is what is in the way, and waiting is allowed.
  bool WaitOut(Context& context, const absl::Status& status, const CallStop* stop) const;

  bool no_wait_ = false;
};

}  // namespace batuta::client
