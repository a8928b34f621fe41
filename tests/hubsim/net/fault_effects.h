// What the faults do to an answer before it is written. Pure functions of the plan and the message.
#pragma once

#include <optional>

#include "tests/hubsim/net/fault_board.h"
#include "tests/hubsim/net/http_message.h"

namespace batuta::hubsim {

// The status, headers and body of the rule.
Response ScriptedAnswer(const FaultRule& rule);

// The answer that takes the place of the handler's, if the plan has one: status, garbage, endless body,
// redirect loop.
std::optional<Response> ReplacementAnswer(const FaultPlan& plan, const Request& request);

// Changes the handler's answer: a status after the effect, ETag, flipped bytes, gzip, header bomb, headers.
void DistortAnswer(const FaultPlan& plan, const Request& request, Response& response);

// The ETag of the same file with other content: as long as `etag`, and as deterministic.
std::string AlteredEtag(const std::string& etag);

}  // namespace batuta::hubsim
