#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

#include "common/io/file_system.h"
#include "daemon/gguf/byte_source.h"

namespace batuta::gguf {

// What is told of an array.
struct Array {
  uint32_t element_type = 0;  // as in the file
  uint64_t count = 0;
  std::vector<int64_t> elements{};  // those of whole numbers and booleans, within Limits; else passed over

  friend bool operator==(const Array&, const Array&) = default;
};

// Whole numbers of any width are int64_t, except those beyond it, which only u64 can hold.
using Value = std::variant<int64_t, uint64_t, double, bool, std::string, Array>;

// The key-values of a GGUF file: the beginning of its header.
struct Metadata {
  uint32_t version = 0;
  uint64_t tensor_count = 0;
  uint64_t end_offset = 0;                           // behind the last key-value, where tensor infos begin
  std::map<std::string, Value, std::less<>> values;  // those that were wanted

  // The value of `key` in that type; nothing when it is missing or of another one. A whole number: of any
  // width.
  std::optional<std::string_view> Text(std::string_view key) const;
  std::optional<int64_t> Number(std::string_view key) const;
};

// What a header may take. All are bounds on work and memory, never on what the file says it will be.
struct Limits {
  uint64_t header_bytes = 64 << 20;  // how far into the file the key-values may go
  uint64_t text_bytes = 1 << 20;     // of one text that is kept
  uint64_t kept_bytes = 4 << 20;     // of all that is kept together, keys included
  uint64_t key_count = 100'000;
  uint64_t kept_elements = 0;  // of one array; a longer one is passed over
};

// Reads the key-values of a file, whatever it is: every length is checked against what the file can hold,
// and memory is 64 KiB besides what `wants` keeps. Blocking.
//   kDataLoss           not GGUF version 2 or 3 in little-endian order, or malformed.
//   kResourceExhausted  well-formed so far, and beyond a limit.
//   Else those of reading.
//   kOutOfRange         of the source: bytes that are not here.
absl::StatusOr<Metadata> ReadMetadata(ByteSource& file, absl::FunctionRef<bool(std::string_view key)> wants,
                                      const Limits& limits = {});
absl::StatusOr<Metadata> ReadMetadata(File& file, absl::FunctionRef<bool(std::string_view key)> wants,
                                      const Limits& limits = {});

}  // namespace batuta::gguf
