#include "tests/hubsim/api/answers.h"

#include <utility>

namespace batuta::hubsim {
namespace {

using nlohmann::json;

constexpr std::uint64_t kJsonBodyLimit = 256ULL << 20U;

void SetErrorHeaders(Response& response, std::string_view code, const std::string& message) {
  if (!code.empty()) response.headers.Set("X-Error-Code", std::string(code));
  response.headers.Set("X-Error-Message", message);
}

}  // namespace

Response JsonAnswer(const json& body, int status) {
  Response response;
  response.status = status;
  response.headers.Set("Content-Type", "application/json; charset=utf-8");
  response.SetBody(body.dump(-1, ' ', false, json::error_handler_t::replace));
  return response;
}

Response TextAnswer(std::string text, int status) {
  Response response;
  response.status = status;
  response.headers.Set("Content-Type", "text/plain; charset=utf-8");
  response.SetBody(std::move(text));
  return response;
}

Response ErrorAnswer(int status, std::string_view code, const std::string& message) {
  Response response = JsonAnswer({{"error", message}}, status);
  SetErrorHeaders(response, code, message);
  return response;
}

Response PlainErrorAnswer(int status, std::string_view code, const std::string& message) {
  Response response = TextAnswer(message, status);
  SetErrorHeaders(response, code, message);
  return response;
}

Response RedirectAnswer(int status, const std::string& location) {
  Response response = TextAnswer("Redirecting to " + location, status);
  response.headers.Set("Location", location);
  return response;
}

json JsonBody(const Request& request) {
  if (request.body == nullptr || request.body->size() > kJsonBodyLimit) return json(json::value_t::discarded);
  return json::parse(ReadAll(*request.body), nullptr, false);
}

}  // namespace batuta::hubsim
