#include "client/archive/cache_layout.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status/status_matchers.h"

namespace batuta::client {
namespace {

using Entry = TarReader::Entry;
using Kind = ArchivePlace::Kind;

const std::string kCommit(40, 'c');
const std::string kBlob(64, 'b');
const std::string kRoot = "models--acme--otter";

Entry File(std::string path) {
  return {.kind = Entry::Kind::kFile, .path = std::move(path), .target = ""};
}

Entry Folder(std::string path) {
  return {.kind = Entry::Kind::kFolder, .path = std::move(path), .target = ""};
}

Entry Link(std::string path, std::string target) {
  return {.kind = Entry::Kind::kSymlink, .path = std::move(path), .target = std::move(target)};
}

TEST(PlaceOfTest, KnowsWhatACacheIsMadeOf) {
  const struct {
    Entry entry;
    Kind kind;
  } rows[] = {
      {Folder("./"), Kind::kFolder},
      {Folder(kRoot + "/"), Kind::kFolder},
      {Folder(kRoot + "/blobs"), Kind::kFolder},
      {Folder(kRoot + "/refs/refs/pr/"), Kind::kFolder},
      {Folder(kRoot + "/snapshots/" + kCommit + "/"), Kind::kSnapshot},
      {Folder(kRoot + "/snapshots/" + kCommit + "/sub"), Kind::kFolder},
      {Link(kRoot + "/snapshots/" + kCommit + "/a.bin", "../../blobs/" + kBlob), Kind::kLink},
      {Link("./" + kRoot + "/snapshots/" + kCommit + "/x/ä b.bin", "../../../blobs/" + kBlob), Kind::kLink},
      {File(kRoot + "/trees/" + kCommit + ".json"), Kind::kTree},
      {File(kRoot + "/refs/main"), Kind::kRef},
      {File(kRoot + "/refs/refs/pr/1"), Kind::kRef},
      {File(kRoot + "/blobs/" + kBlob), Kind::kBlob},
  };

  for (const auto& row : rows) {
    const absl::StatusOr<ArchivePlace> place = PlaceOf(row.entry);
    ASSERT_THAT(place, IsOk()) << row.entry.path;
    EXPECT_EQ(place->kind, row.kind) << row.entry.path;
  }
  EXPECT_EQ(PlaceOf(rows[7].entry)->path->text(), "x/ä b.bin");
  EXPECT_EQ(PlaceOf(rows[10].entry)->ref->text(), "refs/pr/1");
}

TEST(PlaceOfTest, RefusesWhatWouldLeadElsewhere) {
  const std::string snapshot = kRoot + "/snapshots/" + kCommit;
  const Entry rows[] = {
      File("/etc/passwd"),
      File("../x"),
      File(kRoot + "/../x"),
      File("README"),
      File(kRoot),
      File(kRoot + "/config.toml"),
      File(kRoot + "/refs"),
      File(kRoot + "/refs/../../x"),
      File(kRoot + "/refs/" + kCommit),
      File(kRoot + "/blobs/" + kBlob + ".incomplete"),
      File(kRoot + "/blobs/../x"),
      File(kRoot + "/blobs/sub/" + kBlob),
      File(kRoot + "/trees/" + kCommit),
      File(kRoot + "/trees/x.json"),
      File(kRoot + "//blobs/" + kBlob),
      File(snapshot + "/a.bin"),
      Folder("/"),
      Folder("models--acme--otter--x--y--"),
      Folder(kRoot + "/snapshots/main"),
      Folder(kRoot + "/.no_exist/" + kCommit),
      Link(kRoot, "/etc"),
      Link(kRoot + "/blobs", "/etc"),
      Link(kRoot + "/refs/main", "../blobs/" + kBlob),
      Link(kRoot + "/blobs/" + kBlob, "/etc/passwd"),
      Link(kRoot + "/snapshots/" + kCommit, "../blobs"),
      Link(snapshot + "/../x", "../../blobs/" + kBlob),
      Link(snapshot + "/a.bin", "/hub/" + kRoot + "/blobs/" + kBlob),
      Link(snapshot + "/a.bin", "../../../other/blobs/" + kBlob),
      Link(snapshot + "/a.bin", "../blobs/" + kBlob),
      Link(snapshot + "/sub/a.bin", "../../blobs/" + kBlob),
      Link(snapshot + "/a.bin", "../../blobs/../blobs/" + kBlob),
      Link(snapshot + "/a.bin", "../../blobs/passwd"),
      Link(snapshot + "/a.bin", "../../blobs/\"" + kBlob + "\""),
      Link(snapshot + "/a.bin", ""),
  };

  for (const Entry& entry : rows) {
    const absl::Status status = PlaceOf(entry).status();
    EXPECT_THAT(status, HasReason("INVALID_PATH")) << entry.path << " -> " << entry.target;
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << entry.path;
  }
}

TEST(PlaceOfTest, ReadsWhatTheOtherWayRoundIsWritten) {
  const RepoId repo = *RepoId::Parse(RepoType::kDataset, "acme/notes");
  EXPECT_EQ(PlaceOf(Link(LinkPath(repo, kCommit, "a/b"), LinkTarget("a/b", kBlob)))->blob->hex(), kBlob);
  EXPECT_EQ(PlaceOf(File(TreePath(repo, kCommit)))->commit->hex(), kCommit);
  EXPECT_EQ(PlaceOf(File(RefPath(repo, "v1.0")))->ref->text(), "v1.0");
  EXPECT_EQ(PlaceOf(File(BlobPath(repo, kBlob)))->blob->hex(), kBlob);
  EXPECT_EQ(PlaceOf(Folder(SnapshotFolder(repo, kCommit)))->kind, Kind::kSnapshot);
}

}  // namespace
}  // namespace batuta::client
