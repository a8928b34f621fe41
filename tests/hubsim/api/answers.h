// The shapes of the hub's answers: JSON, JSON errors with their headers, and plain text errors of the
// resolver.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "tests/hubsim/json_fields.h"
#include "tests/hubsim/net/http_message.h"

namespace batuta::hubsim {

Response JsonAnswer(const nlohmann::json& body, int status = 200);

Response TextAnswer(std::string text, int status = 200);

// {"error": message} with X-Error-Message, and X-Error-Code unless `code` is empty.
Response ErrorAnswer(int status, std::string_view code, const std::string& message);

// The same as plain text, as the resolver answers.
Response PlainErrorAnswer(int status, std::string_view code, const std::string& message);

// Marks a JSON answer with the weak ETag of its bytes, as the live service does (`W/"a27-…"`: the length in
// hex and a hash), and cuts it down to 304 for a GET or HEAD that has it already.
Response WithEtag(const Request& request, Response response);

Response RedirectAnswer(int status, const std::string& location);

// The body as JSON; a discarded value when it is none or above 256 MiB.
nlohmann::json JsonBody(const Request& request);

}  // namespace batuta::hubsim
