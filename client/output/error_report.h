#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "client/output/output.h"

namespace batuta::client {

// "NOT_FOUND", "RESOURCE_EXHAUSTED" …: the name of google.rpc.Code.
std::string_view CodeWord(absl::StatusCode code);

// `batuta: MESSAGE` and, indented by two, the hint: for people. Text from outside is made printable, line by
// line.
std::string HumanError(const absl::Status& status);

// {"error":{"code","reason","message","hint"}} in one line; reason and hint are "" when there is none.
std::string JsonError(const absl::Status& status);

// The one of the two that fits the output's format, on stderr.
void ReportError(Output& output, const absl::Status& status);

}  // namespace batuta::client
