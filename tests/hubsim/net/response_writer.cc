#include "tests/hubsim/net/response_writer.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace batuta::hubsim {
namespace {

constexpr std::uint64_t kPiece = 64U * 1024U;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kSlowStepsPerSecond = 20;

bool HasNoBody(const Request& request, const Response& response) {
  return request.method == "HEAD" || response.status == 304 || response.status == 204;
}

// Sends body bytes under the plan's cut, stall and pace.
class BodyPump {
 public:
  // Errors and redirects go out unharmed: a plan that cuts a file is not about the redirect to it.
  BodyPump(Connection& connection, const FaultPlan& plan, bool is_success, const WriteProgress& progress)
      : connection_(connection), progress_(progress) {
    if (!is_success) return;
    if (const FaultRule* rule = plan.Claim(FaultKind::kCut)) cut_at_ = rule->at_bytes;
    if (const FaultRule* rule = plan.Claim(FaultKind::kStall)) {
      stall_at_ = rule->at_bytes;
      stall_for_ = rule->duration;
    }
    if (const FaultRule* rule = plan.Claim(FaultKind::kSlow))
      rate_ = std::max<std::uint64_t>(rule->bytes_per_second, 1);
  }

  // How many bytes may go out in the next write, at most `wanted`; 0 when the plan ends the answer here.
  std::uint64_t Allow(std::uint64_t wanted) {
    if (sent_ == stall_at_) {
      stall_at_ = kNever;
      if (!connection_.Pause(stall_for_)) return 0;
    }
    if (sent_ >= cut_at_) return 0;
    std::uint64_t allowed = std::min({wanted, kPiece, cut_at_ - sent_});
    if (stall_at_ > sent_) allowed = std::min(allowed, stall_at_ - sent_);
    if (rate_ != 0) allowed = std::min(allowed, std::max<std::uint64_t>(rate_ / kSlowStepsPerSecond, 1));
    return allowed;
  }

  // `framed` is what goes to the wire for `body_bytes` bytes of body.
  bool Send(std::string_view framed, std::uint64_t body_bytes) {
    if (!connection_.Write(framed)) return false;
    sent_ += body_bytes;
    progress_(sent_);
    if (rate_ == 0) return true;
    return connection_.Pause(
        std::chrono::milliseconds(std::max<std::uint64_t>(body_bytes * 1000 / rate_, 1)));
  }

  // A stall or cut exactly at the end of the body still takes place: the peer waits for the end, or sees
  // none.
  bool MayEnd() {
    if (sent_ == stall_at_ && !connection_.Pause(stall_for_)) return false;
    return sent_ < cut_at_;
  }

  std::uint64_t sent() const { return sent_; }

 private:
  Connection& connection_;
  const WriteProgress& progress_;
  std::uint64_t sent_ = 0;
  std::uint64_t cut_at_ = kNever;
  std::uint64_t stall_at_ = kNever;
  std::chrono::milliseconds stall_for_{0};
  std::uint64_t rate_ = 0;
};

bool SendContent(BodyPump& pump, const Response& response) {
  std::string piece;
  while (pump.sent() < response.length) {
    const std::uint64_t allowed = pump.Allow(response.length - pump.sent());
    if (allowed == 0) return false;
    piece.resize(allowed);
    if (!response.body->Read(response.offset + pump.sent(), piece)) return false;
    if (!pump.Send(piece, allowed)) return false;
  }
  return pump.MayEnd();
}

// One element of an endless list; it has the keys of a tree entry and of a repo, so that any reader goes on.
std::string EndlessElement(std::uint64_t index) {
  return fmt::format(
      R"({{"_id":"{0:024x}","id":"endless/repo-{0}","type":"file","oid":"{0:040x}","size":1,"path":"endless/{0}.bin"}},)",
      index);
}

bool SendChunk(BodyPump& pump, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::uint64_t allowed = pump.Allow(bytes.size());
    if (allowed == 0) return false;
    std::string framed = fmt::format("{:x}\r\n", allowed);
    framed += bytes.substr(0, allowed);
    framed += "\r\n";
    if (!pump.Send(framed, allowed)) return false;
    bytes.remove_prefix(allowed);
  }
  return true;
}

bool SendEndless(Connection& connection, BodyPump& pump, std::uint64_t total) {
  std::uint64_t index = 0;
  std::string batch = "[";
  while (pump.sent() < total) {
    while (batch.size() < kPiece) batch += EndlessElement(index++);
    if (!SendChunk(pump, batch)) return false;
    batch.clear();
  }
  std::string last = EndlessElement(index);
  last.back() = ']';
  return SendChunk(pump, last) && pump.MayEnd() && connection.Write("0\r\n\r\n");
}

}  // namespace

WriteOutcome WriteResponse(Connection& connection, const Request& request, Response response,
                           const FaultPlan& plan, bool keep_alive, const WriteProgress& progress) {
  const FaultRule* wrong_length =
      CarriesBody(request, response) ? plan.Claim(FaultKind::kContentLength) : nullptr;
  const bool is_chunked = response.endless_bytes != 0;
  const bool drops_length = response.omits_length;
  keep_alive = keep_alive && wrong_length == nullptr && !drops_length;

  if (is_chunked) {
    response.headers.Set("Transfer-Encoding", "chunked");
  } else if (!drops_length && response.status != 304 && !response.headers.Find("Content-Length")) {
    const std::int64_t shift = wrong_length == nullptr ? 0 : wrong_length->amount;
    const std::int64_t announced = static_cast<std::int64_t>(response.length) + shift;
    response.headers.Set("Content-Length", std::to_string(std::max<std::int64_t>(announced, 0)));
  }
  response.headers.Set("Connection", keep_alive ? "keep-alive" : "close");

  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", response.status, ReasonPhrase(response.status));
  for (const auto& [name, value] : response.headers.fields()) head += name + ": " + value + "\r\n";
  head += "\r\n";
  if (!connection.Write(head)) return {};
  if (HasNoBody(request, response)) return {.is_whole = true, .may_keep_connection = keep_alive};

  BodyPump pump(connection, plan, CarriesBody(request, response), progress);
  const bool is_whole =
      is_chunked ? SendEndless(connection, pump, response.endless_bytes) : SendContent(pump, response);
  return {.body_bytes = pump.sent(), .is_whole = is_whole, .may_keep_connection = is_whole && keep_alive};
}

}  // namespace batuta::hubsim
