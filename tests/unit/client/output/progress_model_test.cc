#include "client/output/progress_model.h"

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/text/human.h"

namespace batuta::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

const WallTime kNow = FromUnixMillis(1'793'000'000'000);
constexpr TerminalSize kScreen{100, 24};

v1::WatchJobResponse Running(uint64_t done, uint64_t total, uint64_t rate = 0) {
  v1::WatchJobResponse update;
  v1::Job& job = *update.mutable_job();
  job.set_state(v1::Job::STATE_RUNNING);
  job.set_done_bytes(done);
  job.set_total_bytes(total);
  job.set_bytes_per_second(rate);
  job.set_files_total(12);
  job.set_files_done(3);
  return update;
}

void AddMoving(v1::WatchJobResponse& update, const std::string& path, uint64_t done, uint64_t size) {
  v1::PullFile& file = *update.add_files();
  file.set_path(path);
  file.set_size_bytes(size);
  file.set_done_bytes(done);
  file.set_status(v1::PullFile::STATUS_RUNNING);
}

TEST(ProgressModelTest, ShowsBytesSpeedTimeLeftAndFiles) {
  ProgressModel model("acme/otter");
  model.Apply(Running(1'000'000, 4'000'000, 100'000));

  EXPECT_THAT(model.TotalBar(100, false, kNow),
              AllOf(HasSubstr("acme/otter"), HasSubstr("25 %"), HasSubstr("1 MB / 4 MB"),
                    HasSubstr("100 kB/s"), HasSubstr("ETA 30 s"), HasSubstr("3/12 files"), HasSubstr("#")));
  EXPECT_THAT(model.Line(kNow), AllOf(HasSubstr("acme/otter: 1 MB of 4 MB (25 %)"), HasSubstr("3/12 files")));
}

TEST(ProgressModelTest, APushShowsItsFilesAndItsPhase) {
  ProgressModel model("acme/otter");
  v1::WatchJobResponse update = Running(1'000'000, 4'000'000, 100'000);
  update.mutable_job()->set_phase("uploading");
  v1::PushFile& file = *update.add_push_files();
  file.set_path("model.safetensors");
  file.set_size_bytes(2'000'000);
  file.set_done_bytes(500'000);
  file.set_status(v1::PushFile::STATUS_RUNNING);
  model.Apply(update);

  EXPECT_THAT(model.Bars(kScreen, false, kNow)[1], AllOf(HasSubstr("model.safetensors"), HasSubstr("25 %")));

  update.mutable_push_files(0)->set_status(v1::PushFile::STATUS_SENT);
  update.mutable_job()->set_phase("committing");
  model.Apply(update);

  EXPECT_THAT(model.Bars(kScreen, false, kNow), SizeIs(1));
  EXPECT_THAT(model.Line(kNow), AllOf(HasSubstr("committing"), Not(HasSubstr("ETA"))));
}

TEST(ProgressModelTest, NeverRunsBackwards) {
  ProgressModel model("r");
  model.Apply(Running(600, 1'000));
  const std::string before = model.Line(kNow);

  model.Apply(Running(200, 1'000));  // a file changed upstream and starts over
  EXPECT_EQ(model.Line(kNow), before);
  model.Apply(Running(600, 10'000));  // more was found
  EXPECT_THAT(model.Line(kNow), HasSubstr("60 %"));
  model.Apply(Running(7'000, 10'000));
  EXPECT_THAT(model.Line(kNow), HasSubstr("70 %"));
}

TEST(ProgressModelTest, AFilesBarNeverRunsBackwardsEither) {
  ProgressModel model("r");
  v1::WatchJobResponse update = Running(10, 100);
  AddMoving(update, "a.bin", 50, 100);
  model.Apply(update);
  update = Running(10, 100);
  AddMoving(update, "a.bin", 5, 100);
  model.Apply(update);

  EXPECT_THAT(model.Bars(kScreen, false, kNow),
              ::testing::Contains(AllOf(HasSubstr("a.bin"), HasSubstr("50 %"))));
}

TEST(ProgressModelTest, SaysHundredPerCentOnlyWhenItIsWhole) {
  ProgressModel model("r");
  model.Apply(Running(999, 1'000));
  EXPECT_THAT(model.Line(kNow), HasSubstr("99 %"));
  model.Apply(Running(1'000, 1'000));
  EXPECT_THAT(model.Line(kNow), HasSubstr("100 %"));
}

TEST(ProgressModelTest, CountsDownWhileItWaits) {
  ProgressModel model("r");
  v1::WatchJobResponse update = Running(0, 1'000);
  update.mutable_job()->set_state(v1::Job::STATE_WAITING);
  update.mutable_job()->set_waiting_reason("rate limit");
  update.mutable_job()->mutable_waiting_until()->set_seconds(ToUnixMillis(kNow) / 1000 + 37);
  model.Apply(update);

  EXPECT_THAT(model.Line(kNow), HasSubstr("waiting: rate limit, resumes in 37 s"));
  EXPECT_THAT(model.Line(kNow + std::chrono::seconds(30)), HasSubstr("resumes in 7 s"));
  EXPECT_THAT(model.Line(kNow + std::chrono::seconds(60)), HasSubstr("resumes in 0"));
}

TEST(ProgressModelTest, SaysWhichErrorItWaitsOut) {
  ProgressModel model("r");
  v1::WatchJobResponse update = Running(0, 1'000);
  update.mutable_job()->set_state(v1::Job::STATE_WAITING);
  update.mutable_job()->set_waiting_reason("network");
  update.mutable_job()->set_last_error("connect to http://hub.invalid: no such host");
  model.Apply(update);

  EXPECT_THAT(model.Line(kNow), HasSubstr("waiting: network (connect to http://hub.invalid: no such host)"));
  EXPECT_THAT(model.Bars({80, 24}, false, kNow).at(1), HasSubstr("no such host"));

  model.Apply(Running(10, 1'000));
  EXPECT_THAT(model.Line(kNow), Not(HasSubstr("no such host")));
}

TEST(ProgressModelTest, SaysWhenTheDaemonIsGoneAndForgetsItWhenItIsBack) {
  ProgressModel model("r");
  model.Apply(Running(1, 1'000, 5));
  model.SetConnected(false);
  EXPECT_THAT(model.Line(kNow), HasSubstr("waiting for the daemon"));
  model.Apply(Running(2, 1'000, 5));
  EXPECT_THAT(model.Line(kNow), Not(HasSubstr("waiting")));
}

TEST(ProgressModelTest, FilesThatAreDoneDisappear) {
  ProgressModel model("r");
  v1::WatchJobResponse update = Running(10, 100);
  AddMoving(update, "a.bin", 50, 100);
  AddMoving(update, "b.bin", 50, 100);
  model.Apply(update);
  EXPECT_THAT(model.Bars(kScreen, false, kNow), SizeIs(3));
  update = Running(60, 100);
  AddMoving(update, "a.bin", 100, 100);
  update.mutable_files(0)->set_status(v1::PullFile::STATUS_DOWNLOADED);
  model.Apply(update);

  EXPECT_THAT(model.Bars(kScreen, false, kNow), SizeIs(2));
}

TEST(ProgressModelTest, FitsAnyTerminal) {
  ProgressModel model("an-organisation-with-a-long-name/and-a-model-漢字-with-a-long-name-too");
  v1::WatchJobResponse update = Running(123'456'789, 4'980'000'000, 85'300'000);
  for (int i = 0; i < 40; ++i)
    AddMoving(update, "folder/model-0000" + std::to_string(i) + "-of-00040.safetensors", 5, 10);
  model.Apply(update);
  for (size_t columns = 2; columns < 200; ++columns) {
    for (const size_t rows : {1u, 3u, 5u, 24u, 100u}) {
      const std::vector<std::string> lines = model.Bars({columns, rows}, columns % 2 == 0, kNow);
      EXPECT_LE(lines.size(), std::max<size_t>(1, rows - 1));
      for (const std::string& line : lines) EXPECT_LT(DisplayWidth(line), columns) << line;
    }
  }
}

TEST(ProgressModelTest, NamesFromTheHubCannotMoveTheTerminal) {
  ProgressModel model("evil\x1b[2J");
  v1::WatchJobResponse update = Running(1, 100);
  AddMoving(update, "a\x1b]0;title\x07.bin", 1, 10);
  update.mutable_job()->set_state(v1::Job::STATE_RUNNING);
  model.Apply(update);

  for (const std::string& line : model.Bars(kScreen, true, kNow))
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
}

TEST(RenderBarTest, FillsExactlyItsWidth) {
  for (const double fraction : {-1.0, 0.0, 0.01, 0.33, 0.5, 0.999, 1.0, 2.0}) {
    for (const size_t width : {1u, 6u, 30u}) {
      EXPECT_EQ(DisplayWidth(RenderBar(fraction, width, true)), width);
      EXPECT_EQ(RenderBar(fraction, width, false).size(), width);
    }
  }
  EXPECT_EQ(RenderBar(0.5, 4, false), "##--");
  EXPECT_EQ(RenderBar(0.5, 3, true), "█▌░");
}

TEST(FitMiddleTest, KeepsBothEnds) {
  EXPECT_EQ(FitMiddle("short", 10), "short");
  const std::string cut = FitMiddle("folder/model-00001-of-00002.safetensors", 20);
  EXPECT_EQ(DisplayWidth(cut), 20u);
  EXPECT_TRUE(cut.starts_with("folder/"));
  EXPECT_TRUE(cut.ends_with("tensors"));
}

}  // namespace
}  // namespace batuta::client
