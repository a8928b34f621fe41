#include "daemon/gguf/header.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/gguf/format.h"
#include "daemon/gguf/reader.h"
#include "daemon/gguf/tensor_type.h"

namespace batuta::gguf {
namespace {

constexpr Limits kLimits = {.text_bytes = 1 << 20, .kept_elements = 4096};
constexpr uint64_t kMostTensors = 100'000;    // what is kept of one takes about 200 bytes
constexpr uint64_t kMostNameBytes = 127;      // ggml reads 63
constexpr uint64_t kMostAlignment = 1 << 20;  // as large as a page may be
constexpr uint64_t kMostWeightsOfByte = 8;

// Room for what differs between the headers of variants of one model.
constexpr uint64_t kRoomBefore = 8 << 10;
constexpr uint64_t kRoomBehind = 16 << 10;

constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
constexpr std::string_view kArchitecture = "general.architecture";

bool IsKept(std::string_view key) {
  return !key.starts_with("tokenizer.") && !key.starts_with("quantize.");
}

// The keys, until `may_stop` and the vocabulary comes behind those of the architecture.
absl::StatusOr<HyperParameters> ReadKeys(Reader& reader, bool may_stop) {
  HyperParameters read;
  auto& values = read.metadata.values;
  ASSIGN_OR_RETURN(const uint64_t key_count, reader.ReadHead(&read.metadata));
  for (uint64_t i = 0; i < key_count; ++i) {
    ASSIGN_OR_RETURN(Reader::Key key, reader.NextKey());
    if (key.name == kTokens && key.type == ValueType::kArray && may_stop) {
      const auto architecture = read.metadata.Text(kArchitecture);
      const bool has_layers =
          architecture.has_value() && values.contains(fmt::format("{}.block_count", *architecture));
      if (has_layers) {
        ASSIGN_OR_RETURN(const Reader::ArrayHead head, reader.NextArrayHead());
        read.token_count = head.count;
        break;
      }
    }
    if (!IsKept(key.name) && key.name != kTokens) {
      RETURN_IF_ERROR(reader.SkipValue(key));
      continue;
    }
    ASSIGN_OR_RETURN(Value value, reader.NextValue(key));
    const auto [place, is_new] = values.emplace(std::move(key.name), std::move(value));
    if (!is_new) return Malformed("a key comes twice");
  }
  if (const auto found = values.find(kTokens); found != values.end()) {
    if (const auto* tokens = std::get_if<Array>(&found->second)) read.token_count = tokens->count;
    values.erase(found);
  }
  read.metadata.end_offset = reader.stream().offset();
  read.architecture = read.metadata.Text(kArchitecture).value_or("");
  const std::string own = read.architecture + ".";
  std::erase_if(values, [&](const auto& pair) {
    return !pair.first.starts_with("general.") && !pair.first.starts_with("split.") &&
           (read.architecture.empty() || !pair.first.starts_with(own));
  });
  return read;
}

absl::StatusOr<uint64_t> AlignmentOf(const Metadata& metadata) {
  if (!metadata.values.contains("general.alignment")) return kDefaultAlignment;
  const int64_t alignment = metadata.Number("general.alignment").value_or(0);
  if (alignment <= 0 || alignment > static_cast<int64_t>(kMostAlignment) ||
      !std::has_single_bit(static_cast<uint64_t>(alignment))) {
    return Malformed("an impossible alignment");
  }
  return static_cast<uint64_t>(alignment);
}

// Up to the next multiple of a power of two; numbers here stay far below the largest.
uint64_t Padded(uint64_t bytes, uint64_t alignment) {
  return (bytes + alignment - 1) & ~(alignment - 1);
}

// Bytes of the tensor when its type is known, and says no nonsense.
absl::StatusOr<uint64_t> SizeOf(const Tensor& tensor, const TensorType& type) {
  if (tensor.dimensions[0] % type.block_elements != 0) {
    return Malformed(fmt::format("rows of {} in blocks of {}", tensor.dimensions[0], type.block_elements));
  }
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(tensor.elements() / type.block_elements, uint64_t{type.block_bytes}, &bytes)) {
    return Malformed("a tensor of more bytes than can be counted");
  }
  return bytes;
}

// The name was read.
absl::StatusOr<Tensor> ReadShape(Stream& stream, std::string name) {
  Tensor tensor;
  tensor.name = std::move(name);
  ASSIGN_OR_RETURN(const uint32_t dimensions, stream.Next<uint32_t>());
  if (dimensions > kMostDimensions) return Malformed(fmt::format("a tensor of {} dimensions", dimensions));
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  uint64_t elements = 1;
  for (uint32_t i = 0; i < dimensions; ++i) {
    ASSIGN_OR_RETURN(tensor.dimensions[i], stream.Next<uint64_t>());
    const bool is_too_much = tensor.dimensions[i] > kMost ||
                             __builtin_mul_overflow(elements, tensor.dimensions[i], &elements) ||
                             elements > kMost;
    if (is_too_much) return Malformed("a tensor of more elements than can be counted");
  }
  ASSIGN_OR_RETURN(tensor.type, stream.Next<uint32_t>());
  ASSIGN_OR_RETURN(tensor.offset, stream.Next<uint64_t>());
  return tensor;
}

absl::StatusOr<Tensor> ReadTensor(Stream& stream) {
  ASSIGN_OR_RETURN(const uint64_t length, stream.Next<uint64_t>());
  if (length == 0 || length > kMostNameBytes)
    return Malformed(fmt::format("a tensor's name of {} bytes", length));
  std::string name(static_cast<size_t>(length), '\0');
  RETURN_IF_ERROR(stream.Read(std::as_writable_bytes(std::span(name))));
  return ReadShape(stream, std::move(name));
}

// Do data of that many bytes end with the file, whether the last tensor is padded or not?
bool Fills(uint64_t data_offset, uint64_t data_bytes, uint64_t alignment, uint64_t file_bytes) {
  uint64_t end = 0;
  if (__builtin_add_overflow(data_offset, data_bytes, &end) || end > file_bytes) return false;
  return file_bytes - end < alignment;
}

// Sizes of the tensors, which must stand one behind the other up to the end of the file.
absl::Status Measure(Header& header, uint64_t file_bytes) {
  if (header.tensors.empty()) return absl::OkStatus();
  if (header.data_offset > file_bytes) return Malformed("it ends before its tensors");
  const uint64_t data_bytes = file_bytes - header.data_offset;
  uint64_t elements = 0;
  for (size_t i = 0; i < header.tensors.size(); ++i) {
    Tensor& tensor = header.tensors[i];
    const uint64_t due = Padded(header.data_bytes, header.alignment);
    const TensorType* type = FindTensorType(tensor.type);
    if (tensor.offset > data_bytes) return Malformed("a tensor begins behind the end");
    if (type == nullptr) {
      if (header.foreign_type.empty()) header.foreign_type = ForeignTypeName(tensor.type);
      const bool is_last = i + 1 == header.tensors.size();
      const uint64_t end = is_last ? data_bytes : std::min(header.tensors[i + 1].offset, data_bytes);
      if (end < tensor.offset) return Malformed("tensors are out of order");
      tensor.size_bytes = end - tensor.offset;
    } else {
      ASSIGN_OR_RETURN(tensor.size_bytes, SizeOf(tensor, *type));
    }
    if (tensor.offset != due) return Malformed(fmt::format("tensor {} does not begin where it is due", i));
    if (tensor.size_bytes > data_bytes - tensor.offset) return Malformed("the file ends inside a tensor");
    header.data_bytes = tensor.offset + tensor.size_bytes;
    if (__builtin_add_overflow(elements, tensor.elements(), &elements) ||
        elements / kMostWeightsOfByte > file_bytes) {
      return Malformed("more weights than the file has bits");
    }
  }
  if (!Fills(header.data_offset, header.data_bytes, header.alignment, file_bytes)) {
    return Malformed("its tensors do not fill the file");
  }
  return absl::OkStatus();
}

// The descriptions that begin at `begin` of the window, as many as there are until the data that they
// describe fill the file. nullopt = it is something else that begins there.
absl::StatusOr<std::optional<Header>> FollowInfos(uint64_t alignment, std::string_view window, size_t begin,
                                                  uint64_t window_offset, uint64_t file_bytes) {
  Header header;
  header.alignment = alignment;
  header.infos.begin = window_offset + begin;
  // The end of the window is the end of all that there is; what is cut off there is asked for.
  WindowSource source(window, file_bytes - window_offset);
  Stream stream(source, std::numeric_limits<uint64_t>::max());
  RETURN_IF_ERROR(stream.Skip(begin));
  while (header.tensors.size() < kMostTensors) {
    absl::StatusOr<Tensor> tensor = ReadTensor(stream);
    // Any text at the end of the window may be the name of a first one.
    if (absl::IsOutOfRange(tensor.status()) && !header.tensors.empty()) return tensor.status();
    if (!tensor.ok()) return std::nullopt;
    const TensorType* type = FindTensorType(tensor->type);
    if (type == nullptr || tensor->offset != Padded(header.data_bytes, alignment)) return std::nullopt;
    const absl::StatusOr<uint64_t> bytes = SizeOf(*tensor, *type);
    if (!bytes.ok() || *bytes == 0 || *bytes > file_bytes - std::min(tensor->offset, file_bytes)) {
      return std::nullopt;
    }
    tensor->size_bytes = *bytes;
    header.data_bytes = tensor->offset + *bytes;
    header.tensors.push_back(*std::move(tensor));
    header.infos.end = window_offset + stream.offset();
    header.data_offset = Padded(header.infos.end, alignment);
    if (Fills(header.data_offset, header.data_bytes, alignment, file_bytes)) return header;
  }
  return std::nullopt;
}

bool IsNameByte(char c) {
  return c > ' ' && c < '\x7f';
}

// Could the description of a first tensor begin there, by its name alone?
bool LooksLikeInfo(std::string_view window, size_t begin) {
  constexpr size_t kLengthBytes = sizeof(uint64_t);
  if (window.size() - begin <= kLengthBytes) return false;
  const auto length = static_cast<unsigned char>(window[begin]);
  if (length == 0 || length > kMostNameBytes) return false;
  if (window.substr(begin + 1, kLengthBytes - 1).find_first_not_of('\0') != std::string_view::npos) {
    return false;
  }
  const std::string_view name = window.substr(begin + kLengthBytes, length);
  return name.size() == length && std::all_of(name.begin(), name.end(), IsNameByte);
}

}  // namespace

std::optional<int64_t> HyperParameters::Number(std::string_view key) const {
  const std::vector<int64_t> numbers = Numbers(key);
  if (numbers.size() != 1) return std::nullopt;
  return numbers.front();
}

std::vector<int64_t> HyperParameters::Numbers(std::string_view key) const {
  const auto found = metadata.values.find(fmt::format("{}.{}", architecture, key));
  if (found == metadata.values.end()) return {};
  if (const auto* number = std::get_if<int64_t>(&found->second)) return {*number};
  if (const auto* flag = std::get_if<bool>(&found->second)) return {*flag ? 1 : 0};
  if (const auto* array = std::get_if<Array>(&found->second)) return array->elements;
  return {};
}

std::optional<std::string_view> HyperParameters::Text(std::string_view key) const {
  return metadata.Text(fmt::format("{}.{}", architecture, key));
}

absl::StatusOr<HyperParameters> ReadHyperParameters(ByteSource& file) {
  Reader reader(file, kLimits);
  return ReadKeys(reader, true);
}

absl::StatusOr<Header> ReadHeader(ByteSource& file) {
  Reader reader(file, kLimits);
  Header header;
  ASSIGN_OR_RETURN(header.parameters, ReadKeys(reader, false));
  ASSIGN_OR_RETURN(header.alignment, AlignmentOf(header.parameters.metadata));
  const uint64_t count = header.parameters.metadata.tensor_count;
  if (count > kMostTensors) return TooLarge(fmt::format("{} tensors", count));
  header.infos.begin = reader.stream().offset();
  for (uint64_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(Tensor tensor, ReadTensor(reader.stream()));
    header.tensors.push_back(std::move(tensor));
  }
  header.infos.end = reader.stream().offset();
  header.data_offset = Padded(header.infos.end, header.alignment);
  RETURN_IF_ERROR(Measure(header, file.size_bytes()));
  return header;
}

InfosPlace LikelyInfos(const Header& sibling, uint64_t file_bytes) {
  const uint64_t begin = sibling.infos.begin - std::min(sibling.infos.begin, kRoomBefore);
  return {std::min(begin, file_bytes), std::min(sibling.infos.end + kRoomBehind, file_bytes)};
}

absl::StatusOr<Header> FindTensorInfos(const Header& sibling, std::string_view window, uint64_t window_offset,
                                       uint64_t file_bytes) {
  constexpr int kMostTries = 64;  // of beginnings; real texts hold none but the true one
  int tries = 0;
  if (window_offset > file_bytes || window.size() > file_bytes - window_offset) {
    return absl::InvalidArgumentError("a window beyond its file");
  }
  absl::Status cut = absl::NotFoundError("no descriptions of tensors here");
  for (size_t begin = 0; begin < window.size() && tries < kMostTries; ++begin) {
    if (!LooksLikeInfo(window, begin)) continue;
    absl::StatusOr<std::optional<Header>> found =
        FollowInfos(sibling.alignment, window, begin, window_offset, file_bytes);
    if (absl::IsOutOfRange(found.status())) cut = found.status();
    if (!found.ok() || !found->has_value()) continue;
    Header& header = **found;
    header.parameters = sibling.parameters;
    header.parameters.metadata.tensor_count = header.tensors.size();
    return std::move(header);
  }
  return cut;
}

}  // namespace batuta::gguf
