#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// A tar as the blocks it is made of, each of which a test may bend before it is written.
namespace batuta::test {

struct TarMember {
  std::string name;
  std::string content;
  char type = '0';
  std::string magic = std::string(
      "ustar\0"
      "00",
      8);
  std::string prefix;
  std::string link;
  std::optional<std::string> size_field;  // twelve bytes
  std::string time_field = "14533742400";
  uint32_t mode = 0644;
  bool checksum_is_right = true;
  std::string padding;  // instead of zeros, from its beginning
};

struct TarModel {
  std::vector<TarMember> members;
  std::string end = std::string(1024, '\0');
};

TarMember TarFile(std::string_view name, std::string_view content);

// Content of a pax header: one record.
std::string PaxRecord(std::string_view key, std::string_view value);

std::string WriteTar(const TarModel& model);

}  // namespace batuta::test
