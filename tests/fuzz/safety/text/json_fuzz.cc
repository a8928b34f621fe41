// What the reader takes, another parser takes as well; what it refuses beyond that, it refuses for a reason
// of its own; and every token lies inside the text.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <nlohmann/json.hpp>

#include "daemon/safety/text/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using batuta::safety::JsonFault;
  using batuta::safety::JsonToken;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  batuta::safety::MemorySource source(text);
  batuta::safety::JsonReader reader(source, {.string_bytes = 64, .keys = 100});
  uint64_t before = 0;
  bool may_overflow = false;  // the other parser refuses numbers that no double holds
  while (reader.Next() != JsonToken::kEnd && reader.token() != JsonToken::kFault) {
    if (reader.token_offset() < before || reader.offset() > size || reader.text().size() > 4096) std::abort();
    before = reader.offset();
    if (reader.token() == JsonToken::kNumber) {
      may_overflow |=
          reader.text().size() > 300 || reader.text().find_first_of("eE") != std::string_view::npos;
    }
  }
  const bool is_json = nlohmann::json::accept(text);
  if (reader.token() == JsonToken::kEnd) {
    if (!is_json && !may_overflow) std::abort();
  } else if (is_json) {
    const JsonFault::Kind kind = reader.fault().kind;
    const bool is_ours = kind == JsonFault::Kind::kDuplicateKey || kind == JsonFault::Kind::kTooDeep ||
                         kind == JsonFault::Kind::kTooMuch || text.starts_with("\xEF\xBB\xBF") ||
                         text.find('\0') != std::string_view::npos;  // which ends the text for the other
    if (!is_ours) std::abort();
  }
  return 0;
}
