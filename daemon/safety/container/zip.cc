#include "daemon/safety/container/zip.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <string_view>

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/base/rules.h"
#include "daemon/safety/container/decoder.h"
#include "daemon/safety/container/expanded_source.h"
#include "daemon/safety/container/member_name.h"
#include "daemon/safety/container/rules.h"

namespace batuta::safety {
namespace {

using zip::Long;
using zip::Short;
using zip::Word;

constexpr uint64_t kMostEntries = 100'000;
constexpr uint64_t kMostDirectoryBytes = 32 << 20;

constexpr uint32_t kDosFolder = 0x10;      // of a member's attributes
constexpr uint16_t kDeflateHints = 0b110;  // how hard the writer tried

// What a header's extra fields take at most in ordinary archives: one read gets all of it.
constexpr uint64_t kUsualExtraBytes = 96;

// One of a header's numbers: what it says itself, or the next one of its zip64 field.
class Zip64Numbers {
 public:
  explicit Zip64Numbers(std::string_view content) : left_(content) {}

  std::optional<uint64_t> Resolve(uint32_t number) {
    if (number != zip::kSee64) return number;
    if (left_.size() < 8) return {};
    const uint64_t resolved = Long(left_, 0);
    left_.remove_prefix(8);
    return resolved;
  }

  void SkipIf(uint64_t number) {
    if (left_.size() >= 8 && Long(left_, 0) == number) left_.remove_prefix(8);
  }

  bool empty() const { return left_.empty(); }

 private:
  std::string_view left_;
};

// Does a member's own header have the sizes and the checksum of the directory? With a descriptor it may leave
// them out.
bool SaysTheSame(std::string_view header, std::string_view zip64, const ZipEntry& entry) {
  const bool may_be_zero = (entry.flags & zip::kHasDescriptor) != 0;
  const auto same = [may_be_zero](std::optional<uint64_t> number, uint64_t truth) {
    return number == truth || (may_be_zero && number == 0);
  };
  Zip64Numbers numbers(zip64);
  if (!same(Word(header, 14), entry.crc32)) return false;
  // A size of exactly 2^32 - 1 needs no zip64 field.
  const bool has_zip64 = !zip64.empty();
  const auto resolve = [&](size_t at) {
    return has_zip64 ? numbers.Resolve(Word(header, at)) : std::optional<uint64_t>(Word(header, at));
  };
  if (!same(resolve(22), entry.size_bytes) || !same(resolve(18), entry.packed_bytes)) return false;
  // Numbers that the header does not refer to: torch's writer repeats what the directory has in the same
  // field, Python's leaves zeros where it cannot go back.
  for (const uint64_t truth : {entry.size_bytes, entry.packed_bytes, entry.header_offset}) {
    numbers.SkipIf(truth);
    if (may_be_zero) numbers.SkipIf(0);
  }
  return numbers.empty();
}

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char byte) { return static_cast<uint8_t>(byte) < 0x80; });
}

}  // namespace

absl::Status ZipArchive::ReadAt(uint64_t offset, uint64_t count, std::string& out) {
  out.resize(static_cast<size_t>(count));
  return subject_.bytes().Read(offset, out);
}

void ZipArchive::Unreadable(uint64_t offset, std::string_view why) {
  subject_.Add(rules::kZipUnreadable, offset, fmt::format("cannot tell what is inside: {}", why));
}

absl::Status ZipArchive::ReadDirectory() {
  zip::End end;
  bool found = false;
  RETURN_IF_ERROR(FindEnd(end, found));
  if (!found) return absl::OkStatus();
  RETURN_IF_ERROR(FindEnd64(end, found));
  if (!found) return absl::OkStatus();
  if (end.directory_offset > end.offset || end.offset - end.directory_offset != end.directory_bytes) {
    subject_.Add(rules::kZipCounts, end.offset, "the directory does not end where its end record begins");
    Unreadable(end.offset, "readers look for the directory in different places");
    return absl::OkStatus();
  }
  if (end.count > kMostEntries || end.directory_bytes > kMostDirectoryBytes) {
    subject_.Add(rules::kZipCount, end.offset, fmt::format("{} members", end.count));
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(ReadEntries(end));
  Arrange(end.directory_offset);
  return absl::OkStatus();
}

absl::Status ZipArchive::FindEnd(zip::End& end, bool& found) {
  found = false;
  const uint64_t size = subject_.size_bytes();
  const uint64_t tail_offset = size - std::min(size, kTailBytes);
  std::string bytes;
  RETURN_IF_ERROR(ReadAt(tail_offset, size - tail_offset, bytes));
  const std::string_view tail = bytes;
  // The last mark is the one that readers take. Another one whose comment ends with the file would do as
  // well.
  const size_t last =
      tail.size() < zip::kEndBytes ? tail.npos : tail.rfind(zip::kEndMark, tail.size() - zip::kEndBytes);
  if (last == tail.npos) {
    subject_.Add(rules::kZipCut, size, "there is no end record");
    Unreadable(size, "it has no directory");
    return absl::OkStatus();
  }
  const auto comment_of = [tail](size_t at) { return tail.substr(at + zip::kEndBytes); };
  const auto fits = [&](size_t at) { return comment_of(at).size() == Short(tail, at + 20); };
  if (!fits(last)) {
    subject_.Add(rules::kZipEnd, tail_offset + last, "the end record is not at the very end");
  }
  if (comment_of(last).find("PK") != tail.npos) {
    subject_.Add(rules::kZipComment, tail_offset + last, "the comment holds what looks like another record");
  }
  for (size_t at = tail.find(zip::kEndMark); at < last; at = tail.find(zip::kEndMark, at + 1)) {
    if (!fits(at)) continue;
    subject_.Add(rules::kZipEnd, tail_offset + at, "there are two end records");
    Unreadable(tail_offset + at, "readers may choose either directory");
    return absl::OkStatus();
  }
  const std::optional<zip::End> parsed = zip::ParseEnd(tail.substr(last, zip::kEndBytes));
  if (!parsed) {
    subject_.Add(rules::kZipCounts, tail_offset + last, "the archive has several parts");
    Unreadable(tail_offset + last, "other parts are missing");
    return absl::OkStatus();
  }
  end = *parsed;
  end.offset = tail_offset + last;
  found = true;
  return absl::OkStatus();
}

absl::Status ZipArchive::FindEnd64(zip::End& end, bool& found) {
  if (end.offset < zip::kLocatorBytes) return absl::OkStatus();
  const uint64_t locator_offset = end.offset - zip::kLocatorBytes;
  std::string locator;
  RETURN_IF_ERROR(ReadAt(locator_offset, zip::kLocatorBytes, locator));
  if (!locator.starts_with(zip::kLocatorMark)) return absl::OkStatus();
  const std::optional<uint64_t> offset = zip::ParseLocator(locator);
  std::optional<zip::End> end64;
  if (offset && locator_offset >= zip::kEnd64Bytes && *offset == locator_offset - zip::kEnd64Bytes) {
    std::string record;
    RETURN_IF_ERROR(ReadAt(*offset, zip::kEnd64Bytes, record));
    end64 = zip::ParseEnd64(record);
  }
  if (!end64 || !zip::Agree(end, *end64)) {
    subject_.Add(rules::kZipCounts, locator_offset, "the two end records contradict each other");
    Unreadable(locator_offset, "readers may choose either");
    found = false;
    return absl::OkStatus();
  }
  end = *end64;
  end.offset = *offset;
  return absl::OkStatus();
}

absl::Status ZipArchive::ReadEntries(const zip::End& end) {
  ByteReader reader(subject_.bytes(), end.directory_offset);
  absl::flat_hash_set<std::string> names;
  uint64_t total_bytes = 0;
  std::string variable;
  while (reader.offset() < end.offset) {
    const uint64_t at = reader.offset();
    std::array<char, zip::kEntryBytes> fixed;
    const std::string_view record(fixed.data(), fixed.size());
    variable.clear();
    if (!reader.Next(fixed) || !record.starts_with(zip::kEntryMark) ||
        !reader.Append(uint64_t{Short(record, 28)} + Short(record, 30) + Short(record, 32), variable) ||
        reader.offset() > end.offset) {
      RETURN_IF_ERROR(reader.status());
      subject_.Add(rules::kZipCounts, at, "the directory is damaged");
      Unreadable(at, "its directory is damaged");
      return absl::OkStatus();
    }
    if (entries_.size() == kMostEntries) {
      subject_.Add(rules::kZipCount, at, fmt::format("more than {} members", kMostEntries));
      return absl::OkStatus();
    }
    const std::string_view rest = variable;
    const std::string_view name = rest.substr(0, Short(record, 28));
    const std::string_view comment = rest.substr(name.size() + Short(record, 30));
    ZipEntry& entry = entries_.emplace_back();
    entry.name = name;
    entry.flags = Short(record, 8);
    entry.method = Short(record, 10);
    entry.crc32 = Word(record, 16);
    const auto extras = zip::ParseExtras(rest.substr(name.size(), Short(record, 30)), name);
    Zip64Numbers numbers(extras ? extras->zip64 : std::string_view());
    const std::optional<uint64_t> size = numbers.Resolve(Word(record, 24));
    const std::optional<uint64_t> packed = numbers.Resolve(Word(record, 20));
    const std::optional<uint64_t> offset = numbers.Resolve(Word(record, 42));
    entry.size_bytes = size.value_or(0);
    entry.packed_bytes = packed.value_or(0);
    entry.header_offset = offset.value_or(UINT64_MAX);
    entry.readable = size && packed && offset;
    if (!extras) {
      subject_.Add(rules::kZipExtra, at, fmt::format("{} has a field that is not known", Quoted(name)));
    } else if (!entry.readable || !numbers.empty() || Short(record, 34) != 0) {
      subject_.Add(rules::kZipCounts, at, fmt::format("the sizes of {} contradict each other", Quoted(name)));
    }
    if (comment.find("PK") != comment.npos) {
      subject_.Add(rules::kZipComment, at,
                   fmt::format("the comment on {} looks like a record", Quoted(name)));
    }
    CheckMemberName(subject_, name, at);
    if (!IsAscii(name) && (entry.flags & zip::kIsUtf8) == 0 && !(extras && extras->has_unicode_name)) {
      subject_.Add(rules::kMemberName, at, fmt::format("{} is in no encoding that it names", Quoted(name)));
    }
    if (!names.insert(FoldedMemberName(name)).second) {
      subject_.Add(rules::kMemberTwice, at, fmt::format("there are two members {}", Quoted(name)));
    }
    CheckAttributes(entry, Word(record, 38), at);
    CheckEntry(entry, at);
    total_bytes += std::min(entry.size_bytes, UINT64_MAX - total_bytes);
  }
  if (entries_.size() != end.count) {
    subject_.Add(rules::kZipCounts, end.offset,
                 fmt::format("{} members, and the end record says {}", entries_.size(), end.count));
  }
  if (total_bytes > subject_.limits().expanded_bytes) {
    subject_.Add(rules::kTooLarge, end.directory_offset, fmt::format("{} in all", FormatBytes(total_bytes)));
  }
  return absl::OkStatus();
}

void ZipArchive::CheckAttributes(const ZipEntry& entry, uint32_t attributes, uint64_t at) {
  CheckMemberMode(subject_, entry.name, attributes >> 16, entry.is_folder(), at);
  if ((attributes & kDosFolder) != 0 && !entry.is_folder()) {
    subject_.Add(rules::kMemberFolder, at,
                 fmt::format("{} is a folder for some readers and a file for others", Quoted(entry.name)));
  }
}

void ZipArchive::CheckEntry(ZipEntry& entry, uint64_t at) {
  const std::string name = Quoted(entry.name);
  const bool deflated = entry.method == zip::kDeflated;
  const uint16_t plain = zip::kHasDescriptor | zip::kIsUtf8 | (deflated ? kDeflateHints : 0);
  if ((entry.flags & ~plain) != 0) {
    // Some loaders do not look at the flags: the content is looked at as if there were none.
    subject_.Add(rules::kZipFlags, at, fmt::format("{} has the flags {:#06x}", name, entry.flags));
  }
  if (entry.is_folder() && (entry.size_bytes != 0 || entry.packed_bytes != 0)) {
    subject_.Add(rules::kMemberFolder, at, fmt::format("the folder {} has content", name));
    entry.readable = false;
  }
  if (entry.is_stored() && entry.size_bytes != entry.packed_bytes) {
    subject_.Add(rules::kZipStored, at, fmt::format("{} is not compressed and has two sizes", name));
    entry.readable = false;
  }
  if (deflated && entry.size_bytes > ExpandableBytes(entry.packed_bytes, subject_.limits())) {
    subject_.Add(rules::kTooLarge, at,
                 fmt::format("{} expands from {} to {}", name, FormatBytes(entry.packed_bytes),
                             FormatBytes(entry.size_bytes)));
    entry.readable = false;
  }
  if (!entry.is_stored() && !deflated) {
    subject_.Add(rules::kZipMethod, at, fmt::format("{} is compressed by method {}", name, entry.method));
    entry.readable = false;
  }
}

void ZipArchive::Arrange(uint64_t directory_offset) {
  by_offset_.resize(entries_.size());
  std::iota(by_offset_.begin(), by_offset_.end(), 0U);
  std::stable_sort(by_offset_.begin(), by_offset_.end(), [this](uint32_t a, uint32_t b) {
    return entries_[a].header_offset < entries_[b].header_offset;
  });
  const uint64_t first = entries_.empty() ? directory_offset : entries_[by_offset_[0]].header_offset;
  if (first != 0) subject_.Add(rules::kZipGap, 0, "something stands before the first member");
  for (size_t i = 0; i < by_offset_.size(); ++i) {
    ZipEntry& entry = entries_[by_offset_[i]];
    entry.end_offset = directory_offset;
    if (i + 1 < by_offset_.size()) {
      entry.end_offset = std::min(entry.end_offset, entries_[by_offset_[i + 1]].header_offset);
    }
    if (entry.header_offset >= entry.end_offset) {
      subject_.Add(rules::kZipOverlap, entry.header_offset,
                   fmt::format("{} shares bytes with another member or the directory", Quoted(entry.name)));
      entry.readable = false;
    }
  }
}

absl::Status ZipArchive::ReadHeaders() {
  for (const uint32_t index : by_offset_) {
    ZipEntry& entry = entries_[index];
    if (entry.data_offset == 0 && entry.header_offset < entry.end_offset) RETURN_IF_ERROR(ReadHeader(entry));
  }
  return absl::OkStatus();
}

absl::Status ZipArchive::ReadHeader(ZipEntry& entry) {
  const std::string name = Quoted(entry.name);
  const uint64_t at = entry.header_offset;
  const uint64_t room = entry.end_offset - at;
  entry.data_offset = entry.end_offset;  // until it is known: nothing
  const auto refuse = [&](const Rule& rule, std::string_view what) {
    subject_.Add(rule, at, fmt::format("{} {}", name, what));
    entry.readable = false;
    return absl::OkStatus();
  };
  if (room < zip::kLocalBytes) return refuse(rules::kZipOverlap, "has no room for its header");
  std::string header;
  RETURN_IF_ERROR(
      ReadAt(at, std::min(room, zip::kLocalBytes + entry.name.size() + kUsualExtraBytes), header));
  if (!header.starts_with(zip::kLocalMark)) return refuse(rules::kZipHeader, "has no header");
  const uint64_t name_bytes = Short(header, 26);
  const uint64_t extra_bytes = Short(header, 28);
  const uint64_t header_bytes = zip::kLocalBytes + name_bytes + extra_bytes;
  if (header_bytes > room || entry.packed_bytes > room - header_bytes) {
    return refuse(rules::kZipOverlap, "reaches into the next member or the directory");
  }
  if (header_bytes > header.size()) RETURN_IF_ERROR(ReadAt(at, header_bytes, header));
  const std::string_view local_name = std::string_view(header).substr(zip::kLocalBytes, name_bytes);
  const auto extras = zip::ParseExtras(
      std::string_view(header).substr(zip::kLocalBytes + name_bytes, extra_bytes), entry.name);
  if (!extras) {
    subject_.Add(rules::kZipExtra, at, fmt::format("{} has a field that is not known", name));
  }
  if (local_name != entry.name || Short(header, 6) != entry.flags || Short(header, 8) != entry.method ||
      !SaysTheSame(header, extras ? extras->zip64 : std::string_view(), entry)) {
    subject_.Add(rules::kZipHeader, at, fmt::format("{} is something else by its own header", name));
  }
  entry.data_offset = at + header_bytes;
  return CheckDescriptor(entry);
}

absl::Status ZipArchive::CheckDescriptor(ZipEntry& entry) {
  const uint64_t at = entry.data_offset + entry.packed_bytes;
  const uint64_t room = entry.end_offset - at;
  if ((entry.flags & zip::kHasDescriptor) == 0) {
    if (room != 0) {
      subject_.Add(rules::kZipGap, at, fmt::format("{} bytes follow {}", room, Quoted(entry.name)));
    }
    return absl::OkStatus();
  }
  // 12 bytes, 20 with sizes of 64 bits; 4 more with a mark.
  const bool has_mark = room == 16 || room == 24;
  const bool is_long = room == 20 || room == 24;
  std::string descriptor;
  bool same = false;
  if (has_mark || is_long || room == 12) {
    RETURN_IF_ERROR(ReadAt(at, room, descriptor));
    std::string_view rest = descriptor;
    same = !has_mark || rest.starts_with(zip::kDescriptorMark);
    if (has_mark) rest.remove_prefix(4);
    same = same && Word(rest, 0) == entry.crc32 &&
           (is_long ? Long(rest, 4) : Word(rest, 4)) == entry.packed_bytes &&
           (is_long ? Long(rest, 12) : Word(rest, 8)) == entry.size_bytes;
  }
  if (!same) {
    subject_.Add(rules::kZipDescriptor, at,
                 fmt::format("what follows {} is not its own descriptor", Quoted(entry.name)));
  }
  return absl::OkStatus();
}

absl::Status ZipArchive::Open(size_t index, Digest digest,
                              absl::FunctionRef<absl::Status(ByteSource& content)> use) {
  ZipEntry& entry = entries_[index];
  if (!entry.readable) return absl::OkStatus();
  if (entry.data_offset == 0) RETURN_IF_ERROR(ReadHeader(entry));
  if (!entry.readable) return absl::OkStatus();
  PartSource packed(subject_.bytes(), entry.data_offset, entry.packed_bytes);
  return entry.is_stored() ? OpenStored(entry, digest, packed, use) : OpenDeflated(entry, packed, use);
}

absl::Status ZipArchive::OpenStored(const ZipEntry& entry, Digest digest, ByteSource& packed,
                                    absl::FunctionRef<absl::Status(ByteSource& content)> use) {
  RETURN_IF_ERROR(use(packed));
  if (digest == Digest::kIgnored) return absl::OkStatus();
  ByteReader reader(packed);
  uint32_t crc32 = 0;
  while (!reader.at_end()) {
    const std::string_view here = reader.Window();
    if (here.empty()) return reader.status();
    crc32 = UpdateCrc32(crc32, here);
    reader.Skip(here.size());
  }
  if (crc32 != entry.crc32) {
    subject_.Add(rules::kZipDigest, entry.header_offset,
                 fmt::format("the content of {} does not match its checksum", Quoted(entry.name)));
  }
  return absl::OkStatus();
}

absl::Status ZipArchive::OpenDeflated(const ZipEntry& entry, ByteSource& packed,
                                      absl::FunctionRef<absl::Status(ByteSource& content)> use) {
  const std::string name = Quoted(entry.name);
  ExpandedSource content(packed, Compression::kDeflate, /*many=*/false);
  RETURN_IF_ERROR(content.Measure(subject_.report(), subject_.limits(), entry.size_bytes));
  if (content.fault() == ExpandFault::kTooLarge || content.fault() == ExpandFault::kMemory) {
    subject_.Add(rules::kTooLarge, entry.header_offset, fmt::format("{} expands too far", name));
    return absl::OkStatus();
  }
  if (content.fault() != ExpandFault::kNone || content.size_bytes() != entry.size_bytes) {
    subject_.Add(rules::kZipDeflate, entry.header_offset,
                 fmt::format("{} does not decompress to its size", name));
  } else if (content.crc32() != entry.crc32) {
    subject_.Add(rules::kZipDigest, entry.header_offset,
                 fmt::format("the content of {} does not match its checksum", name));
  }
  // Also what is damaged: a pickle runs as far as it goes.
  absl::Status used = use(content);
  if (used.ok() || !content.gave_up()) return used;
  subject_.Add(rules::kTooComplex, entry.header_offset,
               fmt::format("{} is too large to be read back and forth", name));
  return absl::OkStatus();
}

}  // namespace batuta::safety
