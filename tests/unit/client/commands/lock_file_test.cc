#include "client/commands/lock_file.h"

#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "common/status/status.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::client {
namespace {

using ::testing::HasSubstr;

v1::RepoId Model(const std::string& id) {
  v1::RepoId repo;
  repo.set_type(v1::REPO_TYPE_MODEL);
  repo.set_id(id);
  return repo;
}

v1::Entry File(const std::string& path, uint64_t size_bytes, char digit) {
  v1::Entry entry;
  entry.set_path(path);
  entry.set_size_bytes(size_bytes);
  entry.set_blob(std::string(40, digit));
  return entry;
}

LockedRepo Otter() {
  return {.repo = Model("acme/otter"),
          .revision = "main",
          .commit = std::string(40, 'c'),
          .files = {File("weights \"odd\".bin", 7, 'b'), File("config.json", 2, 'a')}};
}

TEST(LockFileTest, HoldsOneFileALineSortedByRepoAndPath) {
  LockFile lock;
  LockedRepo zebra = Otter();
  zebra.repo = Model("acme/zebra");
  lock.Put(zebra);
  lock.Put(Otter());
  const std::string text = lock.Text();
  EXPECT_LT(text.find("acme/otter"), text.find("acme/zebra"));
  EXPECT_THAT(text, HasSubstr("\n        {\"path\": \"config.json\", \"size_bytes\": 2, \"blob\": \"" +
                              std::string(40, 'a') + "\"},\n        {\"path\": \"weights \\\"odd\\\".bin\""));
}

TEST(LockFileTest, SurvivesWritingAndReading) {
  const TempFolder folder;
  LockFile lock;
  lock.Put(Otter());
  const std::filesystem::path path = folder / "models.lock";
  EXPECT_THAT(lock.Write(path), IsOk());
  const absl::StatusOr<LockFile> read = LockFile::Read(path);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->Text(), lock.Text());
  const LockedRepo* const otter = read->Find(Model("acme/otter"));
  ASSERT_NE(otter, nullptr);
  EXPECT_EQ(otter->commit, std::string(40, 'c'));
  EXPECT_EQ(otter->files[1].path(), "weights \"odd\".bin");
  EXPECT_EQ(otter->files[1].size_bytes(), 7u);
  EXPECT_EQ(read->Find(Model("acme/other")), nullptr);
}

TEST(LockFileTest, ReplacesWhatItSaidOfARepoAndKeepsTheRest) {
  LockFile lock;
  lock.Put(Otter());
  LockedRepo zebra = Otter();
  zebra.repo = Model("acme/zebra");
  lock.Put(zebra);
  LockedRepo newer = Otter();
  newer.commit = std::string(40, 'd');
  lock.Put(newer);
  EXPECT_EQ(lock.Find(Model("acme/otter"))->commit, std::string(40, 'd'));
  EXPECT_NE(lock.Find(Model("acme/zebra")), nullptr);
}

TEST(LockFileTest, LosesNoChangeOfManyAtOnce) {
  const TempFolder folder;
  const std::filesystem::path path = folder / "models.lock";
  std::vector<std::thread> writers;
  for (int i = 0; i < 8; ++i) {
    writers.emplace_back([&path, i] {
      LockedRepo own = Otter();
      own.repo = Model(fmt::format("acme/otter-{}", i));
      EXPECT_THAT(LockFile::Update(path, own), IsOk());
    });
  }
  for (std::thread& writer : writers) writer.join();
  const absl::StatusOr<LockFile> lock = LockFile::Read(path);
  ASSERT_THAT(lock, IsOk());
  for (int i = 0; i < 8; ++i) EXPECT_NE(lock->Find(Model(fmt::format("acme/otter-{}", i))), nullptr) << i;
}

TEST(LockFileTest, WritesThroughALink) {
  const TempFolder folder;
  LockFile lock;
  lock.Put(Otter());
  ASSERT_THAT(lock.Write(folder / "real.lock"), IsOk());
  std::filesystem::create_symlink("real.lock", folder / "models.lock");
  LockedRepo newer = Otter();
  newer.commit = std::string(40, 'd');
  EXPECT_THAT(LockFile::Update(folder / "models.lock", newer), IsOk());
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "models.lock"));
  EXPECT_EQ(LockFile::Read(folder / "real.lock")->Find(Model("acme/otter"))->commit, newer.commit);
}

TEST(LockFileTest, RefusesWhatIsNoLockFileAndNamesIt) {
  const std::string good = [] {
    LockFile lock;
    lock.Put(Otter());
    return lock.Text();
  }();
  std::string later = good;
  later.replace(later.find("\"version\": 1"), 12, "\"version\": 2");
  std::string odd_id = good;
  odd_id.replace(odd_id.find("acme/otter"), 10, "acme/../..");
  std::string branch = good;
  branch.replace(branch.find(std::string(40, 'c')), 40, "main");
  std::string odd_blob = good;
  odd_blob.replace(odd_blob.find(std::string(40, 'a')), 40, "zz");
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("{\"version\":1}"), later, odd_id,
        branch, odd_blob,
        std::string(R"({"version":1,"repos":[{"type":"model","repo":"a/b","commit":"x","files":[]}]})"),
        std::string(R"({"version":1,"repos":[{"type":"model","repo":"a/b","files":[1]}]})")}) {
    const absl::StatusOr<LockFile> lock = LockFile::Parse(text, "models.lock");
    EXPECT_THAT(lock, HasReason(reason::kInvalidArgument)) << text;
    EXPECT_THAT(std::string(lock.status().message()), HasSubstr("models.lock")) << text;
  }
}

}  // namespace
}  // namespace batuta::client
