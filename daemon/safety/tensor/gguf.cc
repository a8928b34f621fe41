#include "daemon/safety/tensor/gguf.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include <fmt/format.h>

#include "common/text/human.h"
#include "common/text/utf8.h"
#include "daemon/gguf/format.h"
#include "daemon/gguf/tensor_type.h"
#include "daemon/safety/base/arithmetic.h"
#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/base/rules.h"
#include "daemon/safety/tensor/rules.h"
#include "daemon/safety/text/template.h"

namespace batuta::safety {
namespace {

using gguf::ValueType;

constexpr uint64_t kMostHeaderBytes = 256 << 20;
constexpr uint64_t kMostKeys = 1'000'000;
constexpr uint64_t kMostTensors = 1'000'000;
constexpr uint64_t kMostArrayCount = uint64_t{1} << 30;
constexpr size_t kMostArrayDepth = 64;
constexpr uint64_t kMostTextBytes = 64 << 20;
constexpr uint64_t kMostAlignment = 64 << 10;
constexpr uint64_t kMostNameBytes = 63;  // ggml's; the specification says 64
constexpr uint32_t kMostDimensions = 4;

constexpr uint64_t kMostSigned = (uint64_t{1} << 63U) - 1;

bool IsKey(std::string_view key) {
  return std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c <= '~'; });
}

// 3 and 7 for "model-00003-of-00007.gguf".
struct Part {
  uint64_t number = 0;
  uint64_t count = 0;
};

std::optional<Part> PartOf(std::string_view name) {
  constexpr std::string_view kShape = "-#####-of-#####.gguf";
  if (name.size() < kShape.size()) return std::nullopt;
  name.remove_prefix(name.size() - kShape.size());
  Part part;
  for (size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] != '#') {
      if (name[i] != kShape[i]) return std::nullopt;
      continue;
    }
    if (name[i] < '0' || name[i] > '9') return std::nullopt;
    uint64_t& number = i < kShape.size() / 2 ? part.number : part.count;
    number = number * 10 + static_cast<uint64_t>(name[i] - '0');
  }
  return part;
}

std::string OddVersion(uint32_t version) {
  if (version == 0) return "version 0, which never was";
  if (version == 1) return "version 1, which nothing reads any more";
  if ((version & 0xFFFFU) == 0) return "its numbers are big-endian, which nothing reads here";
  return fmt::format("version {}, newer than this version knows", version);
}

// One pass over the header. Whatever is wrong, it goes on as long as it knows where: a template may follow,
// for a loader that minds less. A method that reads says false when it cannot: what follows is then unknown,
// and why has been said, or stands in bytes_.status().
class Inspection {
 public:
  explicit Inspection(Subject& subject) : subject_(subject), bytes_(subject.bytes()) {}

  absl::Status Run() {
    subject_.SetFormat("gguf");
    if (ReadHead() && ReadPairs() && ReadTensors()) CheckEnd();
    return bytes_.status();
  }

  // From the metadata alone. Nothing when the file does not say.
  std::optional<Part> ReadPart() {
    if (!ReadHead() || !ReadPairs() || !split_count_.has_value()) return std::nullopt;
    return Part{.number = split_number_.value_or(0) + 1, .count = *split_count_};
  }

  const absl::Status& status() const { return bytes_.status(); }

 private:
  bool ReadHead() {
    uint32_t magic = 0;
    uint32_t version = 0;
    if (!Next(magic) || !Next(version)) return false;
    if (magic != gguf::kMagic) return Stop(rules::kGgufVersion, 0, "it does not begin with GGUF");
    if (version != 2 && version != 3) return Stop(rules::kGgufVersion, 4, OddVersion(version));
    if (!Next(tensor_count_) || !Next(key_count_)) return false;
    return CheckCount(tensor_count_, gguf::kLeastTensorBytes, kMostTensors, "tensors") &&
           CheckCount(key_count_, gguf::kLeastPairBytes, kMostKeys, "keys");
  }

  bool ReadPairs() {
    absl::flat_hash_set<size_t> seen;
    for (uint64_t i = 0; i < key_count_; ++i) {
      const uint64_t offset = bytes_.offset();
      uint64_t length = 0;
      uint32_t type = 0;
      key_.clear();
      if (!Next(length)) return false;
      if (length == 0 || length > gguf::kMostKeyBytes) {
        Add(rules::kGgufKey, offset, fmt::format("a key of {} bytes", length));
      }
      const uint64_t kept = std::min(length, gguf::kMostKeyBytes);
      if (!Append(kept, key_)) return false;
      if (!bytes_.Skip(length - kept)) return Cut();
      if (!IsKey(key_)) Add(rules::kGgufKey, offset, fmt::format("the key {} is not plain ASCII", Key()));
      if (!seen.insert(absl::HashOf(key_)).second) {
        Add(rules::kGgufKey, offset, fmt::format("the key {} stands twice", Key()));
      }
      if (!Next(type)) return false;
      if (!ReadValue(type)) return false;
      if (bytes_.offset() > kMostHeaderBytes) return TooLong();
    }
    CheckSplit();
    return true;
  }

  bool ReadValue(uint32_t type) {
    if (!CheckType(type)) return false;
    const uint64_t offset = bytes_.offset();
    const auto value_type = static_cast<ValueType>(type);
    switch (value_type) {
      case ValueType::kBool:
        return ReadBools(1);
      case ValueType::kString:
        return IsTemplate() ? ReadTemplate() : ReadText();
      case ValueType::kArray:
        return ReadArray();
      default:
        break;
    }
    if (IsTemplate()) AddNoText(offset);
    char number[sizeof(uint64_t)] = {};
    const uint64_t size = gguf::FixedBytes(value_type);
    if (!bytes_.Next(std::span(number, static_cast<size_t>(size)))) return Cut();
    uint64_t value = 0;
    std::memcpy(&value, number, sizeof value);
    Take(value_type, value, offset);
    return true;
  }

  // Keeps the numbers that rules are about.
  void Take(ValueType type, uint64_t value, uint64_t offset) {
    if (key_ == "general.alignment") {
      if (type != ValueType::kU32 || !std::has_single_bit(value) || value > kMostAlignment) {
        Add(rules::kGgufAlignment, offset, fmt::format("general.alignment is {}", value));
      } else {
        alignment_ = value;
      }
    } else if (key_ == "split.no") {
      split_number_ = value;
    } else if (key_ == "split.count") {
      split_count_ = value;
    } else if (key_ == "split.tensors.count") {
      split_tensors_ = value;
    }
  }

  bool ReadArray() {
    std::vector<uint64_t> left = {1};  // arrays that are to be read, inside each other
    bool is_too_deep = false;
    while (!left.empty()) {
      if (left.back() == 0) {
        left.pop_back();
        continue;
      }
      --left.back();
      const uint64_t offset = bytes_.offset();
      uint32_t type = 0;
      uint64_t count = 0;
      if (!NextArray(type, count)) return false;
      if (static_cast<ValueType>(type) != ValueType::kArray) {
        if (!ReadElements(type, count)) return false;
        continue;
      }
      if (bytes_.offset() > kMostHeaderBytes) return TooLong();
      if (left.size() == kMostArrayDepth) {
        return Stop(rules::kTooComplex, offset, fmt::format("{} nests arrays too deeply", Key()));
      }
      if (left.size() == 1) {
        subject_.report().AddNote(fmt::format("{} holds arrays of arrays, which ggml does not read", Key()));
      } else if (!std::exchange(is_too_deep, true)) {
        Add(rules::kGgufValue, offset, fmt::format("{} nests arrays too deeply", Key()));
      }
      left.push_back(count);
    }
    return true;
  }

  bool NextArray(uint32_t& type, uint64_t& count) {
    return Next(type) && CheckType(type) && Next(count) &&
           CheckCount(count, gguf::LeastBytes(static_cast<ValueType>(type)), kMostArrayCount, "elements");
  }

  bool ReadElements(uint32_t type, uint64_t count) {
    const auto element = static_cast<ValueType>(type);
    if (IsTemplate() && element != ValueType::kString) AddNoText(bytes_.offset());
    if (element == ValueType::kBool) return ReadBools(count);
    // Tokens need not be UTF-8: many vocabularies hold parts of characters.
    if (element == ValueType::kString) {
      for (uint64_t i = 0; i < count; ++i) {
        if (IsTemplate() ? !ReadTemplate() : !SkipText()) return false;
        if (bytes_.offset() > kMostHeaderBytes) return TooLong();
      }
      return true;
    }
    if (!bytes_.Skip(count * gguf::FixedBytes(element))) return Cut();
    return bytes_.offset() <= kMostHeaderBytes || TooLong();
  }

  bool ReadBools(uint64_t count) {
    for (bool told = false; count > 0;) {
      const uint64_t offset = bytes_.offset();
      const std::string_view here = bytes_.Window().substr(0, static_cast<size_t>(count));
      if (here.empty()) return Cut();
      const size_t odd = here.find_first_not_of(std::string_view("\0\1", 2));
      if (odd != std::string_view::npos && !told) {
        Add(rules::kGgufValue, offset + odd,
            fmt::format("{} holds a boolean that is neither 0 nor 1", Key()));
        told = true;
      }
      count -= here.size();
      if (!bytes_.Skip(here.size())) return Cut();
      if (bytes_.offset() > kMostHeaderBytes) return TooLong();
    }
    return true;
  }

  bool ReadText() {
    const uint64_t offset = bytes_.offset();
    uint64_t length = 0;
    if (!NextTextLength(length)) return false;
    for (bool valid = true; length > 0;) {
      const auto wanted = static_cast<size_t>(std::min<uint64_t>(length, ByteReader::kBufferBytes));
      const std::string_view here = bytes_.Peek(wanted);
      if (here.empty()) return Cut();
      size_t good = valid ? ValidUtf8Bytes(here) : here.size();
      // A character may go on behind what is here.
      if (here.size() - good > 3 || (good < here.size() && here.size() == length)) {
        Add(rules::kGgufValue, offset, fmt::format("{} is not UTF-8", Key()));
        valid = false;
        good = here.size();
      }
      length -= good;
      if (!bytes_.Skip(good)) return Cut();
    }
    return true;
  }

  bool NextTextLength(uint64_t& length) {
    if (!Next(length)) return false;
    if (length > bytes_.left_bytes()) return Cut();
    if (length > kMostTextBytes) {
      Add(rules::kTooComplex, bytes_.offset(), fmt::format("{} is a text of {}", Key(), FormatBytes(length)));
    }
    return true;
  }

  bool SkipText() {
    uint64_t length = 0;
    return Next(length) && (bytes_.Skip(length) || Cut());
  }

  bool IsTemplate() const { return key_.starts_with("tokenizer.chat_template"); }

  void AddNoText(uint64_t offset) { Add(rules::kGgufValue, offset, fmt::format("{} is no text", Key())); }

  bool ReadTemplate() {
    const uint64_t offset = bytes_.offset();
    uint64_t length = 0;
    if (!NextTextLength(length)) return false;
    // One byte more than there may be says that it is too large.
    const uint64_t kept = std::min<uint64_t>(length, kMostTemplateBytes + 1);
    std::string text;
    if (!Append(kept, text)) return false;
    if (!IsValidUtf8(text)) Add(rules::kGgufValue, offset, fmt::format("{} is not UTF-8", Key()));
    InspectTemplate(subject_, text, offset);
    return bytes_.Skip(length - kept) || Cut();
  }

  void CheckSplit() {
    if (!split_count_.has_value()) return;
    const uint64_t number = split_number_.value_or(0);
    const uint64_t count = *split_count_;
    if (count > 0 && number >= count) {
      Add(rules::kGgufSplit, 0, fmt::format("split.no is {} of {}", number, count));
    }
    if (tensor_count_ > split_tensors_.value_or(tensor_count_)) {
      Add(rules::kGgufSplit, 0,
          fmt::format("it has {} tensors, all parts together {}", tensor_count_, *split_tensors_));
    }
  }

  bool ReadTensors() {
    absl::flat_hash_set<size_t> seen;
    for (uint64_t i = 0; i < tensor_count_; ++i) {
      const uint64_t offset = bytes_.offset();
      uint64_t length = 0;
      std::string name;
      if (!Next(length)) return false;
      if (length > kMostNameBytes) {
        return Stop(
            rules::kGgufName, offset,
            fmt::format("tensor {} has a name of {} bytes, ggml reads {}", i, length, kMostNameBytes));
      }
      if (!Append(length, name)) return false;
      if (!IsValidUtf8(name)) {
        Add(rules::kGgufName, offset, fmt::format("the name {} is not UTF-8", Quoted(name)));
      }
      if (!seen.insert(absl::HashOf(name)).second) {
        Add(rules::kGgufName, offset, fmt::format("tensor {} stands twice", Quoted(name)));
      }
      if (!ReadTensor(Quoted(name))) return false;
      if (bytes_.offset() > kMostHeaderBytes) return TooLong();
    }
    return true;
  }

  // What follows the name.
  bool ReadTensor(std::string name) {
    uint32_t dimensions = 0;
    if (!Next(dimensions)) return false;
    if (dimensions > kMostDimensions) {
      return Stop(rules::kGgufShape, bytes_.offset() - 4,
                  fmt::format("tensor {} has {} dimensions", name, dimensions));
    }
    uint64_t row = 1;
    uint64_t elements = 1;
    bool fits = true;
    const uint64_t shape_offset = bytes_.offset();
    for (uint32_t i = 0; i < dimensions; ++i) {
      uint64_t size = 0;
      if (!Next(size)) return false;
      if (i == 0) row = size;
      fits = fits && size <= kMostSigned && MultiplyBy(elements, size) && elements <= kMostSigned;
    }
    uint32_t type_id = 0;
    uint64_t begin = 0;
    if (!Next(type_id) || !Next(begin)) return false;
    if (!fits) {
      return Stop(rules::kGgufShape, shape_offset,
                  fmt::format("tensor {} has more elements than can be counted", name));
    }
    const gguf::TensorType* type = gguf::FindTensorType(type_id);
    if (type == nullptr) {
      return Stop(rules::kGgufType, bytes_.offset() - 12,
                  fmt::format("tensor {} is of type {}, {}", name, type_id,
                              type_id < gguf::kTensorTypeCount ? "which was withdrawn"
                                                               : "newer than this version knows"));
    }
    if (row % type->block_elements != 0) {
      return Stop(rules::kGgufShape, shape_offset,
                  fmt::format("tensor {} has rows of {}, {} needs multiples of {}", name, row, type->name,
                              type->block_elements));
    }
    return Place(std::move(name), elements / type->block_elements, type->block_bytes, begin);
  }

  // Every tensor begins where the one before it ends, rounded up.
  bool Place(std::string name, uint64_t blocks, uint64_t block_bytes, uint64_t begin) {
    uint64_t end = begin;
    uint64_t due = data_bytes_;
    if (!MultiplyBy(blocks, block_bytes) || !AddTo(end, blocks) || !RoundUp(due)) {
      return Stop(rules::kGgufShape, bytes_.offset(),
                  fmt::format("tensor {} ends beyond what can be counted", name));
    }
    if (begin != due) {
      return Stop(rules::kGgufOffset, bytes_.offset() - 8,
                  last_.empty() ? fmt::format("tensor {}, the first, begins at {} of the data", name, begin)
                                : fmt::format("tensor {} begins at {} of the data, where {} is due after {}",
                                              name, begin, due, last_));
    }
    data_bytes_ = end;
    last_ = std::move(name);
    return true;
  }

  void CheckEnd() {
    const uint64_t size = bytes_.size_bytes();
    uint64_t end = bytes_.offset();
    if (tensor_count_ > 0) {
      uint64_t data_begin = end;
      RoundUp(data_begin);
      end = data_begin;
      if (data_begin > size || !AddTo(end, data_bytes_) || end > size) {
        Add(rules::kGgufSize, size,
            fmt::format("tensor {} and those before it take {} bytes from {} on, the file has {}", last_,
                        data_bytes_, data_begin, size));
        return;
      }
      CheckZeros(data_begin - bytes_.offset(), "between the header and the first tensor");
      if (!bytes_.Seek(end)) return;
    }
    if (size - end >= alignment_) {
      Add(rules::kGgufTrailing, end, fmt::format("{} bytes follow", size - end));
      return;
    }
    CheckZeros(size - end, "at its end");
  }

  void CheckZeros(uint64_t count, std::string_view where) {
    const uint64_t offset = bytes_.offset();
    std::string padding;
    if (!bytes_.Append(count, padding)) return;
    const size_t odd = padding.find_first_not_of('\0');
    if (odd == std::string::npos) return;
    Add(rules::kGgufPadding, offset + odd, fmt::format("the padding {} is not zero", where));
  }

  // To a multiple of the alignment.
  bool RoundUp(uint64_t& offset) const {
    if (!AddTo(offset, alignment_ - 1)) return false;
    offset -= offset % alignment_;
    return true;
  }

  template <typename Number>
  bool Next(Number& value) {
    return bytes_.Next(value) || Cut();
  }

  bool Append(uint64_t count, std::string& text) { return bytes_.Append(count, text) || Cut(); }

  bool CheckType(uint32_t type) {
    if (type < gguf::kValueTypeCount) return true;
    return Stop(rules::kGgufValue, bytes_.offset() - 4,
                fmt::format("{} is of the unknown type {}", Key(), type));
  }

  bool CheckCount(uint64_t count, uint64_t least_bytes, uint64_t most, std::string_view what) {
    if (count > bytes_.left_bytes() / least_bytes) {
      return Stop(rules::kGgufCount, bytes_.offset(),
                  fmt::format("{} {}, the file has no room for them", count, what));
    }
    if (count <= most) return true;
    return Stop(rules::kTooComplex, bytes_.offset(), fmt::format("{} {}", count, what));
  }

  std::string Key() const { return Quoted(key_); }

  void Add(const Rule& rule, uint64_t offset, std::string_view text) { subject_.Add(rule, offset, text); }

  bool Stop(const Rule& rule, uint64_t offset, std::string_view text) {
    Add(rule, offset, text);
    return false;
  }

  bool TooLong() {
    return Stop(rules::kTooComplex, bytes_.offset(),
                fmt::format("a header of more than {}", FormatBytes(kMostHeaderBytes)));
  }

  // The bytes ended, or could not be read.
  bool Cut() {
    if (bytes_.status().ok()) Add(rules::kGgufTruncated, bytes_.offset(), "the file ends inside its header");
    return false;
  }

  Subject& subject_;
  ByteReader bytes_;
  uint64_t tensor_count_ = 0;
  uint64_t key_count_ = 0;
  uint64_t alignment_ = gguf::kDefaultAlignment;
  std::optional<uint64_t> split_number_;
  std::optional<uint64_t> split_count_;
  std::optional<uint64_t> split_tensors_;
  std::string key_;          // of the pair at hand
  std::string last_;         // the tensor before, as messages name it
  uint64_t data_bytes_ = 0;  // of the tensors so far, without padding behind the last
};

}  // namespace

absl::Status InspectGguf(Subject& subject) {
  return Inspection(subject).Run();
}

absl::Status InspectGgufPart(Subject& subject) {
  const std::optional<Part> named = PartOf(subject.name());
  if (!named.has_value()) return absl::OkStatus();
  // What else is wrong was told by InspectGguf().
  Report unused;
  Subject file(subject.name(), subject.bytes(), unused, nullptr, subject.limits());
  Inspection inspection(file);
  const std::optional<Part> part = inspection.ReadPart();
  if (part.has_value() && (part->number != named->number || part->count != named->count)) {
    subject.Add(rules::kGgufSplit, 0,
                fmt::format("it is part {} of {}, by its name {} of {}", part->number, part->count,
                            named->number, named->count));
  }
  return inspection.status();
}

}  // namespace batuta::safety
