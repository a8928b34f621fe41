// Made-up files that are what their names say, since what is pulled is judged by its content.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace batuta {

// A valid file of a given size: `head`, then as many bytes as are missing, then `tail`. Those bytes may be
// anything, or anything that LetterFor() gives when `is_text`.
struct SampleShell {
  std::string head = {};
  std::string tail = {};
  bool is_text = false;
};

// Text has letters only: nothing that is a mark-up of something.
constexpr char LetterFor(char byte) {
  return static_cast<char>('a' + (static_cast<unsigned char>(byte) & 15U));
}

// By the extension of `path`: .gguf; .parquet; .json, a string; .txt, .md, .csv, .jsonl and the like;
// safetensors for .safetensors and for names that promise nothing (.bin, .dat, none).
//   kInvalidArgument    no file of that kind can be as small as that, or no content is known for the
//   extension.
absl::StatusOr<SampleShell> SampleShellFor(std::string_view path, uint64_t size_bytes);

// The whole file, filled from `seed`. Aborts where SampleShellFor fails.
std::string SampleFile(std::string_view path, uint64_t size_bytes, uint32_t seed = 1);

}  // namespace batuta
