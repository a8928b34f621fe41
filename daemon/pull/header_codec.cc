#include "daemon/pull/header_codec.h"

#include <bit>
#include <cstdint>
#include <utility>
#include <variant>

#include "common/status/status.h"

namespace batuta::pull {
namespace {

using gguf::Value;

class Writer {
 public:
  void Number(uint64_t value) {
    constexpr uint64_t kLow = 0x7f;
    for (; value > kLow; value >>= 7) bytes_ += static_cast<char>((value & kLow) | 0x80);
    bytes_ += static_cast<char>(value);
  }

  // Small ones of either sign take few bytes.
  void Signed(int64_t value) {
    const auto bits = static_cast<uint64_t>(value);
    Number((bits << 1) ^ (value < 0 ? ~uint64_t{0} : 0));
  }

  void Text(std::string_view text) {
    Number(text.size());
    bytes_ += text;
  }

  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Once something is not there, everything reads as 0 and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return is_ok_; }

  bool is_at_end() const { return bytes_.empty(); }

  uint64_t Number() {
    constexpr int kMostBits = 63;
    uint64_t value = 0;
    for (int shift = 0; shift <= kMostBits; shift += 7) {
      if (bytes_.empty()) break;
      const auto byte = static_cast<uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    return Fail();
  }

  int64_t Signed() {
    const uint64_t bits = Number();
    return static_cast<int64_t>((bits >> 1) ^ (~(bits & 1) + 1));
  }

  std::string Text() {
    const uint64_t size = Number();
    if (size > bytes_.size()) return Fail(), std::string();
    std::string text(bytes_.substr(0, static_cast<size_t>(size)));
    bytes_.remove_prefix(static_cast<size_t>(size));
    return text;
  }

  // How many things follow, each of at least one byte.
  uint64_t Count() {
    const uint64_t count = Number();
    return count <= bytes_.size() ? count : Fail();
  }

  uint64_t Fail() {
    is_ok_ = false;
    bytes_ = {};
    return 0;
  }

 private:
  std::string_view bytes_;
  bool is_ok_ = true;
};

void Write(const Value& value, Writer& out) {
  out.Number(value.index());
  if (const auto* number = std::get_if<int64_t>(&value)) out.Signed(*number);
  if (const auto* number = std::get_if<uint64_t>(&value)) out.Number(*number);
  if (const auto* number = std::get_if<double>(&value)) out.Number(std::bit_cast<uint64_t>(*number));
  if (const auto* truth = std::get_if<bool>(&value)) out.Number(*truth ? 1 : 0);
  if (const auto* text = std::get_if<std::string>(&value)) out.Text(*text);
  if (const auto* array = std::get_if<gguf::Array>(&value)) {
    out.Number(array->element_type);
    out.Number(array->count);
    out.Number(array->elements.size());
    for (const int64_t element : array->elements) out.Signed(element);
  }
}

Value ReadValue(Reader& in) {
  switch (in.Number()) {
    case 0:
      return in.Signed();
    case 1:
      return in.Number();
    case 2:
      return std::bit_cast<double>(in.Number());
    case 3:
      return in.Number() != 0;
    case 4:
      return in.Text();
    case 5: {
      gguf::Array array;
      array.element_type = static_cast<uint32_t>(in.Number());
      array.count = in.Number();
      for (uint64_t left = in.Count(); left > 0 && in.ok(); --left) array.elements.push_back(in.Signed());
      return array;
    }
    default:
      in.Fail();
      return int64_t{0};
  }
}

}  // namespace

std::string EncodeHeader(const gguf::Header& header) {
  Writer out;
  const gguf::HyperParameters& parameters = header.parameters;
  out.Text(parameters.architecture);
  out.Number(parameters.token_count);
  out.Number(parameters.metadata.version);
  out.Number(parameters.metadata.tensor_count);
  out.Number(parameters.metadata.end_offset);
  out.Number(parameters.metadata.values.size());
  for (const auto& [key, value] : parameters.metadata.values) {
    out.Text(key);
    Write(value, out);
  }
  out.Number(header.infos.begin);
  out.Number(header.infos.end);
  out.Number(header.alignment);
  out.Number(header.data_offset);
  out.Number(header.data_bytes);
  out.Text(header.foreign_type);
  out.Number(header.tensors.size());
  for (const gguf::Tensor& tensor : header.tensors) {
    out.Text(tensor.name);
    out.Number(tensor.type);
    for (const uint64_t dimension : tensor.dimensions) out.Number(dimension);
    out.Number(tensor.offset);
    out.Number(tensor.size_bytes);
  }
  return out.Take();
}

absl::StatusOr<gguf::Header> DecodeHeader(std::string_view bytes) {
  Reader in(bytes);
  gguf::Header header;
  gguf::HyperParameters& parameters = header.parameters;
  parameters.architecture = in.Text();
  parameters.token_count = in.Number();
  parameters.metadata.version = static_cast<uint32_t>(in.Number());
  parameters.metadata.tensor_count = in.Number();
  parameters.metadata.end_offset = in.Number();
  for (uint64_t left = in.Count(); left > 0 && in.ok(); --left) {
    std::string key = in.Text();
    parameters.metadata.values.emplace(std::move(key), ReadValue(in));
  }
  header.infos.begin = in.Number();
  header.infos.end = in.Number();
  header.alignment = in.Number();
  header.data_offset = in.Number();
  header.data_bytes = in.Number();
  header.foreign_type = in.Text();
  for (uint64_t left = in.Count(); left > 0 && in.ok(); --left) {
    gguf::Tensor& tensor = header.tensors.emplace_back();
    tensor.name = in.Text();
    tensor.type = static_cast<uint32_t>(in.Number());
    for (uint64_t& dimension : tensor.dimensions) dimension = in.Number();
    tensor.offset = in.Number();
    tensor.size_bytes = in.Number();
  }
  if (in.ok() && in.is_at_end()) return header;
  return MakeError(absl::StatusCode::kDataLoss, reason::kCatalogDamaged,
                   "the record of a GGUF file's header is damaged");
}

}  // namespace batuta::pull
