#include "tests/support/formats/safetensors.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace batuta::formats {
namespace {

struct DType {
  const char* name;
  uint64_t bits;
};

constexpr DType kDTypes[] = {
    {"BOOL", 8},    {"U8", 8},      {"I8", 8},          {"I16", 16},        {"U16", 16},    {"F16", 16},
    {"BF16", 16},   {"I32", 32},    {"U32", 32},        {"F32", 32},        {"I64", 64},    {"U64", 64},
    {"F64", 64},    {"C64", 64},    {"F4", 4},          {"F6_E2M3", 6},     {"F6_E3M2", 6}, {"F8_E5M2", 8},
    {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
};

constexpr const char* kNames[] = {"",          "weight", "l\\u00e4yer.", "a\\\"b", "\xf0\x9f\xa6\xa6",
                                  "os.system", "\\n"};

uint64_t Below(std::mt19937_64& random, uint64_t bound) {
  return std::uniform_int_distribution<uint64_t>(0, bound - 1)(random);
}

// Its entry, with the place in the data that begins at `offset` and is moved behind it.
std::string RandomEntry(std::mt19937_64& random, size_t number, uint64_t& offset) {
  const DType& dtype = kDTypes[Below(random, std::size(kDTypes))];
  std::vector<uint64_t> shape(Below(random, 5));
  for (uint64_t& size : shape) size = Below(random, 5);
  // A multiple of eight elements is whole bytes, whatever the dtype.
  if (dtype.bits % 8 != 0) shape.push_back(8);
  const uint64_t elements = std::accumulate(shape.begin(), shape.end(), uint64_t{1}, std::multiplies<>());
  std::string sizes;
  for (const uint64_t size : shape) sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
  const uint64_t begin = offset;
  offset += elements * dtype.bits / 8;
  std::string fields[] = {std::string("\"dtype\":\"") + dtype.name + "\"", "\"shape\":[" + sizes + "]",
                          "\"data_offsets\":[" + std::to_string(begin) + ", " + std::to_string(offset) + "]"};
  std::shuffle(std::begin(fields), std::end(fields), random);
  // The number makes the name unique.
  return std::string("\"") + kNames[Below(random, std::size(kNames))] + std::to_string(number) + "\": {" +
         fields[0] + "," + fields[1] + " ,\n" + fields[2] + "}";
}

}  // namespace

std::string Safetensors(std::string_view header, uint64_t data_bytes) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + std::string(header) +
         std::string(static_cast<size_t>(data_bytes), '\x2e');
}

std::string RandomSafetensors(std::mt19937_64& random) {
  uint64_t offset = 0;
  std::vector<std::string> entries;
  const size_t count = Below(random, 20);
  for (size_t i = 0; i < count; ++i) entries.push_back(RandomEntry(random, i, offset));
  if (Below(random, 2) == 0) entries.emplace_back(R"("__metadata__":{"format":"pt","a\tb":""})");
  std::shuffle(entries.begin(), entries.end(), random);
  std::string header = Below(random, 8) == 0 ? " \n{" : "{";
  for (const std::string& entry : entries) header += (header.back() == '{' ? "" : ",") + entry;
  header += "}" + std::string(Below(random, 9), ' ');
  return Safetensors(header, offset);
}

}  // namespace batuta::formats
