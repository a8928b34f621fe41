#include "tests/hubsim/api/file_answer.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "tests/hubsim/api/answers.h"
#include "tests/hubsim/net/fault_effects.h"

namespace batuta::hubsim {
namespace {

constexpr std::string_view kUnit = "bytes=";

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
};

enum class RangeState { kNone, kUsable, kOutside };

struct RangeRequest {
  RangeState state = RangeState::kNone;
  ByteRange range = {};
};

RangeRequest ParseSuffix(std::string_view count_text, std::uint64_t size) {
  const auto count = ParseNumber(count_text);
  if (!count) return {};
  if (*count == 0 || size == 0) return {.state = RangeState::kOutside};
  return {.state = RangeState::kUsable, .range = {.first = size - std::min(*count, size), .last = size - 1}};
}

RangeRequest ParseRange(std::string_view text, std::uint64_t size) {
  if (!text.starts_with(kUnit) || text.find(',') != std::string_view::npos) return {};
  text.remove_prefix(kUnit.size());
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return {};
  if (dash == 0) return ParseSuffix(text.substr(1), size);
  const auto first = ParseNumber(text.substr(0, dash));
  if (!first) return {};
  std::uint64_t last = size == 0 ? 0 : size - 1;
  if (dash + 1 < text.size()) {
    const auto stated = ParseNumber(text.substr(dash + 1));
    if (!stated || *stated < *first) return {};
    last = std::min(last, *stated);
  }
  if (*first >= size) return {.state = RangeState::kOutside};
  return {.state = RangeState::kUsable, .range = {.first = *first, .last = last}};
}

RangeRequest RangeOf(const Request& request, const FaultPlan& plan, const FileToServe& file) {
  const auto header = request.headers.Find("Range");
  if (!header || plan.Claims(FaultKind::kIgnoreRange)) return {};
  const auto condition = request.headers.Find("If-Range");
  if (condition && *condition != file.etag) return {};
  return ParseRange(*header, file.content->size());
}

void SetPart(Response& response, const FaultPlan& plan, ByteRange range, std::uint64_t size) {
  if (const FaultRule* rule = plan.Claim(FaultKind::kWrongRange)) {
    const std::int64_t moved = static_cast<std::int64_t>(range.first) + rule->amount;
    const std::uint64_t length = range.last - range.first + 1;
    range.first = std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(moved, 0)), size - 1);
    range.last = std::min(range.first + length, size) - 1;
  }
  response.status = 206;
  response.offset = range.first;
  response.length = range.last - range.first + 1;
  response.headers.Set("Content-Range", fmt::format("bytes {}-{}/{}", range.first, range.last, size));
}

bool IsUnchanged(const Request& request, const std::string& etag) {
  const auto condition = request.headers.Find("If-None-Match");
  return condition && (*condition == "*" || condition->find(etag) != std::string::npos);
}

}  // namespace

Response FileAnswer(const Request& request, const FaultPlan& plan, FileToServe file) {
  if (plan.Claims(FaultKind::kNewContent)) {
    file.content = AlteredContent(file.content);
    file.etag = AlteredEtag(file.etag);
  }
  const std::uint64_t size = file.content->size();
  Response response;
  response.headers.Set("ETag", file.etag);
  response.headers.Set("Accept-Ranges", "bytes");
  if (IsUnchanged(request, file.etag)) {
    response.status = 304;
    return response;
  }
  const RangeRequest wanted = RangeOf(request, plan, file);
  if (wanted.state == RangeState::kOutside) {
    response = TextAnswer("Range Not Satisfiable", 416);
    response.headers.Set("Content-Range", fmt::format("bytes */{}", size));
    return response;
  }
  response.headers.Set("Content-Type", file.content_type.empty() ? std::string("application/octet-stream")
                                                                 : file.content_type);
  response.headers.Set("Content-Disposition", fmt::format("inline; filename*=UTF-8''{0}; filename=\"{0}\";",
                                                          PercentEncode(file.file_name)));
  response.body = file.content;
  response.length = size;
  if (wanted.state == RangeState::kUsable) SetPart(response, plan, wanted.range, size);
  return response;
}

std::string ContentTypeFor(const std::string& path) {
  constexpr std::array<std::string_view, 9> kText = {".json", ".md",  ".txt",   ".yaml",         ".yml",
                                                     ".py",   ".csv", ".jinja", ".gitattributes"};
  const bool is_text =
      std::ranges::any_of(kText, [&path](std::string_view suffix) { return path.ends_with(suffix); });
  return is_text ? "text/plain; charset=utf-8" : "application/octet-stream";
}

}  // namespace batuta::hubsim
