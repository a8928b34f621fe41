#include "daemon/transfer/for_other_thread.h"

#include <string>

#include <gtest/gtest.h>

#include "common/status/status.h"

namespace batuta::transfer {
namespace {

TEST(ForOtherThreadTest, AnErrorKeepsAllThatItSays) {
  const absl::Status error = MakeError(absl::StatusCode::kAborted, reason::kUpstreamChanged, "it changed",
                                       "begin again", {{"at", "7"}});

  EXPECT_EQ(ForOtherThread(error), error);
  EXPECT_EQ(DetailsOf(ForOtherThread(error)).hint, "begin again");
  EXPECT_EQ(ForOtherThread(absl::StatusOr<int>(error)).status(), error);
}

TEST(ForOtherThreadTest, OtherValuesPassAsTheyAre) {
  EXPECT_TRUE(ForOtherThread(absl::OkStatus()).ok());
  EXPECT_EQ(ForOtherThread(absl::StatusOr<int>(7)).value(), 7);
  EXPECT_EQ(ForOtherThread(std::string("text")), "text");
}

}  // namespace
}  // namespace batuta::transfer
