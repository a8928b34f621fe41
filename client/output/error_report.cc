#include "client/output/error_report.h"

#include <fmt/format.h>

#include "client/output/json_writer.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

// The lines of `text`, each printable, joined by a newline and `indent`.
std::string PrintableLines(std::string_view text, std::string_view indent) {
  std::string out;
  while (true) {
    const size_t end = text.find('\n');
    out += Printable(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
    out += '\n';
    out += indent;
  }
}

}  // namespace

std::string_view CodeWord(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return "OK";
    case absl::StatusCode::kCancelled:
      return "CANCELLED";
    case absl::StatusCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case absl::StatusCode::kDeadlineExceeded:
      return "DEADLINE_EXCEEDED";
    case absl::StatusCode::kNotFound:
      return "NOT_FOUND";
    case absl::StatusCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case absl::StatusCode::kPermissionDenied:
      return "PERMISSION_DENIED";
    case absl::StatusCode::kResourceExhausted:
      return "RESOURCE_EXHAUSTED";
    case absl::StatusCode::kFailedPrecondition:
      return "FAILED_PRECONDITION";
    case absl::StatusCode::kAborted:
      return "ABORTED";
    case absl::StatusCode::kOutOfRange:
      return "OUT_OF_RANGE";
    case absl::StatusCode::kUnimplemented:
      return "UNIMPLEMENTED";
    case absl::StatusCode::kInternal:
      return "INTERNAL";
    case absl::StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case absl::StatusCode::kDataLoss:
      return "DATA_LOSS";
    case absl::StatusCode::kUnauthenticated:
      return "UNAUTHENTICATED";
    default:
      return "UNKNOWN";
  }
}

std::string HumanError(const absl::Status& status) {
  std::string text = fmt::format("batuta: {}\n", PrintableLines(MessageOf(status), "  "));
  const std::string hint = HintOf(status);
  if (!hint.empty()) text += fmt::format("  {}\n", PrintableLines(hint, "  "));
  return text;
}

std::string JsonError(const absl::Status& status) {
  JsonWriter json(JsonWriter::Style::kOneLine);
  json.BeginObject().Key("error").BeginObject();
  json.Field("code", CodeWord(status.code()));
  json.Field("reason", ReasonOf(status));
  json.Field("message", MessageOf(status));
  json.Field("hint", HintOf(status));
  json.EndObject().EndObject();
  return json.Take();
}

void ReportError(Output& output, const absl::Status& status) {
  output.Flush();
  output.TalkRaw(output.json() ? JsonError(status) : HumanError(status));
}

}  // namespace batuta::client
