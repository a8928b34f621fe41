#include "tests/hubsim/net/fault_effects.h"

#include <utility>

#include <fmt/format.h>
#include <zlib.h>

namespace batuta::hubsim {
namespace {

constexpr std::uint64_t kGzipLimit = 64ULL << 20U;
constexpr int kGzipWindowBits = 15 + 16;  // zlib's way of asking for the gzip wrapper
constexpr int kGzipMemoryLevel = 8;

Response ScriptedStatus(const FaultRule& rule) {
  Response response;
  response.status = rule.status;
  for (const auto& [name, value] : rule.headers) response.headers.Set(name, value);
  if (!response.headers.Find("Content-Type")) {
    response.headers.Set("Content-Type", rule.body.starts_with('{') ? "application/json; charset=utf-8"
                                                                    : "text/plain; charset=utf-8");
  }
  response.SetBody(rule.body);
  return response;
}

Response GarbageJson() {
  Response response;
  response.headers.Set("Content-Type", "application/json; charset=utf-8");
  response.SetBody("{\"sha\": \"3f1c\", \"siblings\": [{\"rfilename\": \x01\xff oops");
  return response;
}

Response LoopStep(const Request& request) {
  Response response;
  response.status = 307;
  const std::uint64_t step = ParseNumber(QueryValue(request.query, "loop").value_or("0")).value_or(0);
  response.headers.Set("Location", fmt::format("{}?loop={}", EncodePath(request.path), step + 1));
  response.SetBody("Temporary Redirect");
  return response;
}

std::string Gzip(const std::string& plain) {
  z_stream stream{};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits, kGzipMemoryLevel,
               Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, plain.size()), '\0');
  std::string input = plain;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

void Compress(Response& response) {
  if (response.body == nullptr || response.length == 0 || response.length > kGzipLimit) return;
  std::string plain(response.length, '\0');
  if (!response.body->Read(response.offset, plain)) return;
  response.SetBody(Gzip(plain));
  response.headers.Set("Content-Encoding", "gzip");
}

void ReplaceEtags(Response& response, const std::string& etag) {
  if (response.headers.Find("ETag")) response.headers.Set("ETag", etag);
  if (response.headers.Find("X-Linked-ETag")) response.headers.Set("X-Linked-ETag", etag);
}

}  // namespace

std::optional<Response> ReplacementAnswer(const FaultPlan& plan, const Request& request) {
  if (const FaultRule* rule = plan.Find(FaultKind::kStatus)) return ScriptedStatus(*rule);
  if (plan.Has(FaultKind::kGarbageJson)) return GarbageJson();
  if (plan.Has(FaultKind::kRedirectLoop)) return LoopStep(request);
  if (const FaultRule* rule = plan.Find(FaultKind::kEndlessBody)) {
    Response response;
    response.headers.Set("Content-Type", "application/json; charset=utf-8");
    response.endless_bytes = rule->at_bytes;
    return response;
  }
  return std::nullopt;
}

void DistortAnswer(const FaultPlan& plan, Response& response) {
  if (const FaultRule* rule = plan.Find(FaultKind::kStatusAfter)) {
    Response scripted = ScriptedStatus(*rule);
    response = std::move(scripted);
  }
  if (const FaultRule* rule = plan.Find(FaultKind::kEtag)) ReplaceEtags(response, rule->value);
  if (plan.Has(FaultKind::kGzip)) Compress(response);
  if (const FaultRule* rule = plan.Find(FaultKind::kHeaderBomb)) {
    for (std::int64_t i = 0; i < rule->amount; ++i) {
      response.headers.Add(fmt::format("X-Bomb-{}", i), std::string(rule->at_bytes, 'b'));
    }
  }
  for (const FaultRule& rule : plan.rules()) {
    if (rule.kind == FaultKind::kDropHeader) response.headers.Remove(rule.value);
    if (rule.kind != FaultKind::kSetHeader) continue;
    for (const auto& [name, value] : rule.headers) response.headers.Set(name, value);
  }
}

std::string AlteredEtag(const std::string& etag) {
  const std::size_t quotes = etag.starts_with('"') ? 2 : 0;
  const std::string digits = Sha256Hex(etag).substr(0, etag.size() - quotes);
  return quotes == 0 ? digits : "\"" + digits + "\"";
}

}  // namespace batuta::hubsim
