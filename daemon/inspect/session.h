#pragma once

#include "absl/status/status.h"

namespace batuta::inspect {

// Answers requests on a stream socket until the other end closes it: a length (32 bits, of this machine), the
// message, and with its first byte the descriptor of the file. The first answer is an empty one, when
// everything is ready.
//   kInvalidArgument  it is no socket, or what comes is no request.
absl::Status Serve(int socket);

}  // namespace batuta::inspect
