#include "daemon/safety/container/compression.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/container/expanded_source.h"
#include "daemon/safety/container/rules.h"
#include "tests/support/archives/packed.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::safety {
namespace {

struct Kind {
  Compression compression;
  std::function<std::string(std::string_view)> pack;
  bool may_be_many = true;
};

const std::vector<Kind>& Kinds() {
  static const std::vector<Kind> kinds = {
      {Compression::kGzip, test::Gzipped},          {Compression::kZlib, test::Zlibbed, false},
      {Compression::kBzip2, test::Bzipped},         {Compression::kXz, test::Xzed},
      {Compression::kLzma, test::LzmaAlone, false}, {Compression::kLz4, test::Lz4Framed},
      {Compression::kZstd, test::Zstded},
  };
  return kinds;
}

// What compresses badly, so that no budget is touched.
std::string Varied(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 1;
  for (char& byte : bytes) {
    state = state * 1'664'525 + 1'013'904'223;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

std::string& Seen() {
  static std::string seen;
  return seen;
}

absl::Status See(Subject& subject) {
  ByteReader reader(subject.bytes());
  Seen() = std::string(subject.name()) + "=";
  reader.Append(reader.size_bytes(), Seen());
  return reader.status();
}

// Codes of what is found; what it expanded to is in Seen().
std::set<std::string> Inspect(std::string_view bytes, const Limits& limits = {}) {
  MemorySource source(bytes);
  Report report;
  Subject subject("model.pkl.gz", source, report, See, limits);
  Seen().clear();
  EXPECT_THAT(InspectCompressed(subject), IsOk());
  std::set<std::string> codes;
  for (const Finding& finding : std::move(report).Take().findings) codes.insert(finding.code);
  return codes;
}

TEST(Compression, EveryKindIsKnownAndExpanded) {
  for (const Kind& kind : Kinds()) {
    SCOPED_TRACE(CompressionName(kind.compression));
    const std::string content = Varied(300'000);
    const std::string packed = kind.pack(content);
    EXPECT_EQ(ProbeCompression(packed), kind.compression);
    EXPECT_THAT(Inspect(packed), testing::IsEmpty());
    EXPECT_EQ(Seen(), "model.pkl=" + content);
    EXPECT_THAT(Inspect(kind.pack("")), testing::IsEmpty());
  }
}

TEST(Compression, StreamAfterStreamIsRead) {
  for (const Kind& kind : Kinds()) {
    SCOPED_TRACE(CompressionName(kind.compression));
    const std::set<std::string> codes = Inspect(kind.pack("one, ") + kind.pack("two, ") + kind.pack("three"));
    if (kind.may_be_many) {
      EXPECT_THAT(codes, testing::IsEmpty());
      EXPECT_EQ(Seen(), "model.pkl=one, two, three");
    } else {
      EXPECT_EQ(codes, (std::set<std::string>{"compressed-trailing"}));
    }
  }
}

TEST(Compression, AnyByteMoreIsFound) {
  for (const Kind& kind : Kinds()) {
    SCOPED_TRACE(CompressionName(kind.compression));
    const std::string packed = kind.pack("some content");
    for (int byte = 0; byte < 256; ++byte) {
      EXPECT_FALSE(Inspect(packed + static_cast<char>(byte)).empty()) << byte;
    }
    EXPECT_EQ(Inspect(packed + std::string(4, '\0')), (std::set<std::string>{"compressed-trailing"}));
  }
}

TEST(Compression, WhatIsCutIsFoundAndReadAsFarAsItGoes) {
  for (const Kind& kind : Kinds()) {
    SCOPED_TRACE(CompressionName(kind.compression));
    const std::string content = Varied(300'000);
    const std::string packed = kind.pack(content);
    EXPECT_THAT(Inspect(packed.substr(0, packed.size() - 1)), testing::Contains("compressed-cut"));
    EXPECT_THAT(Inspect(packed.substr(0, packed.size() * 2 / 3)), testing::Contains("compressed-cut"));
    EXPECT_THAT(Seen(), testing::StartsWith("model.pkl=" + content.substr(0, 100'000)));
  }
}

TEST(Compression, AByteChangedIsFoundOrChangesNothing) {
  for (const Kind& kind : Kinds()) {
    SCOPED_TRACE(CompressionName(kind.compression));
    const std::string packed = kind.pack("some content that is long enough to be compressed, compressed");
    // lzma alone has no checksum.
    if (kind.compression == Compression::kLzma) continue;
    for (size_t at = 0; at < packed.size(); ++at) {
      std::string changed = packed;
      changed[at] = static_cast<char>(changed[at] ^ 0x04);
      if (ProbeCompression(changed) != kind.compression || !Inspect(changed).empty()) continue;
      EXPECT_THAT(Seen(), testing::EndsWith("=some content that is long enough to be compressed, compressed"))
          << at;
    }
  }
}

TEST(Compression, BombsAreNotExpandedFurther) {
  for (const Kind& kind : Kinds()) {
    SCOPED_TRACE(CompressionName(kind.compression));
    const std::string bomb = kind.pack(std::string(4 << 20, '\0'));
    EXPECT_EQ(Inspect(bomb), (std::set<std::string>{"expands-too-far"}));
    EXPECT_EQ(Seen(), "");
  }
}

TEST(Compression, ADictionaryThatTakesTooMuchMemoryIsNotLookedInto) {
  std::string lzma = test::LzmaAlone("content");
  lzma[4] = '\x40';  // a dictionary of a gigabyte
  lzma[1] = lzma[2] = lzma[3] = '\0';
  EXPECT_EQ(Inspect(lzma), (std::set<std::string>{"compressed-memory"}));
  EXPECT_EQ(rules::kCompressedMemory.grade, Grade::kUnknown) << "somebody may admit it";
}

TEST(Compression, ATextIsNotTakenForCompressed) {
  for (const std::string_view text : {"x^2 + y^2 = z^2, as everybody knows who went to school",
                                      "BZh9 is a magic", "]]]", "Rar files", "PK", "7z", ""}) {
    EXPECT_EQ(ProbeCompression(text), std::nullopt) << text;
    EXPECT_EQ(ForeignArchiveName(text), "") << text;
  }
}

TEST(Compression, ForeignArchivesAreRefusedByTheirMagic) {
  EXPECT_EQ(ForeignArchiveName("7z\xBC\xAF\x27\x1C and so on"), "7z archive");
  EXPECT_EQ(ForeignArchiveName("Rar!\x1A\x07\x01\x00"), "RAR archive");
  EXPECT_EQ(ForeignArchiveName("\x51\x2A\x4D\x18    "), "frame that is skipped");
  MemorySource source("7z\xBC\xAF\x27\x1C and so on");
  Report report;
  Subject subject("model.pt", source, report, nullptr);
  ASSERT_THAT(InspectForeignArchive(subject), IsOk());
  const Verdict verdict = std::move(report).Take();
  EXPECT_EQ(verdict.format, "7z archive");
  EXPECT_EQ(verdict.grades, Grades{Grade::kUnknown});
}

constexpr uint64_t kKeptBytes = ExpandedSource::kMostPieces * ExpandedSource::kPieceBytes;

TEST(ExpandedSource, WhatIsLargeIsReadAnywhere) {
  const std::string content = Varied(kKeptBytes + 1'012'345);
  for (const Kind& kind : Kinds()) {
    SCOPED_TRACE(CompressionName(kind.compression));
    if (kind.compression != Compression::kGzip && kind.compression != Compression::kZstd) continue;
    const std::string packed = kind.pack(content);
    MemorySource source(packed);
    Report report;
    const Subject subject("file", source, report, nullptr);
    ExpandedSource expanded(source, kind.compression, kind.may_be_many);
    ASSERT_THAT(expanded.Measure(report, subject.limits()), IsOk());
    ASSERT_EQ(expanded.size_bytes(), content.size());
    std::string piece(ExpandedSource::kPieceBytes + 77, '\0');
    const uint64_t last = content.size() - piece.size();
    for (const uint64_t offset :
         {last, uint64_t{10}, uint64_t{5'000'000}, uint64_t{65'536}, last / 2, last}) {
      ASSERT_THAT(expanded.Read(offset, piece), IsOk());
      EXPECT_EQ(piece, content.substr(offset, piece.size())) << offset;
    }
  }
}

TEST(ExpandedSource, GzipIsReadBackAndForthWithoutBeginningAnew) {
  const std::string content = Varied(kKeptBytes * 2);
  const std::string packed =
      test::Gzipped(content.substr(0, 3'000'000)) + test::Gzipped(content.substr(3'000'000));
  MemorySource source(packed);
  Report report;
  const Subject subject("file", source, report, nullptr);
  ExpandedSource expanded(source, Compression::kGzip, /*many=*/true);
  ASSERT_THAT(expanded.Measure(report, subject.limits()), IsOk());
  std::string piece(100, '\0');
  for (uint64_t i = 0; i < 100; ++i) {
    const uint64_t offset = (i % 2 == 0 ? i : 150 - i) * 100'000;
    ASSERT_THAT(expanded.Read(offset, piece), IsOk());
    EXPECT_EQ(piece, content.substr(offset, piece.size()));
  }
}

// Reads here and there.
absl::Status Wander(Subject& subject) {
  std::string piece(10, '\0');
  uint64_t offset = 0;
  for (int i = 0; i < 2'000; ++i) {
    offset = (offset + 10'000'019) % (subject.size_bytes() - piece.size());
    absl::Status status = subject.bytes().Read(offset, piece);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

TEST(Compression, WhatWouldBeReadBackAndForthTooOftenIsTooComplex) {
  const std::string packed = test::Lz4Framed(Varied(kKeptBytes * 2));
  MemorySource source(packed);
  Report report;
  Subject subject("file.z", source, report, Wander);
  ASSERT_THAT(InspectCompressed(subject), IsOk());
  const Verdict verdict = std::move(report).Take();
  ASSERT_EQ(verdict.findings.size(), 1U);
  EXPECT_EQ(verdict.findings[0].code, "too-complex");
}

}  // namespace
}  // namespace batuta::safety
