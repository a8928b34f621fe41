#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// The wire format of protobuf, field by field: `BytesField(7, VarintField(1, 3))` is field 7, a message whose
// field 1 is 3.
namespace batuta::formats {

std::string Varint(uint64_t value);

std::string VarintField(uint32_t number, uint64_t value);

std::string BytesField(uint32_t number, std::string_view content);

std::string FloatField(uint32_t number, float value);

}  // namespace batuta::formats
