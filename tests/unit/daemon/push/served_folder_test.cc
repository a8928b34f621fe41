#include "daemon/push/served_folder.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "daemon/push/served_folders.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::push {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using Kind = FolderQuestion::Kind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint32_t kUid = 1'000;

// The other end: one flat folder of files, and whatever a test makes of its answers.
class FakeClient {
 public:
  using Twist = std::function<std::optional<FolderAnswer>(const FolderQuestion&, FolderAnswer)>;

  void Ask(const FolderQuestion& question) {
    asked_.push_back(question);
    if (question.kind == Kind::kClose) return;
    std::optional<FolderAnswer> answer = Answer(question);
    if (twist_) answer = twist_(question, *answer);
    if (answer) last_ = talk_->Take(*std::move(answer));
  }

  size_t Count(Kind kind) const {
    return static_cast<size_t>(std::ranges::count(asked_, kind, &FolderQuestion::kind));
  }

  std::vector<std::pair<std::string, std::string>> files_;  // sorted by name
  Twist twist_;
  FolderTalk* talk_ = nullptr;
  std::vector<FolderQuestion> asked_;
  absl::Status last_;

 private:
  FolderEntry EntryOf(size_t index) const {
    return {.name = files_[index].first,
            .kind = FolderEntryKind::kFile,
            .stamp = {.device = 7, .inode = index + 1, .size_bytes = files_[index].second.size()}};
  }

  FolderAnswer Answer(const FolderQuestion& question) const {
    FolderAnswer answer{.number = question.number};
    const auto found = std::ranges::find(files_, question.path, &std::pair<std::string, std::string>::first);
    const auto index = static_cast<size_t>(found - files_.begin());
    switch (question.kind) {
      case Kind::kList:
        for (size_t i = 0; i < files_.size(); ++i) answer.entries.push_back(EntryOf(i));
        break;
      case Kind::kLookAt:
      case Kind::kOpen:
        if (found == files_.end()) {
          answer.error_number = ENOENT;
          break;
        }
        answer.entries.push_back(EntryOf(index));
        answer.handle = index + 1;
        if (question.kind == Kind::kOpen)
          answer.data = absl::Cord(found->second.substr(0, question.size_bytes));
        break;
      case Kind::kRead:
        answer.data =
            absl::Cord(files_[question.handle - 1].second.substr(question.offset, question.size_bytes));
        answer.entries.push_back(EntryOf(question.handle - 1));
        break;
      case Kind::kCheck:
        answer.entries.push_back(EntryOf(question.handle - 1));
        break;
      case Kind::kClose:
        break;
    }
    return answer;
  }
};

std::string Bytes(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 2'654'435'761U) >> 13);
  return bytes;
}

class ServedFolderTest : public ::testing::Test {
 protected:
  ServedFolderTest() { client_.talk_ = talk_.get(); }

  std::unique_ptr<FileBytes> Open(const std::string& name) {
    auto found = folder_.Open(name, *RepoPath::Parse(name));
    EXPECT_THAT(found, IsOk());
    return found.ok() ? std::move(found->bytes) : nullptr;
  }

  absl::Status ReadAll(FileBytes& file, std::string& out, size_t step) {
    out.assign(static_cast<size_t>(file.size_bytes()), '\0');
    for (size_t at = 0; at < out.size(); at += step) {
      const absl::Status read = file.Read(at, std::span(out).subspan(at, std::min(step, out.size() - at)));
      if (!read.ok()) return read;
    }
    return absl::OkStatus();
  }

  FakeClient client_;
  absl::Status ended_;
  std::shared_ptr<FolderTalk> talk_ =
      std::make_shared<FolderTalk>([this](const FolderQuestion& question) { client_.Ask(question); },
                                   [this](const absl::Status& why) { ended_ = why; }, 50ms);
  ServedFolder folder_{talk_, "/home/anna/model", std::nullopt, kUid};
};

TEST_F(ServedFolderTest, IsWalkedByTheSameRulesAsAFolderOfTheDaemon) {
  client_.files_ = {{".gitignore", "*.log\n"}, {"a.log", "x"}, {"b.txt", "hello"}};
  ASSERT_OK_AND_ASSIGN(const FolderListing listing, folder_.Walk());
  ASSERT_THAT(listing.files, SizeIs(2));
  EXPECT_EQ(listing.files[1].path.text(), "b.txt");
  EXPECT_THAT(listing.ignored, ElementsAre(IgnoredPath{"a.log", "`*.log` in .gitignore, line 1"}));
  EXPECT_EQ(folder_.realm(), "uid 1000");
}

TEST_F(ServedFolderTest, ReadsEveryByteWhateverTheSteps) {
  const std::string bytes = Bytes(5 * kMostReadBytes + 4'321);
  client_.files_ = {{"w.bin", bytes}};
  for (const size_t step :
       {size_t{4'096}, size_t{100'000}, size_t{1} << 20, size_t{3'000'000}, bytes.size()}) {
    const std::unique_ptr<FileBytes> file = Open("w.bin");
    ASSERT_NE(file, nullptr);
    std::string read;
    ASSERT_THAT(ReadAll(*file, read, step), IsOk());
    EXPECT_TRUE(read == bytes) << step;
    EXPECT_THAT(file->CheckUnchanged(), IsOk());
  }
  EXPECT_EQ(client_.Count(Kind::kClose), 5U);
}

TEST_F(ServedFolderTest, ReadsBackwardsAndHereAndThere) {
  const std::string bytes = Bytes(2 * kMostReadBytes + 77);
  client_.files_ = {{"w.bin", bytes}};
  const std::unique_ptr<FileBytes> file = Open("w.bin");
  for (size_t at = bytes.size() - 50; at > 70'000; at -= 70'000) {
    std::string piece(50, '\0');
    ASSERT_THAT(file->Read(at, piece), IsOk());
    ASSERT_EQ(piece, bytes.substr(at, 50));
  }
}

TEST_F(ServedFolderTest, ASmallFileComesWithItsOpening) {
  client_.files_ = {{"a.txt", "hello"}};
  std::string read;
  ASSERT_THAT(ReadAll(*Open("a.txt"), read, 5), IsOk());
  EXPECT_EQ(read, "hello");
  EXPECT_EQ(client_.Count(Kind::kRead), 0U);
}

TEST_F(ServedFolderTest, AsksAheadAndNeverForMoreThanABlock) {
  client_.files_ = {{"w.bin", Bytes(20 * kMostReadBytes)}};
  client_.twist_ = [](const FolderQuestion& question, FolderAnswer answer) -> std::optional<FolderAnswer> {
    EXPECT_LE(question.size_bytes, kMostReadBytes);
    return answer;
  };
  const std::unique_ptr<FileBytes> file = Open("w.bin");
  std::string block(kMostReadBytes, '\0');
  for (uint64_t i = 0; i < 4; ++i) ASSERT_THAT(file->Read(i * kMostReadBytes, block), IsOk());
  EXPECT_GT(client_.Count(Kind::kRead), 4U);
  EXPECT_LE(client_.Count(Kind::kRead), 4U + ServedFolder::kBlocksAhead);
}

TEST_F(ServedFolderTest, AFileThatEndsEarlyHasChanged) {
  client_.files_ = {{"w.bin", Bytes(200'000)}};
  client_.twist_ = [](const FolderQuestion& question, FolderAnswer answer) -> std::optional<FolderAnswer> {
    if (question.kind == Kind::kRead) answer.data.RemoveSuffix(answer.data.size() / 2);
    return answer;
  };
  std::string read;
  EXPECT_THAT(ReadAll(*Open("w.bin"), read, 200'000), HasReason("FILE_CHANGED"));
  EXPECT_THAT(talk_->status(), IsOk());  // files do change
}

TEST_F(ServedFolderTest, NoByteIsReadThatWasWrittenSince) {
  client_.files_ = {{"w.bin", Bytes(200'000)}};
  const std::unique_ptr<FileBytes> file = Open("w.bin");
  client_.files_[0].second += "and more";
  std::string read(200'000, '\0');
  EXPECT_THAT(file->Read(0, read), HasReason("FILE_CHANGED"));
}

TEST_F(ServedFolderTest, AnotherStampAtTheEndHasChanged) {
  client_.files_ = {{"a.txt", "hello"}};
  const std::unique_ptr<FileBytes> file = Open("a.txt");
  client_.files_[0].second = "hello!";
  EXPECT_THAT(file->CheckUnchanged(), HasReason("FILE_CHANGED"));
}

// What no honest client says ends the talk, and every later question with it.
struct Lie {
  const char* name;
  Kind about;
  std::function<void(FolderAnswer&)> tell;
};

class LieTest : public ServedFolderTest, public ::testing::WithParamInterface<Lie> {};

TEST_P(LieTest, EndsTheTalk) {
  client_.files_ = {{"a.txt", Bytes(200'000)}, {"b.txt", "b"}};
  client_.twist_ = [](const FolderQuestion& question, FolderAnswer answer) -> std::optional<FolderAnswer> {
    if (question.kind == GetParam().about) GetParam().tell(answer);
    return answer;
  };
  absl::Status status;
  if (GetParam().about == Kind::kList) {
    status = folder_.Walk().status();
  } else if (auto found = folder_.Open("a.txt", *RepoPath::Parse("a.txt")); !found.ok()) {
    status = found.status();
  } else {
    std::string read(200'000, '\0');
    status = found->bytes->Read(0, read);
    if (status.ok()) status = found->bytes->CheckUnchanged();
  }
  EXPECT_TRUE(IsClientGone(status)) << status;
  EXPECT_TRUE(IsClientGone(ended_)) << ended_;
  EXPECT_FALSE(client_.last_.ok());
  EXPECT_TRUE(IsClientGone(folder_.List("").status()));
}

INSTANTIATE_TEST_SUITE_P(
    All, LieTest,
    ::testing::Values(
        Lie{"Number", Kind::kRead, [](FolderAnswer& answer) { answer.number += 1'000; }},
        Lie{"MoreBytes", Kind::kRead, [](FolderAnswer& answer) { answer.data.Append("!"); }},
        Lie{"BytesOfAList", Kind::kList, [](FolderAnswer& answer) { answer.data = "!"; }},
        Lie{"MoreThanTheFileHas", Kind::kOpen,
            [](FolderAnswer& answer) { answer.entries[0].stamp.size_bytes = 3; }},
        Lie{"NoEntry", Kind::kOpen, [](FolderAnswer& answer) { answer.entries.clear(); }},
        Lie{"NoHandle", Kind::kOpen, [](FolderAnswer& answer) { answer.handle = 0; }},
        Lie{"TwoStamps", Kind::kCheck,
            [](FolderAnswer& answer) { answer.entries.push_back(answer.entries[0]); }},
        Lie{"MoreOfARead", Kind::kRead, [](FolderAnswer& answer) { answer.more = true; }},
        Lie{"NoStamp", Kind::kRead, [](FolderAnswer& answer) { answer.entries.clear(); }},
        Lie{"Error", Kind::kRead, [](FolderAnswer& answer) { answer.error_number = -5; }},
        Lie{"NamesTwice", Kind::kList, [](FolderAnswer& answer) { answer.entries[1].name = "a.txt"; }},
        Lie{"WayOut", Kind::kList, [](FolderAnswer& answer) { answer.entries[0].name = "../a"; }},
        Lie{"NoName", Kind::kList, [](FolderAnswer& answer) { answer.entries[0].name = ""; }},
        Lie{"NothingAndMore", Kind::kList,
            [](FolderAnswer& answer) {
              answer.entries.clear();
              answer.more = true;
            }}),
    [](const auto& lie) { return std::string(lie.param.name); });

TEST_F(ServedFolderTest, AClientThatDoesNotAnswerIsGoneAfterAWhile) {
  client_.files_ = {{"w.bin", Bytes(200'000)}};
  const std::unique_ptr<FileBytes> file = Open("w.bin");
  client_.twist_ = [](const FolderQuestion&, const FolderAnswer&) { return std::nullopt; };
  std::string read(200'000, '\0');
  EXPECT_TRUE(IsClientGone(file->Read(0, read)));
  EXPECT_TRUE(IsClientGone(ended_));
}

TEST_F(ServedFolderTest, AClientThatLeavesInTheMiddleIsGone) {
  client_.files_ = {{"w.bin", Bytes(3 * kMostReadBytes)}};
  const std::unique_ptr<FileBytes> file = Open("w.bin");
  client_.twist_ = [this](const FolderQuestion& question,
                          FolderAnswer answer) -> std::optional<FolderAnswer> {
    if (question.offset < kMostReadBytes) return answer;
    talk_->End(ClientGoneError("it left"));
    return std::nullopt;
  };
  std::string read(3 * kMostReadBytes, '\0');
  EXPECT_TRUE(IsClientGone(file->Read(0, read)));
}

class ServedFoldersTest : public ::testing::Test {
 protected:
  absl::StatusOr<ServedFolders::Served> Begin(uint32_t uid, const std::string& path = "/m") {
    return folders_.Begin(
        uid, path, std::nullopt, [](const FolderQuestion&) {}, nullptr);
  }

  ServedFolders folders_{{.most_folders = 2, .most_users = 2, .threads = 1}};
};

TEST_F(ServedFoldersTest, FindsAFolderForItsOwnUserAlone) {
  ASSERT_OK_AND_ASSIGN(const ServedFolders::Served anna, Begin(1));
  EXPECT_THAT(folders_.Find({.uid = 1, .id = anna.id}, "/m"), IsOk());
  EXPECT_TRUE(IsClientGone(folders_.Find({.uid = 2, .id = anna.id}, "/m").status()));
  EXPECT_TRUE(IsClientGone(folders_.Find({.uid = 1, .id = anna.id}, "/other").status()));
}

TEST_F(ServedFoldersTest, ByItsPathWhenTheStreamIsAnotherOne) {
  ASSERT_OK_AND_ASSIGN(const ServedFolders::Served first, Begin(1));
  folders_.End(first.id);
  EXPECT_TRUE(IsClientGone(folders_.Find({.uid = 1, .id = first.id}, "/m").status()));
  EXPECT_TRUE(IsClientGone(first.talk->status()));
  ASSERT_OK_AND_ASSIGN(const ServedFolders::Served second, Begin(1));
  EXPECT_NE(first.id, second.id);
  EXPECT_THAT(folders_.Find({.uid = 1, .id = first.id}, "/m"), IsOk());
}

TEST_F(ServedFoldersTest, HasBounds) {
  ASSERT_THAT(Begin(1), IsOk());
  ASSERT_THAT(Begin(1), IsOk());
  EXPECT_THAT(Begin(1), HasReason("DAEMON_BUSY"));
  ASSERT_THAT(Begin(2), IsOk());
  EXPECT_THAT(Begin(3), HasReason("DAEMON_BUSY"));
}

TEST_F(ServedFoldersTest, EachUserHasThreadsOfTheirOwn) {
  ASSERT_OK_AND_ASSIGN(const ServedFolders::Served one, Begin(1));
  ASSERT_OK_AND_ASSIGN(const ServedFolders::Served other, Begin(2));
  ASSERT_OK_AND_ASSIGN(const FolderPlace here, folders_.Find({.uid = 1, .id = one.id}, "/m"));
  ASSERT_OK_AND_ASSIGN(const FolderPlace there, folders_.Find({.uid = 2, .id = other.id}, "/m"));
  EXPECT_NE(here.pool, there.pool);
}

TEST_F(ServedFoldersTest, WhoeverWaitsForAClientIsToldOfTheStop) {
  ASSERT_OK_AND_ASSIGN(const ServedFolders::Served served, Begin(1));
  folders_.Stop();
  EXPECT_TRUE(IsClientGone(served.talk->status()));
  EXPECT_THAT(Begin(1), HasReason("DAEMON_STOPPING"));
}

}  // namespace
}  // namespace batuta::push
