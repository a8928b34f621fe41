// The head of an answer, line by line, and all that is read from its fields: no crash, and bounds are kept.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "daemon/budget/window.h"
#include "daemon/hub/range_answer.h"
#include "daemon/transport/head_parser.h"
#include "daemon/transport/header_fields.h"

namespace {

using batuta::transport::HeadParser;
using batuta::transport::HttpHead;

void ReadFields(const HttpHead& head) {
  batuta::budget::ParseRateLimit(head);
  for (const batuta::transport::HttpHeader& field : head.headers) {
    const auto delay = batuta::transport::ParseRetryAfter(field.value, batuta::WallTime());
    if (delay.has_value() && delay->count() < 0) std::abort();
    batuta::transport::ParseHttpDate(field.value);
    batuta::hub::LinkExpiry(field.value);
  }
  static const batuta::CommitId commit = *batuta::CommitId::Parse(std::string(40, 'a'));
  static const batuta::Entry entry{*batuta::RepoPath::Parse("model.safetensors"), 1'000,
                                   *batuta::BlobId::Parse(std::string(64, 'b')), ""};
  const batuta::hub::ExpectedRange expected{commit, entry, {100, 200}};
  batuta::hub::CheckIdentity(head, expected).IgnoreError();
  const auto begin = batuta::hub::BeginOfBody(head, expected);
  if (begin.ok() && *begin != 0 && *begin != 100) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  HeadParser parser;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end == text.npos ? text.size() : end + 1);
    text.remove_prefix(line.size());
    const HeadParser::Step step = parser.Feed(line);
    if (step == HeadParser::Step::kTooLarge || step == HeadParser::Step::kMalformed) return 0;
  }
  if (parser.head().headers.size() > HeadParser::kMaxHeaders) std::abort();
  ReadFields(parser.head());
  return 0;
}
