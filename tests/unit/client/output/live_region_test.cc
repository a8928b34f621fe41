#include "client/output/live_region.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/client/output/string_sink.h"

namespace batuta::client {
namespace {

std::string Newest(TestOutput& test, size_t before) {
  return test.talk.text.substr(before);
}

TEST(LiveRegionTest, HidesTheCursorOnceAndShowsItAgain) {
  TestOutput test({});
  {
    LiveRegion region(test.output);
    region.Draw({"a"});
    region.Draw({"b"});
  }

  EXPECT_EQ(test.talk.text, "\x1b[?25l\x1b[Ja\r\x1b[Jb\r\x1b[J\x1b[?25h");
}

TEST(LiveRegionTest, GoesBackOverAllItsLines) {
  TestOutput test({});
  LiveRegion region(test.output);
  region.Draw({"a", "b", "c"});
  const size_t before = test.talk.text.size();

  region.Draw({"d"});

  EXPECT_TRUE(Newest(test, before).starts_with("\r\x1b[2A\x1b[J"));
}

TEST(LiveRegionTest, CountsTheRowsThatANarrowerTerminalMadeOfALine) {
  TestOutput test({}, {80, 24});
  LiveRegion region(test.output);
  region.Draw({std::string(60, 'x'), "y"});
  const size_t before = test.talk.text.size();
  test.size = {25, 24};

  region.Draw({"z"});

  EXPECT_TRUE(Newest(test, before).starts_with("\r\x1b[3A\x1b[J")) << "60 columns take three rows of 25";
}

TEST(LiveRegionTest, ClearingWhatIsNotThereWritesNothing) {
  TestOutput test({});
  LiveRegion region(test.output);
  region.Clear();

  EXPECT_EQ(test.talk.text, "");
}

}  // namespace
}  // namespace batuta::client
