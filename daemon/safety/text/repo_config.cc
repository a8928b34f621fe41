#include "daemon/safety/text/repo_config.h"

#include <string_view>

#include "daemon/safety/base/rules.h"
#include "daemon/safety/text/config_rules.h"
#include "daemon/safety/text/json.h"
#include "daemon/safety/text/rules.h"

namespace batuta::safety {
namespace {

const Rule& RuleOf(JsonFault::Kind kind) {
  switch (kind) {
    case JsonFault::Kind::kDuplicateKey:
      return rules::kJsonDuplicateKey;
    case JsonFault::Kind::kTooDeep:
    case JsonFault::Kind::kTooMuch:
      return rules::kTooComplex;
    case JsonFault::Kind::kSyntax:
    case JsonFault::Kind::kText:
    case JsonFault::Kind::kTrailing:
    case JsonFault::Kind::kCutOff:
      return rules::kJsonBroken;
  }
  return rules::kJsonBroken;
}

void Hand(const JsonReader& reader, ConfigRules& rules) {
  switch (reader.token()) {
    case JsonToken::kBeginObject:
      return rules.BeginObject();
    case JsonToken::kBeginArray:
      return rules.BeginArray();
    case JsonToken::kEndObject:
    case JsonToken::kEndArray:
      return rules.End();
    case JsonToken::kKey:
      return rules.Key(reader.text());
    case JsonToken::kString:
      return rules.String(reader.text(), reader.text_bytes(), reader.token_offset());
    case JsonToken::kTrue:
    case JsonToken::kFalse:
      return rules.Boolean(reader.token() == JsonToken::kTrue, reader.token_offset());
    case JsonToken::kNumber:
    case JsonToken::kNull:
      return rules.Other();
    case JsonToken::kEnd:
    case JsonToken::kFault:
      return;
  }
}

}  // namespace

absl::Status InspectRepoConfig(Subject& subject, bool is_config) {
  // Python's own reader and writer have NaN, and many a file of data is JSON Lines by another name.
  JsonReader reader(subject.bytes(), {.non_finite = true, .many_values = true});
  ConfigRules rules(subject);
  while (reader.Next() != JsonToken::kEnd && reader.token() != JsonToken::kFault) {
    if (is_config) Hand(reader, rules);
  }
  if (!reader.status().ok()) return reader.status();
  if (reader.token() == JsonToken::kFault) {
    subject.Add(RuleOf(reader.fault().kind), reader.fault().offset, reader.fault().text);
  }
  return absl::OkStatus();
}

}  // namespace batuta::safety
