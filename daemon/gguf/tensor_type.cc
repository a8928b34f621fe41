#include "daemon/gguf/tensor_type.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace batuta::gguf {
namespace {

constexpr TensorType kWithdrawn{};

constexpr std::array<TensorType, kTensorTypeCount> kTypes = {{
    {"F32", 1, 4},         // 0
    {"F16", 1, 2},         // 1
    {"Q4_0", 32, 18},      // 2
    {"Q4_1", 32, 20},      // 3
    kWithdrawn,            // 4
    kWithdrawn,            // 5
    {"Q5_0", 32, 22},      // 6
    {"Q5_1", 32, 24},      // 7
    {"Q8_0", 32, 34},      // 8
    {"Q8_1", 32, 36},      // 9
    {"Q2_K", 256, 84},     // 10
    {"Q3_K", 256, 110},    // 11
    {"Q4_K", 256, 144},    // 12
    {"Q5_K", 256, 176},    // 13
    {"Q6_K", 256, 210},    // 14
    {"Q8_K", 256, 292},    // 15
    {"IQ2_XXS", 256, 66},  // 16
    {"IQ2_XS", 256, 74},   // 17
    {"IQ3_XXS", 256, 98},  // 18
    {"IQ1_S", 256, 50},    // 19
    {"IQ4_NL", 32, 18},    // 20
    {"IQ3_S", 256, 110},   // 21
    {"IQ2_S", 256, 82},    // 22
    {"IQ4_XS", 256, 136},  // 23
    {"I8", 1, 1},          // 24
    {"I16", 1, 2},         // 25
    {"I32", 1, 4},         // 26
    {"I64", 1, 8},         // 27
    {"F64", 1, 8},         // 28
    {"IQ1_M", 256, 56},    // 29
    {"BF16", 1, 2},        // 30
    kWithdrawn,            // 31
    kWithdrawn,            // 32
    kWithdrawn,            // 33
    {"TQ1_0", 256, 54},    // 34
    {"TQ2_0", 256, 66},    // 35
    kWithdrawn,            // 36
    kWithdrawn,            // 37
    kWithdrawn,            // 38
    {"MXFP4", 32, 17},     // 39
    {"NVFP4", 64, 36},     // 40
    {"Q1_0", 128, 18},     // 41
    {"Q2_0", 64, 18},      // 42
}};

// 36 was IQ4_NL_4_4 once; files that are of it are bitnet.cpp's.
constexpr std::array<std::pair<uint32_t, std::string_view>, 26> kForeignNames = {{
    {4, "Q4_2"},     {5, "Q4_3"},        {31, "Q4_0_4_4"},   {32, "Q4_0_4_8"}, {33, "Q4_0_8_8"},
    {36, "I2_S"},    {37, "IQ4_NL_4_8"}, {38, "IQ4_NL_8_8"}, {133, "Q6_0"},    {134, "IQ1_BN"},
    {135, "IQ2_BN"}, {137, "IQ2_K"},     {138, "IQ3_K"},     {139, "IQ4_K"},   {140, "IQ5_K"},
    {141, "IQ6_K"},  {144, "IQ4_KS"},    {145, "IQ2_KS"},    {146, "IQ4_KSS"}, {152, "IQ5_KS"},
    {153, "IQ2_KT"}, {154, "IQ3_KT"},    {155, "IQ4_KT"},    {156, "IQ3_KS"},  {157, "IQ2_KL"},
    {158, "IQ1_KT"},
}};

}  // namespace

const TensorType* FindTensorType(uint32_t id) {
  if (id >= kTypes.size() || kTypes[id].block_elements == 0) return nullptr;
  return &kTypes[id];
}

std::string ForeignTypeName(uint32_t id) {
  for (const auto& [known, name] : kForeignNames) {
    if (known == id) return std::string(name);
  }
  return fmt::format("type {}", id);
}

}  // namespace batuta::gguf
