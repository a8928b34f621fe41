#include "tests/hubsim/net/fault_effects.h"

#include <utility>

#include <fmt/format.h>
#include <zlib.h>

namespace batuta::hubsim {
namespace {

constexpr std::uint64_t kGzipLimit = 64ULL << 20U;
constexpr int kGzipWindowBits = 15 + 16;  // zlib's way of asking for the gzip wrapper
constexpr int kGzipMemoryLevel = 8;

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

void DistortHeaders(const FaultPlan& plan, Response& response) {
  const auto is_there = [&response](const FaultRule& rule) {
    return ToLower(rule.value) == "content-length" || response.headers.Find(rule.value);
  };
  for (const FaultRule& rule : plan.ClaimAll(FaultKind::kDropHeader, is_there)) {
    if (ToLower(rule.value) == "content-length") response.omits_length = true;
    response.headers.Remove(rule.value);
  }
  for (const FaultRule& rule : plan.ClaimAll(FaultKind::kSetHeader, [](const FaultRule&) { return true; })) {
    for (const auto& [name, value] : rule.headers) response.headers.Set(name, value);
  }
}

}  // namespace

Response ScriptedAnswer(const FaultRule& rule) {
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

std::optional<Response> ReplacementAnswer(const FaultPlan& plan, const Request& request) {
  if (const FaultRule* rule = plan.Claim(FaultKind::kStatus)) return ScriptedAnswer(*rule);
  if (plan.Claims(FaultKind::kGarbageJson)) return GarbageJson();
  if (plan.Claims(FaultKind::kRedirectLoop)) return LoopStep(request);
  if (const FaultRule* rule = plan.Claim(FaultKind::kEndlessBody)) {
    Response response;
    response.headers.Set("Content-Type", "application/json; charset=utf-8");
    response.endless_bytes = rule->at_bytes;
    return response;
  }
  return std::nullopt;
}

void DistortAnswer(const FaultPlan& plan, const Request& request, Response& response) {
  if (const FaultRule* rule = plan.Claim(FaultKind::kStatusAfter)) {
    Response scripted = ScriptedAnswer(*rule);
    response = std::move(scripted);
  }
  if (response.headers.Find("ETag") || response.headers.Find("X-Linked-ETag")) {
    if (const FaultRule* rule = plan.Claim(FaultKind::kEtag)) ReplaceEtags(response, rule->value);
  }
  if (CarriesBody(request, response) && response.endless_bytes == 0) {
    const auto is_inside = [&response](const FaultRule& rule) {
      return rule.at_bytes >= response.offset && rule.at_bytes - response.offset < response.length;
    };
    for (const FaultRule& rule : plan.ClaimAll(FaultKind::kFlipByte, is_inside)) {
      response.body = FlippedContent(response.body, rule.at_bytes);
    }
    if (response.length > 0 && plan.Claims(FaultKind::kGzip)) Compress(response);
  }
  if (const FaultRule* rule = plan.Claim(FaultKind::kHeaderBomb)) {
    for (std::int64_t i = 0; i < rule->amount; ++i) {
      response.headers.Add(fmt::format("X-Bomb-{}", i), std::string(rule->at_bytes, 'b'));
    }
  }
  DistortHeaders(plan, response);
}

std::string AlteredEtag(const std::string& etag) {
  const std::size_t quotes = etag.starts_with('"') ? 2 : 0;
  const std::string digits = Sha256Hex(etag).substr(0, etag.size() - quotes);
  return quotes == 0 ? digits : "\"" + digits + "\"";
}

}  // namespace batuta::hubsim
