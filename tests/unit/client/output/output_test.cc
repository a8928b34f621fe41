#include "client/output/output.h"

#include <csignal>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/unique_fd.h"
#include "tests/unit/client/output/string_sink.h"

namespace batuta::client {
namespace {

TEST(OutputTest, GathersDataAndWritesItAtTheEnd) {
  TestOutput test({});
  test.output.DataLine("one");
  EXPECT_EQ(test.data.text, "");

  EXPECT_TRUE(test.output.Finish().ok());

  EXPECT_EQ(test.data.text, "one\n");
}

TEST(OutputTest, TalkIsForPeopleAndWarningsAreForAll) {
  TestOutput quiet({.format = OutputFormat::kQuiet});
  quiet.output.Talk("chat");
  quiet.output.Warn("careful");

  EXPECT_EQ(quiet.talk.text, "careful\n");
}

TEST(OutputTest, AReaderThatWentAwayIsNoError) {
  TestOutput test({});
  test.data.failure = absl::CancelledError("gone");
  test.output.DataLine("x");
  test.output.Flush();

  EXPECT_TRUE(test.output.reader_left());
  EXPECT_TRUE(test.output.Finish().ok());
}

TEST(OutputTest, AFullDiskBehindStdoutIsAnError) {
  TestOutput test({});
  test.data.failure = absl::ResourceExhaustedError("disk full");
  test.output.DataLine("x");

  EXPECT_EQ(test.output.Finish().code(), absl::StatusCode::kResourceExhausted);
}

TEST(OutputTest, ColorsOnlyWhereTheyAreWanted) {
  TestOutput plain({.color = false});
  TestOutput colored({.color = true});

  EXPECT_EQ(plain.output.Colored("31", "x"), "x");
  EXPECT_EQ(colored.output.Colored("31", "x"), "\x1b[31mx\x1b[0m");
}

TEST(FdSinkTest, TellsThatThePipesReaderIsGone) {
  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  reader.Reset();

  EXPECT_EQ(FdSink(writer.get()).Write("x").code(), absl::StatusCode::kCancelled);
}

TEST(FdSinkTest, WaitsForAPipeThatIsFullForAMoment) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  const std::string bytes(200'000, 'x');
  pid_t child = ::fork();
  if (child == 0) {
    const bool ok = FdSink(writer.get()).Write(bytes).ok();
    ::_exit(ok ? 0 : 1);
  }
  std::string got;
  char block[4096];
  while (got.size() < bytes.size()) {
    const ssize_t count = ::read(reader.get(), block, sizeof block);
    if (count > 0) got.append(block, static_cast<size_t>(count));
  }
  int status = 1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);

  EXPECT_EQ(status, 0);
  EXPECT_EQ(got, bytes);
}

}  // namespace
}  // namespace batuta::client
