#include "daemon/app/retractions.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "common/io/unique_fd.h"

namespace batuta::app {

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

// So many at this moment.
void Add(RetractionLevel& level, int count, SteadyTime now) {
  for (int i = 0; i < count; ++i) level.Add(now);
}

TEST(RetractionLevelTest, AllThatSomeConnectionsHadUnderWayMayBeTakenBackAtOnce) {
  RetractionLevel level;
  const SteadyTime now{1h};
  Add(level, static_cast<int>(RetractionLevel::kMost), now);
  EXPECT_FALSE(level.IsTooHigh(now));
  Add(level, 1, now);
  EXPECT_TRUE(level.IsTooHigh(now));
}

TEST(RetractionLevelTest, ThoseOfASteadyPaceAreForgotten) {
  RetractionLevel level;
  SteadyTime now{1h};
  for (int i = 0; i < 10'000; ++i) {
    level.Add(now);
    now += 1ms;
  }
  EXPECT_FALSE(level.IsTooHigh(now));
}

TEST(RetractionLevelTest, WhoHasStoppedIsForgivenAfterASecondHoweverManyThereWere) {
  RetractionLevel level;
  const SteadyTime now{1h};
  Add(level, 100'000, now);
  EXPECT_TRUE(level.IsTooHigh(now + 900ms));
  EXPECT_FALSE(level.IsTooHigh(now + 1s));
}

class RetractionsTest : public testing::Test {
 protected:
  RetractionsTest() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    ours_ = UniqueFd(ends[0]);
    theirs_ = UniqueFd(ends[1]);
  }

  bool MaySpeak() const { return send(theirs_.get(), "x", 1, MSG_NOSIGNAL) == 1; }

  UniqueFd ours_;
  UniqueFd theirs_;
  SystemClock clock_;
  Retractions retractions_{1'000, clock_};
};

TEST_F(RetractionsTest, AConnectionIsCutAtTheFirstThatIsTooMany) {
  const std::string peer = "fd:" + std::to_string(ours_.get());
  retractions_.Note(peer);
  EXPECT_FALSE(retractions_.AreTooMany());
  ASSERT_TRUE(MaySpeak());

  while (!retractions_.AreTooMany()) retractions_.Note(peer);
  EXPECT_FALSE(MaySpeak());
  char byte = 0;
  EXPECT_EQ(recv(ours_.get(), &byte, 1, 0), 0) << "what had come is gone";
}

TEST_F(RetractionsTest, ANameThatIsNoDescriptorCutsNothing) {
  while (!retractions_.AreTooMany()) retractions_.Note("unix:/somewhere");
  for (const char* name : {"", "fd:", "fd:x", "ipv4:127.0.0.1:1"}) retractions_.Note(name);
  EXPECT_TRUE(MaySpeak());
}

}  // namespace

}  // namespace batuta::app
