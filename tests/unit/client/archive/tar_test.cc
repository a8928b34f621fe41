#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "client/archive/tar_reader.h"
#include "client/archive/tar_writer.h"
#include "common/io/unique_fd.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::client {
namespace {

using ::testing::HasSubstr;
using Entry = TarReader::Entry;

class TarTest : public ::testing::Test {
 protected:
  std::string path() const { return (folder_ / "a.tar").native(); }

  void Write() {
    const UniqueFd fd(::open(path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const auto tar = TarWriter::Create(fd.get(), FromUnixMillis(1'700'000'000'000));
    ASSERT_THAT(tar, IsOk());
    ASSERT_THAT((*tar)->Folder("folder"), IsOk());
    ASSERT_THAT((*tar)->Symlink("folder/lien-é", "../" + long_name_), IsOk());
    ASSERT_THAT((*tar)->File("empty", ""), IsOk());
    ASSERT_THAT((*tar)->BeginFile(long_name_, 5), IsOk());
    ASSERT_THAT((*tar)->Append(std::as_bytes(std::span("by", 2))), IsOk());
    ASSERT_THAT((*tar)->Append(std::as_bytes(std::span("tes", 3))), IsOk());
    ASSERT_THAT((*tar)->Finish(), IsOk());
  }

  std::string Content() const {
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void Overwrite(std::string_view content) const { std::ofstream(path(), std::ios::binary) << content; }

  // `kind path target content` of every entry, or the error that ended it.
  absl::Status ReadAll(std::vector<std::string>* found) const {
    const UniqueFd fd(::open(path().c_str(), O_RDONLY | O_CLOEXEC));
    ASSIGN_OR_RETURN(const auto tar, TarReader::Create(fd.get()));
    while (true) {
      ASSIGN_OR_RETURN(const std::optional<Entry> entry, tar->Next());
      if (!entry) return absl::OkStatus();
      std::string content(entry->size_bytes, '\0');
      ASSIGN_OR_RETURN(const size_t count, tar->Read(std::as_writable_bytes(std::span(content))));
      if (count != content.size()) return absl::DataLossError("short");
      const char* const kind = entry->kind == Entry::Kind::kFolder ? "folder"
                               : entry->kind == Entry::Kind::kFile ? "file"
                                                                   : "link";
      found->push_back(std::string(kind) + " " + entry->path + " " + entry->target + content);
    }
  }

  absl::Status Read() const {
    std::vector<std::string> found;
    return ReadAll(&found);
  }

  TempFolder folder_;
  const std::string long_name_ = std::string(90, 'x') + "/" + std::string(60, 'y') + "/" + "größer.bin";
};

TEST_F(TarTest, GivesBackWhatWasWrittenInAnyLocale) {
  Write();
  std::vector<std::string> found;
  ASSERT_THAT(ReadAll(&found), IsOk());
  EXPECT_THAT(found, ::testing::ElementsAre("folder folder/ ", "link folder/lien-é ../" + long_name_,
                                            "file empty ", "file " + long_name_ + " bytes"));
}

TEST_F(TarTest, EveryTarReadsIt) {
  Write();
  const std::string out = (folder_ / "out").native();
  const std::string command =
      "mkdir " + out + " && tar -C " + out + " -xf " + path() + " 2>&1 | grep -c . > " + out + "/said";
  static_cast<void>(std::system(command.c_str()));
  std::ifstream said(folder_ / "out/said");
  std::string count;
  said >> count;
  EXPECT_EQ(count, "0") << "tar complained";
  std::ifstream file(folder_ / "out" / long_name_);
  std::string text;
  file >> text;
  EXPECT_EQ(text, "bytes");
}

TEST_F(TarTest, WhatIsCutOffAnywhereIsDamaged) {
  Write();
  const std::string whole = Content();
  for (size_t size = 0; size < whole.size(); size += 128) {
    Overwrite(whole.substr(0, size));
    if (Read().ok()) {
      // Only the padding after the end may be missing.
      EXPECT_THAT(whole.substr(size - 512), ::testing::Each('\0')) << size;
      return;
    }
  }
  FAIL() << "the whole archive could not be read";
}

TEST_F(TarTest, WhatIsNoArchiveIsDamaged) {
  for (const std::string& text :
       {std::string(), std::string("colourless green ideas"), std::string(10'000, 'x'),
        std::string("\x1f\x8b\x08", 3) + std::string(1'000, 'z')}) {
    Overwrite(text);
    const absl::Status status = Read();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  }
}

TEST_F(TarTest, WhatIsNeitherFileFolderNorSymlinkIsRefused) {
  const std::string make = "cd " + folder_.path().native() + " && ";
  for (const char* command : {"mkfifo f && tar cf a.tar f", "touch x && ln x y && tar cf a.tar x y",
                              "truncate -s 1M s && echo x >> s && tar -S -cf a.tar s"}) {
    ASSERT_EQ(std::system((make + command).c_str()), 0);
    const absl::Status status = Read();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << command;
    EXPECT_THAT(std::string(status.message()), HasSubstr("neither file, folder nor symlink"));
  }
}

TEST_F(TarTest, AFullDiskSaysSo) {
  const UniqueFd fd(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const auto tar = TarWriter::Create(fd.get(), WallTime());
  ASSERT_THAT(tar, IsOk());
  absl::Status status = (*tar)->File("x", std::string(1 << 20, 'x'));
  if (status.ok()) status = (*tar)->Finish();
  EXPECT_THAT(status, HasReason("DISK_FULL"));
}

}  // namespace
}  // namespace batuta::client
