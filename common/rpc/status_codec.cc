#include "common/rpc/status_codec.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "batuta/v1/error.pb.h"

#include "common/status/status.h"
#include "common/text/utf8.h"

namespace batuta {
namespace {

constexpr char kDomain[] = "batuta";
constexpr char kHintKey[] = "hint";
constexpr char kErrorInfoUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr std::string_view kErrorInfoNames[] = {"google.rpc.ErrorInfo", "batuta.v1.ErrorInfo"};

// The message travels twice: percent-encoded as `grpc-message`, where a byte that is not printable ASCII
// takes three, and in the details, which travel in base64. With these bounds the worst case is about 7 KiB of
// trailers; peers refuse more than 8.
constexpr size_t kMaxEncodedMessageBytes = 2000;
constexpr size_t kMaxMessageBytes = 4000;  // inside a message, where no such bound exists
constexpr size_t kMaxHintBytes = 600;
constexpr size_t kMaxFactsBytes = 1024;
constexpr size_t kMaxDetailsBytes = 8192;
constexpr std::string_view kEllipsis = "…";

enum class Cost { kPlain, kPercentEncoded };

// Valid UTF-8 that costs at most `limit` bytes.
std::string WireText(std::string_view text, size_t limit, Cost cost = Cost::kPlain) {
  const auto cost_of = [cost](std::string_view piece) {
    const bool is_ascii = piece.size() == 1 && piece[0] >= ' ' && piece[0] <= '~' && piece[0] != '%';
    return cost == Cost::kPlain || is_ascii ? piece.size() : 3 * piece.size();
  };
  const size_t reserve = cost_of(kEllipsis);
  std::string out;
  size_t spent = 0;
  size_t last_cut = 0;  // the longest beginning of `out` that leaves room for the ellipsis
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = NextUtf8(text, at);
    const std::string_view piece = step.valid ? text.substr(at, step.length) : std::string_view("\uFFFD");
    spent += cost_of(piece);
    if (spent > limit) return out.substr(0, last_cut).append(kEllipsis);
    out.append(piece);
    if (spent + reserve <= limit) last_cut = out.size();
    at += step.length;
  }
  return out;
}

absl::StatusCode CodeFromWire(int code) {
  return code > 0 && code <= static_cast<int>(absl::StatusCode::kUnauthenticated)
             ? static_cast<absl::StatusCode>(code)
             : absl::StatusCode::kUnknown;
}

template <typename Map>
void CopyFacts(const Facts& facts, Map& out) {
  size_t bytes = 0;
  for (const auto& [name, value] : facts) {
    if (name == kHintKey || name.size() + value.size() > kMaxFactsBytes - bytes) continue;
    if (!IsValidUtf8(name) || !IsValidUtf8(value)) continue;
    bytes += name.size() + value.size();
    out[name] = value;
  }
}

bool IsErrorInfo(const google::protobuf::Any& detail) {
  const std::string_view url = detail.type_url();
  const std::string_view name = url.substr(url.rfind('/') + 1);
  return name == kErrorInfoNames[0] || name == kErrorInfoNames[1];
}

ErrorDetails DecodeDetails(const std::string& bytes) {
  v1::RpcStatus status;
  if (bytes.size() > kMaxDetailsBytes || !status.ParseFromString(bytes)) return {};
  for (const google::protobuf::Any& detail : status.details()) {
    v1::ErrorInfo info;
    if (!IsErrorInfo(detail) || !info.ParseFromString(detail.value()) || info.domain() != kDomain) continue;
    ErrorDetails details{info.reason(), {}, {}};
    for (const auto& [name, value] : info.metadata()) {
      if (name == kHintKey) {
        details.hint = value;
      } else {
        details.facts.emplace(name, value);
      }
    }
    return details;
  }
  return {};
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status();
  ErrorDetails details = DetailsOf(status);
  v1::ErrorInfo info;
  info.set_reason(WireText(details.reason, kMaxHintBytes));
  info.set_domain(kDomain);
  CopyFacts(details.facts, *info.mutable_metadata());
  if (!details.hint.empty()) (*info.mutable_metadata())[kHintKey] = WireText(details.hint, kMaxHintBytes);

  v1::RpcStatus wire;
  wire.set_code(static_cast<int>(status.code()));
  wire.set_message(WireText(MessageOf(status), kMaxEncodedMessageBytes, Cost::kPercentEncoded));
  google::protobuf::Any& detail = *wire.add_details();
  detail.set_type_url(kErrorInfoUrl);
  info.SerializeToString(detail.mutable_value());
  return grpc::Status(static_cast<grpc::StatusCode>(wire.code()), wire.message(), wire.SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  ErrorDetails details = DecodeDetails(status.error_details());
  return MakeError(CodeFromWire(status.error_code()), details.reason, status.error_message(), details.hint,
                   std::move(details.facts));
}

v1::RpcErrorText ToErrorText(const absl::Status& status) {
  v1::RpcErrorText text;
  if (status.ok()) return text;
  const ErrorDetails details = DetailsOf(status);
  text.set_code(static_cast<int>(status.code()));
  text.set_reason(WireText(details.reason, kMaxHintBytes));
  text.set_message(WireText(MessageOf(status), kMaxMessageBytes));
  text.set_hint(WireText(details.hint, kMaxHintBytes));
  CopyFacts(details.facts, *text.mutable_facts());
  return text;
}

absl::Status FromErrorText(const v1::RpcErrorText& text) {
  if (text.code() == 0 && text.reason().empty() && text.message().empty()) return absl::OkStatus();
  Facts facts;
  for (const auto& [name, value] : text.facts()) facts.emplace(name, value);
  return MakeError(CodeFromWire(text.code()), text.reason(), text.message(), text.hint(), std::move(facts));
}

}  // namespace batuta
