#include "tests/hubsim/net/http_message.h"

#include <array>

namespace batuta::hubsim {
namespace {

bool IsSameName(std::string_view a, std::string_view b) {
  return ToLower(a) == ToLower(b);
}

}  // namespace

std::optional<std::string> Headers::Find(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (IsSameName(key, name)) return value;
  }
  return std::nullopt;
}

void Headers::Set(std::string name, std::string value) {
  Remove(name);
  Add(std::move(name), std::move(value));
}

void Headers::Remove(std::string_view name) {
  std::erase_if(fields_, [name](const Field& field) { return IsSameName(field.first, name); });
}

void SetTarget(Request& request, std::string target) {
  request.target = std::move(target);
  std::string_view view = request.target;
  // An absolute form ("GET http://host/path") is legal; only the path matters here.
  if (view.starts_with("http://")) {
    view.remove_prefix(7);
    const std::size_t slash = view.find('/');
    view = slash == std::string_view::npos ? std::string_view("/") : view.substr(slash);
  }
  const std::size_t question = view.find('?');
  const std::string_view raw_path = view.substr(0, question);
  request.query_text =
      question == std::string_view::npos ? std::string() : std::string(view.substr(question + 1));
  request.query = ParseQuery(request.query_text);
  request.path = PercentDecode(raw_path);
  request.segments.clear();
  for (const std::string& piece : Split(raw_path, '/')) {
    if (!piece.empty()) request.segments.push_back(PercentDecode(piece));
  }
}

bool CarriesBody(const Request& request, const Response& response) {
  const bool is_success = response.status >= 200 && response.status < 300 && response.status != 204;
  return is_success && request.method != "HEAD" && (response.body != nullptr || response.endless_bytes != 0);
}

std::string_view ReasonPhrase(int status) {
  struct Row {
    int status;
    std::string_view phrase;
  };

  constexpr std::array kRows = {
      Row{200, "OK"},
      Row{202, "Accepted"},
      Row{206, "Partial Content"},
      Row{301, "Moved Permanently"},
      Row{302, "Found"},
      Row{304, "Not Modified"},
      Row{307, "Temporary Redirect"},
      Row{308, "Permanent Redirect"},
      Row{400, "Bad Request"},
      Row{401, "Unauthorized"},
      Row{403, "Forbidden"},
      Row{404, "Not Found"},
      Row{405, "Method Not Allowed"},
      Row{409, "Conflict"},
      Row{412, "Precondition Failed"},
      Row{413, "Payload Too Large"},
      Row{416, "Range Not Satisfiable"},
      Row{422, "Unprocessable Entity"},
      Row{429, "Too Many Requests"},
      Row{500, "Internal Server Error"},
      Row{502, "Bad Gateway"},
      Row{503, "Service Unavailable"},
      Row{504, "Gateway Timeout"},
  };
  const auto* const row = std::ranges::find(kRows, status, &Row::status);
  return row == kRows.end() ? std::string_view("Status") : row->phrase;
}

}  // namespace batuta::hubsim
