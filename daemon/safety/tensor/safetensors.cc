#include "daemon/safety/tensor/safetensors.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/text/human.h"
#include "daemon/safety/base/arithmetic.h"
#include "daemon/safety/base/rules.h"
#include "daemon/safety/tensor/rules.h"
#include "daemon/safety/text/json.h"

namespace batuta::safety {
namespace {

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMostDimension = uint64_t{1} << 48U;
constexpr std::string_view kMetadata = "__metadata__";
constexpr std::string_view kSpace = " \t\r\n";

// As deep as a shape in an entry in the header. The keys are those of the header and of one entry.
constexpr JsonOptions kOptions = {.depth = 4};

struct DType {
  std::string_view name;
  uint64_t bits;
};

// The frequent ones first.
constexpr DType kDTypes[] = {
    {"BF16", 16},   {"F16", 16},    {"F32", 32},        {"U8", 8},          {"I8", 8},   {"I64", 64},
    {"I32", 32},    {"F8_E4M3", 8}, {"F8_E5M2", 8},     {"F8_E8M0", 8},     {"BOOL", 8}, {"I16", 16},
    {"U16", 16},    {"U32", 32},    {"U64", 64},        {"F64", 64},        {"C64", 64}, {"F4", 4},
    {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
};

// Kept of every tensor; a header of the largest size has two million of them at most.
struct Place {
  uint64_t begin = 0;  // of its bytes, counted from the end of the header
  uint64_t end = 0;
  uint32_t name_at = 0;  // in the header

  friend bool operator<(const Place& a, const Place& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  }
};

// What the entry of one tensor says.
struct Entry {
  uint64_t bits = 0;  // of an element; 0 when the dtype is missing
  uint64_t elements = 1;
  bool has_shape = false;
  bool has_offsets = false;
  uint64_t begin = 0;
  uint64_t end = 0;
};

// One pass over the header, then one over the places. A method that reads says false when it cannot go on,
// and why has been said, or stands in header_.status().
class Inspection {
 public:
  Inspection(Subject& subject, ByteSource& header)
      : subject_(subject), bytes_(header), header_(header, kOptions) {}

  absl::Status Run() {
    if (ReadHeader() && is_sound_) CheckTiling();
    return header_.status();
  }

 private:
  bool ReadHeader() {
    if (header_.Next() == JsonToken::kFault) return Fault();
    if (header_.token() != JsonToken::kBeginObject) {
      return Stop(rules::kSafetensorsJson, header_.token_offset(), "the header is no JSON object");
    }
    if (header_.token_offset() > 0) {
      subject_.report().AddNote("space before the header's JSON, which not every reader takes");
    }
    while (header_.Next() == JsonToken::kKey) {
      name_ = header_.text();
      const uint64_t name_at = header_.token_offset();
      if (!(name_ == kMetadata ? ReadMetadata() : ReadEntry(static_cast<uint32_t>(name_at)))) return false;
    }
    if (header_.token() == JsonToken::kFault) return Fault();
    return header_.Next() == JsonToken::kEnd || Fault();
  }

  bool ReadMetadata() {
    header_.Next();
    if (header_.token() == JsonToken::kFault) return Fault();
    if (header_.token() != JsonToken::kBeginObject) {
      return Stop(rules::kSafetensorsMetadata, header_.token_offset(), "__metadata__ is no object");
    }
    while (header_.Next() == JsonToken::kKey) {
      const std::string key = Quoted(header_.text());
      if (header_.Next() == JsonToken::kFault) return Fault();
      if (header_.token() != JsonToken::kString) {
        return Stop(rules::kSafetensorsMetadata, header_.token_offset(),
                    fmt::format("{} of __metadata__ is no text", key));
      }
      if (header_.text().find("_target_") != std::string_view::npos) {
        subject_.report().AddNote(fmt::format("{} of __metadata__ names a class to be made (_target_)", key));
      }
    }
    return header_.token() == JsonToken::kEndObject || Fault();
  }

  bool ReadEntry(uint32_t name_at) {
    if (header_.Next() == JsonToken::kFault) return Fault();
    if (header_.token() != JsonToken::kBeginObject) {
      return Stop(rules::kSafetensorsEntry, name_at, fmt::format("{} is no object", Tensor()));
    }
    Entry entry;
    while (header_.Next() == JsonToken::kKey) {
      const std::string_view field = header_.text();
      bool good = false;
      if (field == "dtype") {
        good = ReadDType(entry);
      } else if (field == "shape") {
        good = ReadShape(entry);
      } else if (field == "data_offsets") {
        good = ReadOffsets(entry);
      } else {
        return Stop(rules::kSafetensorsEntry, header_.token_offset(),
                    fmt::format("{} has {}, which no tensor has", Tensor(), Quoted(field)));
      }
      if (!good) return false;
    }
    if (header_.token() == JsonToken::kFault) return Fault();
    return CheckEntry(entry, name_at);
  }

  bool ReadDType(Entry& entry) {
    if (header_.Next() == JsonToken::kFault) return Fault();
    if (header_.token() == JsonToken::kString) {
      for (const DType& dtype : kDTypes) {
        if (dtype.name == header_.text()) entry.bits = dtype.bits;
      }
    }
    if (entry.bits > 0) return true;
    return Stop(rules::kSafetensorsDType, header_.token_offset(),
                fmt::format("{} is of the unknown dtype {}", Tensor(), Quoted(header_.text())));
  }

  bool ReadShape(Entry& entry) {
    if (header_.Next() == JsonToken::kFault) return Fault();
    if (header_.token() != JsonToken::kBeginArray) return NoShape();
    while (header_.Next() == JsonToken::kNumber) {
      const std::optional<uint64_t> size = PlainInteger(header_.text());
      if (!size.has_value() || *size > kMostDimension) return NoShape();
      // Factor by factor: a 0 at the end hides nothing.
      if (!MultiplyBy(entry.elements, *size)) {
        return Stop(rules::kSafetensorsOverflow, header_.token_offset(),
                    fmt::format("{} has more elements than can be counted", Tensor()));
      }
    }
    entry.has_shape = true;
    if (header_.token() == JsonToken::kFault) return Fault();
    return header_.token() == JsonToken::kEndArray || NoShape();
  }

  bool NoShape() {
    return Stop(rules::kSafetensorsShape, header_.token_offset(),
                fmt::format("the shape of {} is no list of sizes", Tensor()));
  }

  bool ReadOffsets(Entry& entry) {
    if (header_.Next() == JsonToken::kFault) return Fault();
    size_t count = 0;
    bool good = header_.token() == JsonToken::kBeginArray;
    for (; good && header_.Next() == JsonToken::kNumber; ++count) {
      const std::optional<uint64_t> offset = PlainInteger(header_.text());
      good = offset.has_value() && count < 2;
      if (good) (count == 0 ? entry.begin : entry.end) = *offset;
    }
    if (header_.token() == JsonToken::kFault) return Fault();
    entry.has_offsets = true;
    if (good && count == 2 && header_.token() == JsonToken::kEndArray && entry.begin <= entry.end)
      return true;
    return Stop(rules::kSafetensorsOffsets, header_.token_offset(),
                fmt::format("the data_offsets of {} are no begin and end", Tensor()));
  }

  // The rest of the header can be read whatever is found here.
  bool CheckEntry(const Entry& entry, uint32_t name_at) {
    if (entry.bits == 0 || !entry.has_shape || !entry.has_offsets) {
      Add(rules::kSafetensorsEntry, name_at,
          fmt::format("{} has no {}", Tensor(),
                      entry.bits == 0    ? "dtype"
                      : !entry.has_shape ? "shape"
                                         : "data_offsets"));
      return true;
    }
    uint64_t bits = entry.elements;
    if (!MultiplyBy(bits, entry.bits)) {
      Add(rules::kSafetensorsOverflow, name_at,
          fmt::format("{} has more bits than can be counted", Tensor()));
    } else if (bits % 8 != 0) {
      Add(rules::kSafetensorsBits, name_at,
          fmt::format("{} has {} bits, no whole number of bytes", Tensor(), bits));
    } else if (bits / 8 != entry.end - entry.begin) {
      Add(rules::kSafetensorsSize, name_at,
          fmt::format("{} has {} bytes by its shape, {} by its data_offsets", Tensor(), bits / 8,
                      entry.end - entry.begin));
    } else {
      places_.push_back({.begin = entry.begin, .end = entry.end, .name_at = name_at});
    }
    return true;
  }

  void CheckTiling() {
    // Most writers put them in order.
    if (!std::is_sorted(places_.begin(), places_.end())) std::sort(places_.begin(), places_.end());
    const uint64_t data_begin = kLengthBytes + bytes_.size_bytes();
    uint64_t end = 0;
    const Place* before = nullptr;
    for (const Place& place : places_) {
      if (place.begin != end) {
        std::string text;
        if (before == nullptr) {
          text =
              fmt::format("the first tensor, {}, begins at byte {} of the data", NameOf(place), place.begin);
        } else if (place.begin < end) {
          text = fmt::format("tensors {} and {} overlap at byte {} of the data", NameOf(*before),
                             NameOf(place), place.begin);
        } else {
          text = fmt::format("{} bytes between tensors {} and {} belong to none", place.begin - end,
                             NameOf(*before), NameOf(place));
        }
        subject_.Add(rules::kSafetensorsTiling, data_begin + std::min(end, place.begin), text);
        return;
      }
      end = place.end;
      before = &place;
    }
    const uint64_t data_bytes = subject_.size_bytes() - data_begin;
    if (end == data_bytes) return;
    std::string text;
    if (before == nullptr) {
      text = fmt::format("{} bytes and no tensor", data_bytes);
    } else if (end < data_bytes) {
      text = fmt::format("{} bytes follow the last tensor, {}", data_bytes - end, NameOf(*before));
    } else {
      text = fmt::format("tensor {} ends {} bytes beyond the end of the file", NameOf(*before),
                         end - data_bytes);
    }
    subject_.Add(rules::kSafetensorsLength, data_begin + std::min(end, data_bytes), text);
  }

  // Reads the name again: keeping two million of them would take more than the header.
  std::string NameOf(const Place& place) {
    JsonReader reader(bytes_, kOptions, place.name_at);
    reader.Next();
    return Quoted(reader.text());
  }

  std::string Tensor() const { return fmt::format("tensor {}", Quoted(name_)); }

  // `at` is in the header.
  void Add(const Rule& rule, uint64_t at, std::string_view text) {
    is_sound_ = false;
    subject_.Add(rule, kLengthBytes + at, text);
  }

  bool Stop(const Rule& rule, uint64_t at, std::string_view text) {
    Add(rule, at, text);
    return false;
  }

  // What the reader of JSON stopped at, unless reading failed.
  bool Fault() {
    if (!header_.status().ok()) return false;
    const JsonFault& fault = header_.fault();
    switch (fault.kind) {
      case JsonFault::Kind::kText:
        return Stop(rules::kSafetensorsText, fault.offset, fault.text);
      case JsonFault::Kind::kDuplicateKey:
        return Stop(rules::kSafetensorsDuplicateKey, fault.offset,
                    header_.depth() == 1 ? fault.text : fmt::format("{} of {}", fault.text, Tensor()));
      case JsonFault::Kind::kTooMuch:
        return Stop(rules::kTooComplex, fault.offset, fault.text);
      default:
        return Stop(rules::kSafetensorsJson, fault.offset, fault.text);
    }
  }

  Subject& subject_;
  ByteSource& bytes_;  // the header alone
  JsonReader header_;
  bool is_sound_ = true;
  std::string name_;  // of the entry at hand
  std::vector<Place> places_;
};

}  // namespace

bool IsSafetensors(std::string_view first) {
  if (first.size() <= kLengthBytes) return false;
  uint64_t length = 0;
  std::memcpy(&length, first.data(), sizeof length);
  const std::string_view header = first.substr(kLengthBytes);
  const size_t begin = header.find_first_not_of(kSpace);
  return length <= kMostSafetensorsHeader && (begin == header.npos || header[begin] == '{');
}

absl::Status InspectSafetensors(Subject& subject) {
  subject.SetFormat("safetensors");
  const uint64_t size = subject.size_bytes();
  if (size < kLengthBytes) {
    subject.Add(rules::kSafetensorsShort, 0, fmt::format("{} bytes, no room for a header", size));
    return absl::OkStatus();
  }
  uint64_t length = 0;
  char bytes[sizeof length];
  if (absl::Status status = subject.bytes().Read(0, bytes); !status.ok()) return status;
  std::memcpy(&length, bytes, sizeof length);
  if (length > kMostSafetensorsHeader) {
    subject.Add(rules::kSafetensorsHeader, 0, fmt::format("a header of {} bytes", length));
  } else if (length > size - kLengthBytes) {
    subject.Add(rules::kSafetensorsCut, 0, fmt::format("a header of {} bytes in a file of {}", length, size));
  } else {
    PartSource header(subject.bytes(), kLengthBytes, length);
    return Inspection(subject, header).Run();
  }
  return absl::OkStatus();
}

}  // namespace batuta::safety
