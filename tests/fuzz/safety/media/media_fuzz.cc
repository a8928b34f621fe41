#include <cstdint>
#include <string_view>

#include "daemon/safety/media/media.h"
#include "tests/support/safety/inspect.h"

// Of whatever kind the bytes claim to be: an answer, without a crash.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto& format : batuta::safety::MediaFormats()) {
    if (size < format.offset || !bytes.substr(format.offset).starts_with(format.signature)) continue;
    batuta::safety::InspectWith(format.inspect, bytes, "file");
  }
  return 0;
}
