#include "tests/hubsim/fault_json.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/hubsim/json_fields.h"

namespace batuta::hubsim {
namespace {

using nlohmann::json;

constexpr std::array kKinds = {
    std::pair<std::string_view, FaultKind>{"cut", FaultKind::kCut},
    std::pair<std::string_view, FaultKind>{"stall", FaultKind::kStall},
    std::pair<std::string_view, FaultKind>{"slow", FaultKind::kSlow},
    std::pair<std::string_view, FaultKind>{"content_length", FaultKind::kContentLength},
    std::pair<std::string_view, FaultKind>{"flip_byte", FaultKind::kFlipByte},
    std::pair<std::string_view, FaultKind>{"etag", FaultKind::kEtag},
    std::pair<std::string_view, FaultKind>{"new_content", FaultKind::kNewContent},
    std::pair<std::string_view, FaultKind>{"ignore_range", FaultKind::kIgnoreRange},
    std::pair<std::string_view, FaultKind>{"wrong_range", FaultKind::kWrongRange},
    std::pair<std::string_view, FaultKind>{"status", FaultKind::kStatus},
    std::pair<std::string_view, FaultKind>{"status_after", FaultKind::kStatusAfter},
    std::pair<std::string_view, FaultKind>{"status_early", FaultKind::kStatusEarly},
    std::pair<std::string_view, FaultKind>{"cut_upload", FaultKind::kCutUpload},
    std::pair<std::string_view, FaultKind>{"stall_upload", FaultKind::kStallUpload},
    std::pair<std::string_view, FaultKind>{"slow_upload", FaultKind::kSlowUpload},
    std::pair<std::string_view, FaultKind>{"flip_mode", FaultKind::kFlipMode},
    std::pair<std::string_view, FaultKind>{"ignore_file", FaultKind::kIgnoreFile},
    std::pair<std::string_view, FaultKind>{"object_error", FaultKind::kObjectError},
    std::pair<std::string_view, FaultKind>{"missing_part", FaultKind::kMissingPart},
    std::pair<std::string_view, FaultKind>{"expired", FaultKind::kExpired},
    std::pair<std::string_view, FaultKind>{"latency", FaultKind::kLatency},
    std::pair<std::string_view, FaultKind>{"garbage_json", FaultKind::kGarbageJson},
    std::pair<std::string_view, FaultKind>{"endless_body", FaultKind::kEndlessBody},
    std::pair<std::string_view, FaultKind>{"redirect_loop", FaultKind::kRedirectLoop},
    std::pair<std::string_view, FaultKind>{"header_bomb", FaultKind::kHeaderBomb},
    std::pair<std::string_view, FaultKind>{"set_header", FaultKind::kSetHeader},
    std::pair<std::string_view, FaultKind>{"drop_header", FaultKind::kDropHeader},
    std::pair<std::string_view, FaultKind>{"gzip", FaultKind::kGzip},
    std::pair<std::string_view, FaultKind>{"reset", FaultKind::kReset},
    std::pair<std::string_view, FaultKind>{"reset_at_accept", FaultKind::kResetAtAccept},
};

constexpr std::array<std::string_view, 14> kKeys = {
    "kind",     "listener", "path",    "method", "skip",  "count",       "amount",
    "at_bytes", "status",   "headers", "body",   "value", "duration_ms", "bytes_per_second"};

absl::Status Wrong(const std::string& what) {
  return absl::InvalidArgumentError("fault: " + what);
}

absl::Status ParseKind(const json& object, FaultRule& rule) {
  const std::string name = JsonString(object, "kind");
  const auto* const row = std::ranges::find(kKinds, name, [](const auto& pair) { return pair.first; });
  if (row == kKinds.end()) {
    return Wrong(
        fmt::format("\"kind\" is \"{}\"; it must be one of {}", name, fmt::join(FaultKindNames(), ", ")));
  }
  rule.kind = row->second;
  return absl::OkStatus();
}

absl::Status ParseListener(const json& object, FaultRule& rule) {
  const std::string name = JsonString(object, "listener", "any");
  if (name == "hub") {
    rule.listener = Listener::kHub;
  } else if (name == "cdn") {
    rule.listener = Listener::kCdn;
  } else if (name != "any") {
    return Wrong("\"listener\" must be hub, cdn or any");
  }
  return absl::OkStatus();
}

absl::StatusOr<FaultRule> ParseFault(const json& object) {
  if (!object.is_object()) return Wrong("expected an object");
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(kKeys, key) == kKeys.end()) {
      return Wrong(fmt::format("unknown key \"{}\"; known are {}", key, fmt::join(kKeys, ", ")));
    }
  }
  FaultRule rule;
  if (absl::Status status = ParseKind(object, rule); !status.ok()) return status;
  if (absl::Status status = ParseListener(object, rule); !status.ok()) return status;
  rule.path = JsonString(object, "path");
  rule.method = JsonString(object, "method");
  rule.skip = static_cast<int>(JsonInteger(object, "skip", 0));
  rule.count =
      JsonString(object, "count") == "always" ? kAlways : static_cast<int>(JsonInteger(object, "count", 1));
  rule.at_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(JsonInteger(object, "at_bytes"), 0));
  rule.amount = JsonInteger(object, "amount");
  rule.bytes_per_second =
      static_cast<std::uint64_t>(std::max<std::int64_t>(JsonInteger(object, "bytes_per_second"), 0));
  rule.duration = std::chrono::milliseconds(JsonInteger(object, "duration_ms"));
  rule.status = static_cast<int>(JsonInteger(object, "status", rule.status));
  rule.body = JsonString(object, "body");
  rule.value = JsonString(object, "value");
  if (object.contains("headers") && object.at("headers").is_object()) {
    for (const auto& [name, value] : object.at("headers").items()) {
      rule.headers.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  return rule;
}

}  // namespace

absl::StatusOr<std::vector<FaultRule>> ParseFaults(const std::string& text) {
  json parsed = json::parse(text, nullptr, false);
  if (parsed.is_discarded()) return Wrong("no JSON");
  if (parsed.is_object()) parsed = json::array({parsed});
  if (!parsed.is_array()) return Wrong("expected an object or an array");
  std::vector<FaultRule> rules;
  for (const json& object : parsed) {
    absl::StatusOr<FaultRule> rule = ParseFault(object);
    if (!rule.ok()) return rule.status();
    rules.push_back(*std::move(rule));
  }
  return rules;
}

std::vector<std::string> FaultKindNames() {
  std::vector<std::string> names;
  for (const auto& [name, kind] : kKinds) names.emplace_back(name);
  return names;
}

}  // namespace batuta::hubsim
