#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "daemon/gguf/byte_source.h"
#include "daemon/gguf/metadata.h"

// The header of a GGUF file of which only some windows are here. All functions read from the beginning and
// pass on kOutOfRange of the source, which then knows which bytes to get (those from the offset that it was
// asked for). Other errors: as ReadMetadata(). Memory is bounded by what is kept, never by what a file says.
namespace batuta::gguf {

// What a model is like. In the first 1-4 KB of real files, since the keys of the tokenizer come last.
struct HyperParameters {
  std::string architecture;  // "" = the file does not say
  uint64_t token_count = 0;  // of the vocabulary; 0 = the file has none

  // `general.*`, `split.*`, and those of the architecture; arrays of whole numbers and booleans with their
  // elements.
  Metadata metadata;

  // The value of `<architecture>.<key>`; nothing when it is missing or no whole number (or boolean). A
  // scalar may stand in an array of one.
  std::optional<int64_t> Number(std::string_view key) const;

  // The same, one for each layer: empty when it is missing; one element for a scalar, which holds for all.
  std::vector<int64_t> Numbers(std::string_view key) const;

  // The value of `<architecture>.<key>` when that is a text.
  std::optional<std::string_view> Text(std::string_view key) const;
};

// Stops at the vocabulary when the keys of the architecture came before it: then it needs no byte behind the
// count of tokens. Else, and in the later parts of a split model, which have neither, it reads all keys.
absl::StatusOr<HyperParameters> ReadHyperParameters(ByteSource& file);

struct Tensor {
  std::string name;
  uint32_t type = 0;                               // id, see tensor_type.h
  std::array<uint64_t, 4> dimensions{1, 1, 1, 1};  // the row first
  uint64_t offset = 0;                             // from the beginning of the data
  uint64_t size_bytes = 0;                         // of a type that is not known: up to the next tensor

  uint64_t elements() const { return dimensions[0] * dimensions[1] * dimensions[2] * dimensions[3]; }
};

// Where the tensors' descriptions stand in a file.
struct InfosPlace {
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct Header {
  HyperParameters parameters;
  std::vector<Tensor> tensors;  // in the order of the file
  InfosPlace infos;
  uint64_t alignment = 32;
  uint64_t data_offset = 0;  // where the data of the tensors begin

  uint64_t data_bytes = 0;  // of all tensors, each but the last with its padding

  // Names a type of some tensor that the usual programs do not load, "" = none.
  std::string foreign_type;
};

// Reads everything: keys, passing over the vocabulary (arrays of fixed-width elements without their bytes,
// arrays of texts by walking them), and the tensors' descriptions.
//   kDataLoss  also: descriptions that contradict each other or the size of the file.
absl::StatusOr<Header> ReadHeader(ByteSource& file);

// Where in a file of `file_bytes` of the same model the descriptions will be, with room for what differs:
// file names, texts of an importance matrix, split keys.
InfosPlace LikelyInfos(const Header& sibling, uint64_t file_bytes);

// The tensors' descriptions in `window`, the bytes from `window_offset` on of a file of `file_bytes`. They
// are taken only when the data that they describe fill the file to its last byte. The answer has the
// parameters and the alignment of the sibling.
//   kOutOfRange  they begin here and go on behind the window.
//   kNotFound    not here, or of types that are not known: only ReadHeader() will tell.
absl::StatusOr<Header> FindTensorInfos(const Header& sibling, std::string_view window, uint64_t window_offset,
                                       uint64_t file_bytes);

}  // namespace batuta::gguf
