#pragma once

#include <cstdint>
#include <string_view>

// What the operations of a TensorFlow graph do, as data. Names are compared exactly.
namespace batuta::safety::tensorflow {

enum class Op : uint8_t {
  kPlain,  // computes, or is the plumbing of every saved model; some may still name a file in an argument
  kProgram,
  kFile,
  kNetwork,
  kCustom,  // of a library that TensorFlow does not bring
};

Op OpOf(std::string_view name);

}  // namespace batuta::safety::tensorflow
