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

const json* Field(const json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto field = object.find(std::string(key));
  return field == object.end() ? nullptr : &*field;
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

Response StoreErrorAnswer(const std::string& message, int status) {
  return ErrorAnswer(status, "", message);
}

std::string JsonString(const json& object, std::string_view key, std::string fallback) {
  const json* field = Field(object, key);
  return field != nullptr && field->is_string() ? field->get<std::string>() : std::move(fallback);
}

bool JsonBool(const json& object, std::string_view key, bool fallback) {
  const json* field = Field(object, key);
  return field != nullptr && field->is_boolean() ? field->get<bool>() : fallback;
}

std::int64_t JsonInteger(const json& object, std::string_view key, std::int64_t fallback) {
  const json* field = Field(object, key);
  return field != nullptr && field->is_number() ? field->get<std::int64_t>() : fallback;
}

std::vector<std::string> JsonStrings(const json& object, std::string_view key) {
  std::vector<std::string> values;
  const json* field = Field(object, key);
  if (field == nullptr || !field->is_array()) return values;
  for (const json& item : *field) {
    if (item.is_string()) values.push_back(item.get<std::string>());
  }
  return values;
}

json JsonBody(const Request& request) {
  if (request.body == nullptr || request.body->size() > kJsonBodyLimit) return json(json::value_t::discarded);
  return json::parse(ReadAll(*request.body), nullptr, false);
}

}  // namespace batuta::hubsim
