#include "daemon/safety/graph/hdf5_file.h"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/safety/base/rules.h"
#include "daemon/safety/graph/cursor.h"
#include "daemon/safety/graph/hdf5.h"
#include "daemon/safety/graph/hdf5_messages.h"
#include "daemon/safety/graph/rules.h"

namespace batuta::safety::hdf5 {
namespace {

constexpr std::string_view kSignature("\x89HDF\r\n\x1a\n", 8);
constexpr uint64_t kFirstUserBlockBytes = 512;

// Where it begins; nothing when it does not, or when reading failed.
std::optional<uint64_t> FindSignature(RandomReader& reader) {
  char signature[kSignature.size()];
  uint64_t begin = 0;
  while (reader.Read(begin, signature)) {
    if (std::string_view(signature, sizeof signature) == kSignature) return begin;
    begin = begin == 0 ? kFirstUserBlockBytes : begin * 2;
  }
  return std::nullopt;
}

}  // namespace

uint64_t CappedProduct(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? ~uint64_t{0} : product;
}

uint64_t CappedSum(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? ~uint64_t{0} : sum;
}

File::File(Subject& subject)
    : subject_(subject),
      reader_(subject.bytes()),
      size_bytes_(subject.size_bytes()),
      // Structures do not overlap, so all of them together are no larger than the file.
      budget_bytes_(CappedSum(size_bytes_, kMostPieceBytes)) {}

std::optional<Root> File::Open() {
  const std::optional<uint64_t> base = FindSignature(reader_);
  uint8_t version = 0;
  if (!base || !reader_.Read(*base + kSignature.size(), version)) {
    if (!stopped()) Broken(0, "no signature of HDF5, or nothing behind it");
    return std::nullopt;
  }
  base_ = *base;
  JudgeUserBlock();
  Root root;
  if (version > 3) {
    Unsupported(0, fmt::format("version {} of the format", version));
    return std::nullopt;
  }
  if (!(version < 2 ? ReadOldSuperblock(version, root) : ReadNewSuperblock(root))) {
    if (!stopped()) Broken(0, "the file is cut off");
    return std::nullopt;
  }
  return root;
}

bool File::ReadOldSuperblock(uint8_t version, Root& root) {
  std::string head;
  uint8_t offset_bytes = 0;
  uint8_t length_bytes = 0;
  uint64_t base = 0;
  uint64_t end = 0;
  uint64_t driver = 0;
  uint32_t cached = 0;
  const size_t addresses_at = version == 0 ? 24 : 28;
  if (!reader_.Read(base_, addresses_at + 72, head)) return false;
  Cursor cursor(head);
  if (!cursor.Skip(13) || !cursor.Next(offset_bytes) || !cursor.Next(length_bytes) ||
      !cursor.Skip(addresses_at - 15) || !cursor.Next(base) || !cursor.Skip(8) || !cursor.Next(end) ||
      !cursor.Next(driver) || !cursor.Skip(8) || !cursor.Next(root.address) || !cursor.Next(cached) ||
      !cursor.Skip(4) || !cursor.Next(root.tree) || !cursor.Next(root.heap)) {
    return false;
  }
  JudgePlace(offset_bytes, length_bytes, base, end);
  if (driver != kNowhere) Unsupported(0, "a file driver of its own");
  root.notes_group = cached == 1;
  return true;
}

bool File::ReadNewSuperblock(Root& root) {
  std::string head;
  uint8_t offset_bytes = 0;
  uint8_t length_bytes = 0;
  uint64_t base = 0;
  uint64_t extension = 0;
  uint64_t end = 0;
  if (!reader_.Read(base_, 48, head)) return false;
  Cursor cursor(head);
  if (!cursor.Skip(9) || !cursor.Next(offset_bytes) || !cursor.Next(length_bytes) || !cursor.Skip(1) ||
      !cursor.Next(base) || !cursor.Next(extension) || !cursor.Next(end) || !cursor.Next(root.address)) {
    return false;
  }
  if (!EndsWithChecksum(head)) Broken(0, "a beginning with another checksum");
  JudgePlace(offset_bytes, length_bytes, base, end);
  if (extension != kNowhere) root.extension = extension;
  return true;
}

// The user block belongs to no one, so it must be empty.
void File::JudgeUserBlock() {
  char bytes[RandomReader::kPageBytes];
  for (uint64_t at = 0; at < base_;) {
    const std::span here(bytes, static_cast<size_t>(std::min<uint64_t>(sizeof bytes, base_ - at)));
    if (!reader_.Read(at, here)) return;
    if (std::any_of(here.begin(), here.end(), [](char byte) { return byte != '\0'; })) {
      subject_.Add(rules::kHdf5Foreign, at, "something stands before the HDF5 file");
      return;
    }
    at += here.size();
  }
}

void File::JudgePlace(uint8_t offset_bytes, uint8_t length_bytes, uint64_t base, uint64_t end) {
  // The end counts from the beginning of all, unlike every other address.
  if (offset_bytes != 8 || length_bytes != 8) {
    Unsupported(0, "addresses of another length than eight bytes");
    Stop();
  } else if (base != base_) {
    Broken(0, "addresses count from elsewhere");
  } else if (end > size_bytes_) {
    subject_.Add(rules::kHdf5Invalid, size_bytes_, "the file is cut off");
  } else if (end < size_bytes_) {
    subject_.Add(rules::kHdf5Foreign, end, fmt::format("{} bytes follow the HDF5 file", size_bytes_ - end));
  }
}

bool File::IsInside(uint64_t address, uint64_t count) const {
  return address <= size_bytes_ - base_ && count <= size_bytes_ - base_ - address;
}

bool File::Fetch(uint64_t address, uint64_t count, std::string& out) {
  if (!IsInside(address, count)) return Broken(address, "something lies outside the file");
  if (count > kMostPieceBytes) {
    TooComplex(address, "a structure larger than any model needs");
    return false;
  }
  return Take(address, count) && reader_.Read(base_ + address, count, out);
}

bool File::Take(uint64_t address, uint64_t count) {
  if (count > budget_bytes_) {
    TooComplex(address, "structures that are used again and again");
    return false;
  }
  budget_bytes_ -= count;
  return true;
}

void File::Add(const Rule& rule, uint64_t address, std::string_view text) {
  subject_.Add(rule, CappedSum(base_, address), text);
}

bool File::Broken(uint64_t address, std::string_view text) {
  Add(rules::kHdf5Invalid, address, text);
  return false;
}

void File::Unsupported(uint64_t address, std::string_view text) {
  Add(rules::kHdf5Unsupported, address, text);
}

void File::TooComplex(uint64_t address, std::string_view text) {
  Add(rules::kTooComplex, address, text);
  Stop();
}

}  // namespace batuta::safety::hdf5

namespace batuta::safety {

absl::StatusOr<bool> IsHdf5(ByteSource& bytes) {
  RandomReader reader(bytes);
  const bool is_one = hdf5::FindSignature(reader).has_value();
  if (!reader.status().ok()) return reader.status();
  return is_one;
}

}  // namespace batuta::safety
