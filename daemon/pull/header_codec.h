#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "daemon/gguf/header.h"

// The bytes in which the catalog keeps the header of a GGUF file: numbers of variable length, texts with
// their length before them. What is in it came from outside and comes from disk, so decoding bounds
// everything by the bytes that are there.
namespace batuta::pull {

std::string EncodeHeader(const gguf::Header& header);

//   kDataLoss (CATALOG_DAMAGED)  it is not such a record.
absl::StatusOr<gguf::Header> DecodeHeader(std::string_view bytes);

}  // namespace batuta::pull
