#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

// The blocks of a tar, as they stand in its bytes. Pure.
namespace batuta::safety::tar {

inline constexpr size_t kBlockBytes = 512;

struct Header {
  std::string name;
  uint64_t size_bytes = 0;
  uint32_t mode = 0;
  char type = '0';  // NUL became '0'
};

// Is the checksum of a block right, counted in either of the two ways that readers accept?
bool HasChecksum(std::string_view block);

// Nothing where readers would not all see the same.
std::optional<Header> ParseHeader(std::string_view block);

using PaxRecords = std::map<std::string, std::string, std::less<>>;

// The content of a pax header: `LENGTH KEY=VALUE` lines to the last byte, no key twice.
std::optional<PaxRecords> ParsePax(std::string_view content);

// What a pax record says is a size. Nothing when it is no plain decimal number.
std::optional<uint64_t> ParsePaxSize(std::string_view value);

bool IsZero(std::string_view bytes);

}  // namespace batuta::safety::tar
