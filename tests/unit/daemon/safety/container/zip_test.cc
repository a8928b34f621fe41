#include "daemon/safety/container/zip.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/safety/base/byte_reader.h"
#include "tests/support/archives/large_torch_zip.h"
#include "tests/support/archives/zip_model.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::safety {
namespace {

using test::Bytes32;
using test::Bytes64;
using test::DeflatedMember;
using test::DescribedMember;
using test::ExtraField;
using test::StoredMember;
using test::WriteZip;
using test::ZipMember;
using test::ZipModel;

struct Read {
  std::multimap<std::string, std::string> members;
  Verdict verdict;
};

std::set<std::string> Codes(const Verdict& verdict) {
  std::set<std::string> codes;
  for (const Finding& finding : verdict.findings) codes.insert(finding.code);
  return codes;
}

absl::Status Keep(ByteSource& content, std::string& kept) {
  ByteReader reader(content);
  reader.Append(reader.size_bytes(), kept);
  return reader.status();
}

Read ReadAll(std::string_view bytes, const Limits& limits = {}) {
  MemorySource source(bytes);
  Report report;
  Subject subject(
      "file.zip", source, report, [](Subject&) { return absl::OkStatus(); }, limits);
  Read read;
  ZipArchive zip(subject);
  EXPECT_THAT(zip.ReadDirectory(), IsOk());
  for (size_t i = 0; i < zip.entries().size(); ++i) {
    const std::string& name = zip.entries()[i].name;
    EXPECT_THAT(
        zip.Open(i, ZipArchive::Digest::kVerified,
                 [&](ByteSource& content) { return Keep(content, read.members.emplace(name, "")->second); }),
        IsOk());
  }
  EXPECT_THAT(zip.ReadHeaders(), IsOk());
  read.verdict = std::move(report).Take();
  return read;
}

ZipModel Plain() {
  ZipModel model;
  model.members = {StoredMember("first.txt", "a text that is stored as it is"),
                   DeflatedMember("folder/second.bin", std::string(300, 'x')),
                   DescribedMember("folder/third", "behind which a descriptor stands"),
                   StoredMember("empty/", "")};
  return model;
}

TEST(Zip, ReadsMembersOfEveryKind) {
  ZipModel model = Plain();
  model.comment = "made by hand";
  const Read read = ReadAll(WriteZip(model));
  EXPECT_THAT(read.verdict.findings, testing::IsEmpty());
  EXPECT_THAT(read.members,
              testing::UnorderedElementsAre(testing::Pair("first.txt", "a text that is stored as it is"),
                                            testing::Pair("folder/second.bin", std::string(300, 'x')),
                                            testing::Pair("folder/third", "behind which a descriptor stands"),
                                            testing::Pair("empty/", "")));
}

TEST(Zip, AcceptsWhatWritersDoThatIsHarmless) {
  const auto accepts = [](const std::function<void(ZipModel&)>& change) {
    ZipModel model = Plain();
    change(model);
    return Codes(ReadAll(WriteZip(model)).verdict);
  };
  // torch
  EXPECT_THAT(accepts([](ZipModel& zip) {
                zip.has_zip64_end = true;
                zip.members[0].local.extra = ExtraField(0x4246, "ZZZZZZZZ");
              }),
              testing::IsEmpty());
  // torch, beyond four gigabytes: the header has the offset only
  EXPECT_THAT(accepts([](ZipModel& zip) {
                zip.members[0].directory.extra = ExtraField(1, Bytes64(0));
                zip.members[0].header_offset = 0xFFFFFFFF;
                zip.members[0].local.extra = ExtraField(1, Bytes64(0));
              }),
              testing::IsEmpty());
  // Python, which did not know the size before
  EXPECT_THAT(accepts([](ZipModel& zip) {
                ZipMember& member = zip.members[2];
                member.local.packed_bytes = member.local.size_bytes = 0xFFFFFFFF;
                member.local.extra = ExtraField(1, Bytes64(0) + Bytes64(0));
                member.descriptor = "PK\7\10" + Bytes32(member.crc32) + Bytes64(member.size_bytes) +
                                    Bytes64(member.size_bytes);
              }),
              testing::IsEmpty());
  // and where it cannot go back
  EXPECT_THAT(accepts([](ZipModel& zip) {
                ZipMember& member = zip.members[2];
                member.local.extra = ExtraField(1, Bytes64(0) + Bytes64(0));
                member.descriptor = "PK\7\10" + Bytes32(member.crc32) + Bytes64(member.size_bytes) +
                                    Bytes64(member.size_bytes);
              }),
              testing::IsEmpty());
  // Info-ZIP
  EXPECT_THAT(accepts([](ZipModel& zip) {
                zip.members[0].local.extra =
                    ExtraField(0x5455, std::string("\3aaaabbbb")) + ExtraField(0x7875, "\1\4aaaa\4bbbb");
                zip.members[0].directory.extra = ExtraField(0x5455, std::string("\3aaaa"));
                zip.members[0].attributes = 0100644U << 16;
                zip.members[3].attributes = (0040755U << 16) | 0x10;
              }),
              testing::IsEmpty());
  EXPECT_THAT(accepts([](ZipModel& zip) { zip.members.clear(); }), testing::IsEmpty());
}

struct Broken {
  const char* code;
  const char* what;
  std::function<void(ZipModel&)> change;
};

const std::vector<Broken>& OneRuleBrokenEach() {
  static const std::vector<Broken> broken = {
      {"zip-cut", "no end record", [](ZipModel& zip) { zip.after = std::string(70'000, 'x'); }},
      {"zip-end", "trailing byte", [](ZipModel& zip) { zip.after = "x"; }},
      {"zip-end", "second end record before the first",
       [](ZipModel& zip) {
         zip.before_end = std::string("PK\5\6", 4) + std::string(16, '\0') + std::string("\x16\0", 2);
       }},
      {"zip-comment", "mark in the comment", [](ZipModel& zip) { zip.comment = "see PK"; }},
      {"zip-end", "end record in the comment",
       [](ZipModel& zip) { zip.comment = "PK\5\6" + std::string(18, '\0'); }},
      {"zip-comment", "record in a member's comment",
       [](ZipModel& zip) { zip.members[0].comment = "PK\1\2"; }},
      {"zip-gap", "prefix", [](ZipModel& zip) { zip.members[0].before = "prefix"; }},
      {"zip-gap", "between members", [](ZipModel& zip) { zip.members[1].before = "x"; }},
      {"zip-gap", "before the directory",
       [](ZipModel& zip) {
         zip.members.pop_back();
         zip.members.pop_back();
         zip.before_directory = "x";
       }},
      {"zip-gap", "before the directory of nothing",
       [](ZipModel& zip) {
         zip.members.clear();
         zip.before_directory = "x";
       }},
      {"zip-counts", "between directory and end", [](ZipModel& zip) { zip.before_end = "x"; }},
      {"zip-counts", "one too many", [](ZipModel& zip) { zip.count = 5; }},
      {"zip-counts", "one too few", [](ZipModel& zip) { zip.count = 3; }},
      {"zip-counts", "directory shorter", [](ZipModel& zip) { zip.directory_bytes = 60; }},
      {"zip-counts", "directory elsewhere", [](ZipModel& zip) { zip.directory_offset = 3; }},
      {"zip-counts", "several disks", [](ZipModel& zip) { zip.disk = 1; }},
      {"zip-counts", "member on another disk", [](ZipModel& zip) { zip.members[0].disk = 1; }},
      {"zip-counts", "zip64 says more members",
       [](ZipModel& zip) {
         zip.has_zip64_end = true;
         zip.count64 = 5;
       }},
      {"zip-counts", "zip64 field without its numbers",
       [](ZipModel& zip) { zip.members[0].directory.size_bytes = 0xFFFFFFFF; }},
      {"zip-counts", "zip64 number that nothing asks for",
       [](ZipModel& zip) { zip.members[0].directory.extra = ExtraField(1, Bytes64(30)); }},
      {"zip-overlap", "two members, one header",
       [](ZipModel& zip) {
         zip.members[1] = zip.members[0];
         zip.members[1].name = "other.txt";
         zip.members[1].header_offset = 0;
       }},
      {"zip-overlap", "content reaches into the next",
       [](ZipModel& zip) {
         zip.members[0].directory.packed_bytes = zip.members[0].directory.size_bytes = 31;
       }},
      {"zip-overlap", "header inside the directory",
       [](ZipModel& zip) { zip.members[3].header_offset = 400; }},
      {"zip-header", "another name", [](ZipModel& zip) { zip.members[0].local.name = "third.txt"; }},
      {"zip-header", "another flag", [](ZipModel& zip) { zip.members[0].local.flags = 0x0800; }},
      {"zip-header", "another method", [](ZipModel& zip) { zip.members[1].local.method = 0; }},
      {"zip-header", "another checksum", [](ZipModel& zip) { zip.members[0].local.crc32 = 1; }},
      {"zip-header", "another size", [](ZipModel& zip) { zip.members[0].local.size_bytes = 29; }},
      {"zip-header", "another packed size", [](ZipModel& zip) { zip.members[0].local.packed_bytes = 29; }},
      {"zip-header", "zip64 number of its own",
       [](ZipModel& zip) { zip.members[0].local.extra = ExtraField(1, Bytes64(29)); }},
      {"zip-header", "no header there", [](ZipModel& zip) { zip.members[1].header_offset = 70; }},
      {"zip-descriptor", "missing", [](ZipModel& zip) { zip.members[2].descriptor.clear(); }},
      {"zip-descriptor", "another checksum", [](ZipModel& zip) { zip.members[2].descriptor[5] ^= 1; }},
      {"zip-descriptor", "another size", [](ZipModel& zip) { zip.members[2].descriptor[8] ^= 1; }},
      {"zip-descriptor", "longer", [](ZipModel& zip) { zip.members[2].descriptor += 'x'; }},
      {"zip-flags", "encrypted", [](ZipModel& zip) { zip.members[0].flags = 0x1; }},
      {"zip-flags", "patch", [](ZipModel& zip) { zip.members[0].flags = 0x20; }},
      {"zip-flags", "strongly encrypted", [](ZipModel& zip) { zip.members[0].flags = 0x40; }},
      {"zip-flags", "masked", [](ZipModel& zip) { zip.members[0].flags = 0x2000; }},
      {"zip-method", "bzip2", [](ZipModel& zip) { zip.members[1].method = 12; }},
      {"zip-stored", "two sizes", [](ZipModel& zip) { zip.members[0].size_bytes = 29; }},
      {"zip-extra", "unknown field",
       [](ZipModel& zip) { zip.members[0].directory.extra = ExtraField(0x1234, "x"); }},
      {"zip-extra", "unknown field of the header",
       [](ZipModel& zip) { zip.members[0].local.extra = ExtraField(0x1234, "x"); }},
      {"zip-extra", "another name in Unicode",
       [](ZipModel& zip) {
         zip.members[0].directory.extra = ExtraField(0x7075, std::string("\1\0\0\0\0other.txt", 14));
       }},
      {"zip-extra", "padding that hides something",
       [](ZipModel& zip) { zip.members[0].local.extra = ExtraField(0x4246, "ZZZPK"); }},
      {"zip-extra", "longer than there is",
       [](ZipModel& zip) { zip.members[0].directory.extra = "FB\x9\0"; }},
      {"zip-digest", "stored", [](ZipModel& zip) { zip.members[0].crc32 ^= 1; }},
      {"zip-digest", "deflated", [](ZipModel& zip) { zip.members[1].crc32 ^= 1; }},
      {"zip-deflate", "damaged", [](ZipModel& zip) { zip.members[1].packed = "\xff\xff\xff\xff"; }},
      {"zip-deflate", "cut", [](ZipModel& zip) { zip.members[1].packed.pop_back(); }},
      {"zip-deflate", "something behind", [](ZipModel& zip) { zip.members[1].packed += 'x'; }},
      {"zip-deflate", "longer than said", [](ZipModel& zip) { zip.members[1].size_bytes = 299; }},
      {"zip-deflate", "shorter than said", [](ZipModel& zip) { zip.members[1].size_bytes = 301; }},
      {"expands-too-far", "bomb",
       [](ZipModel& zip) { zip.members[1] = DeflatedMember("zeros", std::string(2 << 20, '\0')); }},
      {"zip-deflate", "bomb that says it is none",
       [](ZipModel& zip) {
         zip.members[1] = DeflatedMember("zeros", std::string(2 << 20, '\0'));
         zip.members[1].size_bytes = 1'000'000;
       }},
      {"member-twice", "same name",
       [](ZipModel& zip) { zip.members.push_back(StoredMember("first.txt", "2")); }},
      {"member-twice", "other case",
       [](ZipModel& zip) { zip.members.push_back(StoredMember("First.TXT", "2")); }},
      {"member-twice", "file and folder",
       [](ZipModel& zip) { zip.members.push_back(StoredMember("empty", "2")); }},
      {"member-folder", "with content", [](ZipModel& zip) { zip.members[3] = StoredMember("empty/", "2"); }},
      {"member-folder", "by its mode only", [](ZipModel& zip) { zip.members[0].attributes = 040755U << 16; }},
      {"member-folder", "by its attributes only", [](ZipModel& zip) { zip.members[0].attributes = 0x10; }},
      {"member-folder", "by its name only",
       [](ZipModel& zip) { zip.members[3].attributes = 0100644U << 16; }},
      {"member-escapes", "parent", [](ZipModel& zip) { zip.members[0].name = "a/../../b"; }},
      {"member-escapes", "parent by backslash", [](ZipModel& zip) { zip.members[0].name = "a\\..\\b"; }},
      {"member-escapes", "absolute", [](ZipModel& zip) { zip.members[0].name = "/etc/passwd"; }},
      {"member-escapes", "drive", [](ZipModel& zip) { zip.members[0].name = "C:b"; }},
      {"member-name", "backslash", [](ZipModel& zip) { zip.members[0].name = "a\\b"; }},
      {"member-name", "NUL", [](ZipModel& zip) { zip.members[0].name = std::string("a\0.txt", 6); }},
      {"member-name", "control character", [](ZipModel& zip) { zip.members[0].name = "a\nb"; }},
      {"member-name", "trailing dot", [](ZipModel& zip) { zip.members[0].name = "a."; }},
      {"member-name", "trailing space", [](ZipModel& zip) { zip.members[0].name = "a "; }},
      {"member-name", "empty component", [](ZipModel& zip) { zip.members[0].name = "a//b"; }},
      {"member-name", "none", [](ZipModel& zip) { zip.members[0].name = ""; }},
      {"member-name", "no encoding", [](ZipModel& zip) { zip.members[0].name = "\xc3\xa4"; }},
      {"member-name", "not UTF-8",
       [](ZipModel& zip) {
         zip.members[0].flags = 0x0800;
         zip.members[0].name = "\xe4";
       }},
      {"member-name", "too long", [](ZipModel& zip) { zip.members[0].name = std::string(5'000, 'a'); }},
      {"member-link", "symbolic link", [](ZipModel& zip) { zip.members[0].attributes = 0120777U << 16; }},
      {"member-link", "device", [](ZipModel& zip) { zip.members[0].attributes = 0060600U << 16; }},
      {"member-link", "setuid", [](ZipModel& zip) { zip.members[0].attributes = 0104755U << 16; }},
  };
  return broken;
}

TEST(Zip, FindsEachRuleThatIsBroken) {
  for (const Broken& broken : OneRuleBrokenEach()) {
    ZipModel model = Plain();
    broken.change(model);
    EXPECT_THAT(Codes(ReadAll(WriteZip(model)).verdict), testing::Contains(broken.code)) << broken.what;
  }
}

TEST(Zip, SaysOnceMoreThatItIsUnknownWhatIsInsideWhereReadersWouldDiffer) {
  for (const Broken& broken : OneRuleBrokenEach()) {
    if (broken.what != std::string_view("directory elsewhere") &&
        broken.what != std::string_view("second end record before the first")) {
      continue;
    }
    ZipModel model = Plain();
    broken.change(model);
    EXPECT_THAT(Codes(ReadAll(WriteZip(model)).verdict), testing::Contains("zip-unreadable")) << broken.what;
  }
}

TEST(Zip, TooManyMembersAreABomb) {
  ZipModel model;
  for (int i = 0; i <= 100'000; ++i) model.members.push_back(StoredMember(std::to_string(i), ""));
  model.has_zip64_end = true;
  model.count64 = 100'001;
  model.count = 0xFFFF;
  EXPECT_EQ(Codes(ReadAll(WriteZip(model)).verdict), (std::set<std::string>{"zip-too-many"}));
}

TEST(Zip, WhatIsDamagedIsReadAsFarAsItGoes) {
  ZipModel model = Plain();
  std::string varied;
  for (int i = 0; i < 20'000; ++i) varied += std::to_string(i * 7);
  model.members[1] = DeflatedMember("second", varied);
  model.members[1].packed.resize(model.members[1].packed.size() / 2);
  const Read read = ReadAll(WriteZip(model));
  EXPECT_THAT(Codes(read.verdict), testing::Contains("zip-deflate"));
  EXPECT_THAT(read.members,
              testing::Contains(testing::Pair("second", testing::StartsWith(varied.substr(0, 9'000)))));
}

TEST(Zip, AnyByteChangedIsFoundOrChangesNothing) {
  const std::string whole = WriteZip(Plain());
  const auto members = ReadAll(whole).members;
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char bits : {'\x01', '\x80', '\x3f'}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ bits);
      const Read read = ReadAll(changed);
      if (read.verdict.grades.empty()) {
        EXPECT_EQ(read.members, members) << at;
      }
    }
  }
}

TEST(Zip, AnyByteMoreOrLessIsFound) {
  const std::string whole = WriteZip(Plain());
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_FALSE(ReadAll(whole + static_cast<char>(byte)).verdict.grades.empty()) << byte;
  }
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ReadAll(whole.substr(0, size)).verdict.grades.empty()) << size;
  }
}

TEST(Zip, AccountsForTenGigabytesByDirectoryAndHeadersAlone) {
  test::SparseFile file = test::LargeTorchZip(3'000, 3'579'136);
  Report report;
  Subject subject("model.bin", file, report, nullptr);
  ZipArchive zip(subject);
  ASSERT_THAT(zip.ReadDirectory(), IsOk());
  ASSERT_THAT(zip.ReadHeaders(), IsOk());
  EXPECT_EQ(zip.entries().size(), 3'002U);
  EXPECT_GT(file.size_bytes(), 10'000'000'000U);
  EXPECT_THAT(Codes(std::move(report).Take()), testing::IsEmpty());
  EXPECT_LT(file.read_bytes(), 2U << 20);
}

TEST(Zip, TheDirectoryIsKnownWhereOnlyTheLastBytesAreHere) {
  test::SparseFile file = test::LargeTorchZip(100, 1 << 20);
  file.OnlyFrom(file.size_bytes() - ZipArchive::kTailBytes);
  Report report;
  Subject subject("model.bin", file, report, nullptr);
  ZipArchive zip(subject);
  ASSERT_THAT(zip.ReadDirectory(), IsOk());
  EXPECT_EQ(zip.entries().size(), 102U);
  EXPECT_THAT(zip.ReadHeaders(), StatusIs(absl::StatusCode::kOutOfRange));
}

}  // namespace
}  // namespace batuta::safety
