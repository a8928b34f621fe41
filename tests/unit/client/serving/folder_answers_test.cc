#include "client/serving/folder_answers.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::client {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Question = v1::ServeFolderResponse;
using Answer = v1::ServeFolderRequest;

void Write(const fs::path& path, std::string_view content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

class FolderAnswersTest : public ::testing::Test {
 protected:
  FolderAnswersTest() {
    Write(folder_ / "a.txt", "hello");
    Write(folder_ / "sub/b.bin", std::string(200'000, 'b'));
    Write(outside_ / "passwd", "root");
    Serve(folder_.path());
  }

  void Serve(const fs::path& path) {
    answers_ = std::make_unique<FolderAnswers>(OpenedFolder::Open(path).value());
  }

  std::vector<Answer> AskAll(Question question) {
    question.set_number(++number_);
    std::vector<Answer> all;
    answers_->Answer(question, [&all](const Answer& answer, const Block& data) {
      all.push_back(answer);
      all.back().set_data(std::string(data.bytes.get(), data.size));
      return true;
    });
    for (const Answer& answer : all) EXPECT_EQ(answer.number(), number_);
    return all;
  }

  Answer Ask(const Question& question) {
    const std::vector<Answer> all = AskAll(question);
    EXPECT_THAT(all, SizeIs(1));
    return all.empty() ? Answer() : all.front();
  }

  Answer List(const std::string& folder) {
    Question question;
    question.set_list(folder);
    return Ask(question);
  }

  Answer Open(const std::string& path, uint32_t head_bytes = 0) {
    Question question;
    question.mutable_open()->set_path(path);
    question.mutable_open()->set_head_bytes(head_bytes);
    return Ask(question);
  }

  Answer Read(uint64_t handle, uint64_t offset, uint32_t size_bytes) {
    Question question;
    question.mutable_read()->set_handle(handle);
    question.mutable_read()->set_offset(offset);
    question.mutable_read()->set_size_bytes(size_bytes);
    return Ask(question);
  }

  TempFolder folder_;
  TempFolder outside_;
  std::unique_ptr<FolderAnswers> answers_;
  uint64_t number_ = 0;
};

TEST_F(FolderAnswersTest, TellsWhatLiesInAFolder) {
  const Answer top = List("");
  ASSERT_EQ(top.entries_size(), 2);
  EXPECT_EQ(top.entries(0).name(), "a.txt");
  EXPECT_EQ(top.entries(0).kind(), v1::ServedEntry::KIND_FILE);
  EXPECT_EQ(top.entries(0).size_bytes(), 5U);
  EXPECT_EQ(top.entries(1).kind(), v1::ServedEntry::KIND_FOLDER);
  EXPECT_EQ(List("sub").entries_size(), 1);
  EXPECT_EQ(List("a.txt").error_number(), ENOTDIR);
  EXPECT_EQ(List("gone").error_number(), ENOENT);
}

TEST_F(FolderAnswersTest, ALargeFolderComesInPieces) {
  for (int i = 0; i < 4'500; ++i) Write(folder_ / "many" / std::to_string(i), "");
  Question question;
  question.set_list("many");
  const std::vector<Answer> all = AskAll(question);
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_TRUE(all[0].more() && all[1].more() && !all[2].more());
  EXPECT_EQ(all[0].entries_size() + all[1].entries_size() + all[2].entries_size(), 4'500);
}

TEST_F(FolderAnswersTest, ReadsWhatWasOpened) {
  const Answer opened = Open("sub/b.bin", 10);
  EXPECT_EQ(opened.error_number(), 0);
  EXPECT_EQ(opened.data(), "bbbbbbbbbb");
  EXPECT_EQ(Read(opened.handle(), 199'990, 100).data(), "bbbbbbbbbb");  // it ends there
  EXPECT_EQ(Read(opened.handle(), 0, (1U << 20) + 1).error_number(), EINVAL);
  EXPECT_EQ(Read(opened.handle() + 1, 0, 1).error_number(), EBADF);
  Question check;
  check.set_check(opened.handle());
  EXPECT_EQ(Ask(check).entries(0).inode(), opened.entries(0).inode());
  Question close;
  close.set_close(opened.handle());
  EXPECT_THAT(AskAll(close), IsEmpty());
  EXPECT_EQ(Read(opened.handle(), 0, 1).error_number(), EBADF);
}

TEST_F(FolderAnswersTest, NothingOutsideIsOpened) {
  fs::create_symlink(outside_ / "passwd", folder_ / "link");
  fs::create_symlink(outside_.path(), folder_ / "folder");
  const std::string above = "../" + outside_.path().filename().native() + "/passwd";
  for (const std::string& path : {std::string("link"), std::string("folder/passwd"), above, "sub/../" + above,
                                  (outside_ / "passwd").native(), std::string("..")}) {
    const Answer answer = Open(path, 100);
    EXPECT_NE(answer.error_number(), 0) << path;
    EXPECT_EQ(answer.data(), "") << path;
    EXPECT_EQ(answer.handle(), 0U) << path;
  }
  for (const std::string& path : {std::string("folder"), std::string(".."), outside_.path().native()}) {
    const Answer answer = List(path);
    EXPECT_NE(answer.error_number(), 0) << path;
    EXPECT_EQ(answer.entries_size(), 0) << path;
  }
  Question question;
  question.set_look_at("../x");
  EXPECT_NE(Ask(question).error_number(), 0);
}

TEST_F(FolderAnswersTest, OfASingleFileNothingElseIsTold) {
  Write(folder_ / ".gitleaksignore", "x");
  Write(folder_ / ".git/config", "secret");
  Serve(folder_ / "a.txt");
  EXPECT_EQ(Open("a.txt", 100).data(), "hello");
  EXPECT_EQ(Open(".gitleaksignore", 100).data(), "x");
  EXPECT_EQ(Open("sub/b.bin", 100).error_number(), ENOENT);
  EXPECT_EQ(Open(".git/config", 100).error_number(), ENOENT);
  EXPECT_EQ(List("").error_number(), EACCES);
  Question question;
  question.set_look_at("a.txt");
  EXPECT_EQ(Ask(question).entries(0).size_bytes(), 5U);
  question.set_look_at("sub");
  EXPECT_EQ(Ask(question).error_number(), ENOENT);
}

TEST_F(FolderAnswersTest, OpenFilesHaveABound) {
  for (size_t i = 0; i < kMostOpenFiles; ++i) ASSERT_EQ(Open("a.txt").error_number(), 0);
  EXPECT_EQ(Open("a.txt").error_number(), EMFILE);
  answers_->CloseAll();
  EXPECT_EQ(Open("a.txt").error_number(), 0);
}

TEST_F(FolderAnswersTest, AFolderIsNoFileToRead) {
  const Answer answer = Open("sub");
  EXPECT_EQ(answer.handle(), 0U);
  EXPECT_EQ(answer.entries(0).kind(), v1::ServedEntry::KIND_FOLDER);
}

}  // namespace
}  // namespace batuta::client
