#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Writes msgpack as Flax does.
namespace batuta::formats {

std::string MsgpackNumber(uint64_t number);

std::string MsgpackText(std::string_view text);

std::string MsgpackBytes(std::string_view bytes);

std::string MsgpackArray(const std::vector<std::string>& values);

// The values as they stand in the file.
std::string MsgpackMap(const std::vector<std::pair<std::string, std::string>>& pairs);

std::string MsgpackExtension(int8_t type, std::string_view content);

// An array of numbers.
std::string MsgpackNdarray(const std::vector<uint64_t>& shape, std::string_view dtype,
                           std::string_view bytes);

// Any valid file, of a few kilobytes.
std::string RandomMsgpack(std::mt19937_64& random);

}  // namespace batuta::formats
