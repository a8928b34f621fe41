#include "daemon/safety/container/tar.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/archives/tar_model.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::safety {
namespace {

using test::PaxRecord;
using test::TarFile;
using test::TarMember;
using test::TarModel;
using test::WriteTar;

struct Walked {
  std::vector<TarEntry> entries;
  std::set<std::string> codes;
  std::vector<std::string> members;  // "name=content", of a folder "name/"
};

Walked Walk(const std::string& bytes) {
  MemorySource source(bytes);
  Report report;
  Subject subject("file.tar", source, report, nullptr);
  Walked walked;
  EXPECT_THAT(ReadTar(subject, walked.entries), IsOk());
  for (const Finding& finding : std::move(report).Take().findings) walked.codes.insert(finding.code);
  for (const TarEntry& entry : walked.entries) {
    walked.members.push_back(
        entry.is_folder ? entry.name + "/" : entry.name + "=" + bytes.substr(entry.offset, entry.size_bytes));
  }
  return walked;
}

TarMember Typed(char type, std::string_view name, std::string_view content = {}) {
  TarMember member = TarFile(name, content);
  member.type = type;
  return member;
}

TarModel Plain() {
  TarModel model;
  model.members = {Typed('5', "./"), TarFile("./model_config.yaml", "target: x"),
                   TarFile("weights.ckpt", std::string(700, 'w')), Typed('5', "folder/")};
  return model;
}

TEST(Tar, ReadsMembersOfEveryWriter) {
  TarModel model = Plain();
  // ustar with a long name
  model.members.push_back(TarFile("split", "1"));
  model.members.back().prefix = "long";
  // GNU
  model.members.push_back(
      Typed('L', "././@LongLink", std::string("gnu") + std::string(120, 'g') + std::string(1, '\0')));
  model.members.push_back(TarFile("gnu", "2"));
  model.members.back().magic = std::string("ustar  \0", 8);
  // pax
  model.members.push_back(Typed('g', "pax_global_header", PaxRecord("comment", "0123")));
  model.members.push_back(Typed(
      'x', "PaxHeader", PaxRecord("path", "pax/name") + PaxRecord("mtime", "1.5") + PaxRecord("size", "1")));
  model.members.push_back(TarFile("pax", "3"));
  // v7, and a size in base 256
  model.members.push_back(TarFile("v7", "4"));
  model.members.back().magic = std::string(8, '\0');
  model.members.back().type = '\0';
  model.members.back().size_field = "\x80" + std::string(10, '\0') + "\1";
  const Walked walked = Walk(WriteTar(model));
  EXPECT_THAT(walked.codes, testing::IsEmpty());
  EXPECT_THAT(walked.members,
              testing::ElementsAre("/", "model_config.yaml=target: x",
                                   "weights.ckpt=" + std::string(700, 'w'), "folder//", "long/split=1",
                                   "gnu" + std::string(120, 'g') + "=2", "pax/name=3", "v7=4"));
}

struct Broken {
  const char* code;
  const char* what;
  std::function<void(TarModel&)> change;
};

void AddPax(TarModel& tar, const std::string& records) {
  tar.members.push_back(Typed('x', "PaxHeader", records));
  tar.members.push_back(TarFile("pax", "3"));
}

TEST(Tar, FindsEachRuleThatIsBroken) {
  const std::vector<Broken> all = {
      {"tar-header", "checksum", [](TarModel& tar) { tar.members[1].checksum_is_right = false; }},
      {"tar-header", "size that is no number",
       [](TarModel& tar) { tar.members[1].size_field = "0000000001x\0"; }},
      {"tar-header", "size of two numbers",
       [](TarModel& tar) { tar.members[1].size_field = "00001 000011"; }},
      {"tar-header", "negative size",
       [](TarModel& tar) { tar.members[1].size_field = "\xff" + std::string(11, '\xff'); }},
      {"tar-header", "prefix where not all readers have one",
       [](TarModel& tar) {
         tar.members[1].magic = std::string("ustar  \0", 8);
         tar.members[1].prefix = "other";
       }},
      {"tar-header", "time that is no number",
       [](TarModel& tar) { tar.members[1].time_field = "yesterday"; }},
      {"tar-header", "unknown magic", [](TarModel& tar) { tar.members[1].magic = "ustar\0x"; }},
      {"tar-cut", "no end mark", [](TarModel& tar) { tar.end.clear(); }},
      {"tar-cut", "half an end mark", [](TarModel& tar) { tar.end.resize(512); }},
      {"tar-cut", "content longer than the file",
       [](TarModel& tar) {
         tar.members[3] = TarFile("a", "");
         tar.members[3].size_field = "00000010000";
       }},
      {"tar-trailing", "after the end mark", [](TarModel& tar) { tar.end.back() = 'x'; }},
      {"tar-trailing", "another archive", [](TarModel& tar) { tar.end += WriteTar(Plain()); }},
      {"tar-trailing", "one block of zeros between",
       [](TarModel& tar) { tar.end = std::string(512, '\0') + WriteTar(Plain()); }},
      {"tar-trailing", "a byte", [](TarModel& tar) { tar.end += '\0'; }},
      {"tar-trailing", "in a last block", [](TarModel& tar) { tar.members[1].padding = "x"; }},
      {"tar-extension", "sparse", [](TarModel& tar) { tar.members[1].type = 'S'; }},
      {"tar-extension", "contiguous", [](TarModel& tar) { tar.members[1].type = '7'; }},
      {"tar-extension", "unknown type", [](TarModel& tar) { tar.members[1].type = 'Z'; }},
      {"tar-extension", "pax sparse", [](TarModel& tar) { AddPax(tar, PaxRecord("GNU.sparse.major", "1")); }},
      {"tar-extension", "pax link", [](TarModel& tar) { AddPax(tar, PaxRecord("linkpath", "x")); }},
      {"tar-extension", "pax key twice",
       [](TarModel& tar) { AddPax(tar, PaxRecord("path", "a") + PaxRecord("path", "b")); }},
      {"tar-extension", "pax length", [](TarModel& tar) { AddPax(tar, "99 path=a\n"); }},
      {"tar-extension", "pax without end", [](TarModel& tar) { AddPax(tar, "9 path=ab"); }},
      {"tar-extension", "pax size that is none", [](TarModel& tar) { AddPax(tar, PaxRecord("size", "-1")); }},
      {"tar-extension", "two sizes", [](TarModel& tar) { AddPax(tar, PaxRecord("size", "2")); }},
      {"tar-extension", "path for all",
       [](TarModel& tar) { tar.members.push_back(Typed('g', "g", PaxRecord("path", "a"))); }},
      {"tar-extension", "two in a row",
       [](TarModel& tar) {
         tar.members.push_back(Typed('L', "L", "a"));
         AddPax(tar, PaxRecord("path", "a"));
       }},
      {"member-link", "symbolic", [](TarModel& tar) { tar.members[3] = Typed('2', "a"); }},
      {"member-link", "hard", [](TarModel& tar) { tar.members[3] = Typed('1', "a"); }},
      {"member-link", "character device", [](TarModel& tar) { tar.members[3] = Typed('3', "a"); }},
      {"member-link", "block device", [](TarModel& tar) { tar.members[3] = Typed('4', "a"); }},
      {"member-link", "pipe", [](TarModel& tar) { tar.members[3] = Typed('6', "a"); }},
      {"member-link", "setuid", [](TarModel& tar) { tar.members[1].mode = 04755; }},
      {"tar-unreadable", "link with content", [](TarModel& tar) { tar.members[3] = Typed('2', "a", "b"); }},
      {"member-twice", "same name",
       [](TarModel& tar) { tar.members.push_back(TarFile("weights.ckpt", "2")); }},
      {"member-twice", "same name by pax",
       [](TarModel& tar) { AddPax(tar, PaxRecord("path", "weights.ckpt")); }},
      {"member-twice", "same name with a dot",
       [](TarModel& tar) { tar.members[2].name = "model_config.yaml"; }},
      {"member-escapes", "parent", [](TarModel& tar) { tar.members[1].name = "../x"; }},
      {"member-escapes", "parent by pax", [](TarModel& tar) { AddPax(tar, PaxRecord("path", "a/../../x")); }},
      {"member-escapes", "absolute", [](TarModel& tar) { tar.members[1].name = "/x"; }},
      {"member-name", "control character", [](TarModel& tar) { tar.members[1].name = "a\nb"; }},
      {"member-folder", "with content", [](TarModel& tar) { tar.members[3] = Typed('5', "a", "b"); }},
  };
  for (const Broken& broken : all) {
    TarModel model = Plain();
    broken.change(model);
    EXPECT_THAT(Walk(WriteTar(model)).codes, testing::Contains(broken.code)) << broken.what;
  }
}

TEST(Tar, AnyByteChangedIsFoundOrChangesNothing) {
  const std::string whole = WriteTar(Plain());
  const std::vector<std::string> members = Walk(whole).members;
  for (size_t at = 0; at < whole.size(); ++at) {
    // A tar has no checksum of its content.
    const bool is_content = at >= 1024 && at < 1033 ? true : at >= 2048 && at < 2748;
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x11);
    const Walked walked = Walk(changed);
    if (!is_content && walked.codes.empty()) {
      EXPECT_EQ(walked.members, members) << at;
    }
  }
}

TEST(Tar, AnyByteMoreOrLessIsFound) {
  const std::string whole = WriteTar(Plain());
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_FALSE(Walk(whole + static_cast<char>(byte)).codes.empty()) << byte;
  }
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(Walk(whole.substr(0, size)).codes.empty()) << size;
  }
}

TEST(Tar, IsKnownByItsFirstHeader) {
  TarModel model = Plain();
  EXPECT_TRUE(IsTar(WriteTar(model)));
  model.members[0].magic = std::string(8, '\0');
  EXPECT_TRUE(IsTar(WriteTar(model)));
  model.members[0].checksum_is_right = false;
  EXPECT_FALSE(IsTar(WriteTar(model)));
  EXPECT_FALSE(IsTar(std::string(512, '\0')));
  EXPECT_FALSE(IsTar("short"));
}

}  // namespace
}  // namespace batuta::safety
