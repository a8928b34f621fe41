#include "tests/support/formats/level_table.h"

#include "tests/support/formats/protobuf.h"

namespace batuta::formats {
namespace {

std::string Handle(size_t offset, size_t size_bytes) {
  return Varint(offset) + Varint(size_bytes);
}

}  // namespace

std::string LevelBlock(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string block;
  for (const auto& [key, value] : entries) {
    block += Varint(0) + Varint(key.size()) + Varint(value.size()) + key + value;
  }
  return block + std::string("\0\0\0\0\1\0\0\0", 8);
}

std::string LevelTable(const std::vector<std::string>& blocks, const std::string& before, char packed) {
  const std::string trailer = packed + std::string(4, 'c');
  std::string table = before;
  std::vector<std::pair<std::string, std::string>> index;
  for (const std::string& block : blocks) {
    index.emplace_back("key" + std::to_string(index.size()), Handle(table.size(), block.size()));
    table += block + trailer;
  }
  const std::string more = LevelBlock({});
  std::string footer = Handle(table.size(), more.size());
  table += more + trailer;
  footer += Handle(table.size(), LevelBlock(index).size());
  table += LevelBlock(index) + trailer;
  footer.resize(40);
  return table + footer + "\x57\xfb\x80\x8b\x24\x75\x47\xdb";
}

}  // namespace batuta::formats
