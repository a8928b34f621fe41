#include "daemon/safety/container/compression.h"

#include <array>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/base/rules.h"
#include "daemon/safety/container/expanded_source.h"
#include "daemon/safety/container/rules.h"

namespace batuta::safety {
namespace {

constexpr size_t kProbeBytes = 512;

struct Magic {
  std::string_view bytes;
  Compression compression;
};

constexpr Magic kMagics[] = {
    {"\x1F\x8B\x08", Compression::kGzip},
    {{"\xFD"
      "7zXZ\0",
      6},
     Compression::kXz},
    {"\x04\x22\x4D\x18", Compression::kLz4},
    {"\x28\xB5\x2F\xFD", Compression::kZstd},
};

struct ForeignMagic {
  size_t offset;
  std::string_view bytes;
  std::string_view name;
};

constexpr ForeignMagic kForeign[] = {
    {0, "7z\xBC\xAF\x27\x1C", "7z archive"},
    {0, "Rar!\x1A\x07", "RAR archive"},
    {0, {"MSCF\0\0\0\0", 8}, "cabinet archive"},
    {0, "\x60\xEA", "ARJ archive"},
    {2, "-lh0-", "LHA archive"},
    {2, "-lh5-", "LHA archive"},
    {2, "-lh6-", "LHA archive"},
    {2, "-lh7-", "LHA archive"},
    {7, "**ACE**", "ACE archive"},
    {0, {"xar!\0", 5}, "xar archive"},
    {0, "!<arch>\n", "ar archive"},
    {0, "LZIP\x01", "lzip file"},
    {0, "\x1F\x9D", "compress file"},
    {0, "\x1F\xA0", "compress file"},
    {0, "\x02\x21\x4C\x18", "old lz4 file"},
    {0, {"\x89LZO\0", 5}, "lzop file"},
    {0, "PK\x07\x08", "zip of several parts"},
    {0, "PK00PK", "zip of several parts"},
};

// A frame that lz4 and zstd skip.
bool IsSkippable(std::string_view first_bytes) {
  return first_bytes.size() >= 4 && (first_bytes[0] & 0xF0) == 0x50 &&
         first_bytes.substr(1, 3) == "\x2A\x4D\x18";
}

bool IsBzip2(std::string_view bytes) {
  return bytes.starts_with("BZh") && bytes.size() >= 10 && bytes[3] >= '1' && bytes[3] <= '9' &&
         (bytes.substr(4, 6) == "\x31\x41\x59\x26\x53\x59" ||
          bytes.substr(4, 6) == "\x17\x72\x45\x38\x50\x90");
}

bool IsZlibHeader(std::string_view bytes) {
  if (bytes.size() < 2 || bytes[0] != '\x78') return false;
  const auto flags = static_cast<uint8_t>(bytes[1]);
  return flags == 0x01 || flags == 0x5E || flags == 0x9C || flags == 0xDA;
}

bool IsLzmaHeader(std::string_view bytes) {
  return bytes.starts_with(std::string_view("\x5D\0\0", 3)) && bytes.size() >= 13;
}

// Does this decompress as far as it goes?
bool Expands(std::string_view bytes, Compression compression) {
  const std::unique_ptr<Decoder> decoder = NewDecoder(compression);
  auto out = std::make_unique<std::array<char, (4 << 10)>>();
  while (true) {
    const Decoder::Step step = decoder->Decode(bytes, *out);
    if (step.state != Decoder::State::kMore) return step.state != Decoder::State::kBroken;
    if (step.used == 0 && step.made == 0) return true;
    bytes.remove_prefix(step.used);
  }
}

bool MayBeMany(Compression compression) {
  return compression != Compression::kZlib && compression != Compression::kLzma;
}

const Rule* RuleOf(ExpandFault fault) {
  switch (fault) {
    case ExpandFault::kNone:
      return nullptr;
    case ExpandFault::kBroken:
      return &rules::kCompressedBroken;
    case ExpandFault::kCut:
      return &rules::kCompressedCut;
    case ExpandFault::kTrailing:
      return &rules::kCompressedTrailing;
    case ExpandFault::kMemory:
      return &rules::kCompressedMemory;
    case ExpandFault::kTooLarge:
      return &rules::kTooLarge;
  }
  return nullptr;
}

// "model.pkl" of "model.pkl.gz".
std::string ExpandedName(std::string_view name) {
  constexpr std::string_view kSuffixes[] = {".gz", ".bz2", ".xz", ".lzma", ".lz4", ".zst", ".z"};
  if (name.ends_with(".tgz")) return std::string(name.substr(0, name.size() - 3)) + "tar";
  for (const std::string_view suffix : kSuffixes) {
    if (name.ends_with(suffix) && name.size() > suffix.size()) {
      return std::string(name.substr(0, name.size() - suffix.size()));
    }
  }
  return std::string(name);
}

}  // namespace

std::optional<Compression> ProbeCompression(std::string_view first_bytes) {
  first_bytes = first_bytes.substr(0, kProbeBytes);
  for (const Magic& magic : kMagics) {
    if (first_bytes.starts_with(magic.bytes)) return magic.compression;
  }
  if (IsBzip2(first_bytes)) return Compression::kBzip2;
  if (IsZlibHeader(first_bytes) && Expands(first_bytes, Compression::kZlib)) return Compression::kZlib;
  if (IsLzmaHeader(first_bytes) && Expands(first_bytes, Compression::kLzma)) return Compression::kLzma;
  return {};
}

absl::Status InspectCompressed(Subject& subject) {
  ByteReader reader(subject.bytes());
  const std::optional<Compression> compression = ProbeCompression(reader.Peek(kProbeBytes));
  if (!compression) return reader.status();
  subject.SetFormat(CompressionName(*compression));
  ExpandedSource content(subject.bytes(), *compression, MayBeMany(*compression));
  RETURN_IF_ERROR(content.Measure(subject.report(), subject.limits()));
  if (const Rule* rule = RuleOf(content.fault())) {
    subject.Add(*rule, 0, fmt::format("{} after {} bytes of it", rule->meaning, content.size_bytes()));
    if (rule->grade == Grade::kBomb || content.size_bytes() == 0) return absl::OkStatus();
  }
  // Also what is damaged: a pickle runs as far as it goes.
  absl::Status inspected = subject.Inspect(ExpandedName(subject.name()), content);
  if (inspected.ok() || !content.gave_up()) return inspected;
  subject.Add(rules::kTooComplex, 0, "too large to be read back and forth");
  return absl::OkStatus();
}

std::string_view ForeignArchiveName(std::string_view first_bytes) {
  for (const ForeignMagic& magic : kForeign) {
    if (first_bytes.size() >= magic.offset && first_bytes.substr(magic.offset).starts_with(magic.bytes)) {
      return magic.name;
    }
  }
  return IsSkippable(first_bytes) ? "frame that is skipped" : std::string_view();
}

absl::Status InspectForeignArchive(Subject& subject) {
  ByteReader reader(subject.bytes());
  const std::string_view name = ForeignArchiveName(reader.Peek(16));
  RETURN_IF_ERROR(reader.status());
  subject.SetFormat(name);
  subject.Add(rules::kForeignArchive, 0, fmt::format("a {} is not looked into", name));
  return absl::OkStatus();
}

}  // namespace batuta::safety
