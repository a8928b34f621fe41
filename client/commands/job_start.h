#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "batuta/v1/types.pb.h"

#include "client/commands/context.h"
#include "client/connection/signal_watch.h"
#include "common/time/clock.h"

// What the commands that start jobs have in common.
namespace batuta::client {

// 128 random bits: two clients never mean the same request by accident. Empty, and so not idempotent, where
// there are none.
std::string NewRequestId();

// The priority that was asked for; else somebody who stays to see the end is served before the rest.
v1::Priority PriorityOf(std::string_view word, bool is_waiting);

uint64_t MillisSince(const Clock& clock, SteadyTime start);

// `{"job_id"}`, or the id alone, and for people how to come back to it.
void TellDetached(Output& output, const v1::Job& job);

// In JSON the id of a job that this caller left, which `status` says.
void TellLeft(Output& output, const absl::Status& status);

// Asks on stderr; what it is about was told already. Anything but a yes is a no.
//   kCancelled (CANCELLED)  a signal came instead; its message is `when_interrupted`.
absl::StatusOr<bool> Agrees(Context& context, SignalWatch& signals, std::string_view question,
                            std::string_view when_interrupted);

}  // namespace batuta::client
