#include "tests/hubsim/api/answers.h"

#include <utility>

#include <fmt/format.h>

#include "tests/hubsim/store/hashing.h"

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

Response WithEtag(const Request& request, Response response) {
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  const std::string type = response.headers.Find("Content-Type").value_or("");
  if (!is_read || response.status != 200 || !type.starts_with("application/json")) return response;
  const std::string etag =
      fmt::format("W/\"{:x}-{}\"", response.length, Sha256Hex(ReadAll(*response.body)).substr(0, 27));
  const auto condition = request.headers.Find("If-None-Match");
  if (condition && (*condition == "*" || condition->find(etag) != std::string::npos)) {
    response.status = 304;
    response.headers.Remove("Content-Type");
    response.body = nullptr;
    response.length = 0;
  }
  response.headers.Set("ETag", etag);
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
