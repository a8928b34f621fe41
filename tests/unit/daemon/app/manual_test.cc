#include "daemon/app/manual.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::app {
namespace {

using ::testing::HasSubstr;

std::vector<Setting> Settings(std::string folder) {
  return {{"cache_dir", "--cache-dir", {"HF_HUB_CACHE"}, std::move(folder), "Root of the cache."},
          {"disk.threads", "", {}, "4", "Threads that write."}};
}

TEST(ConfigTemplateTest, EveryLineIsAComment) {
  EXPECT_THAT(ConfigTemplate(Settings("/var/\"cache\"")), HasSubstr("\n# Root of the cache.\n"
                                                                    "# Environment: HF_HUB_CACHE\n"
                                                                    "#cache_dir = \"/var/\\\"cache\\\"\"\n"
                                                                    "\n"
                                                                    "# Threads that write.\n"
                                                                    "#disk.threads = 4\n"));
}

TEST(ManualPageTest, TellsBothDefaultsOfASettingAndWhatWinsOverIt) {
  const std::string page = ManualPage("What it is.\n\nExamples:\n  batutad --x   does x\n",
                                      {{"--x", "Does x"}}, Settings("/~/hub"), Settings("/var/hub"));

  EXPECT_THAT(page,
              HasSubstr(".SH \"DESCRIPTION\"\nWhat it is.\n.SH \"OPTIONS\"\n.TP\n.B \"\\-\\-x\"\nDoes x\n"));
  EXPECT_THAT(page, HasSubstr(".SH \"EXAMPLES\"\n.TP\n.B \"batutad \\-\\-x\"\ndoes x\n"));
  EXPECT_THAT(
      page, HasSubstr(".B \"cache_dir\"\nRoot of the cache. Default: \\(ti/hub; with \\-\\-system: /var/hub. "
                      "Variables: HF_HUB_CACHE.\n"));
  EXPECT_THAT(page, HasSubstr(".B \"disk.threads\"\nThreads that write. Default: 4.\n"));
}

}  // namespace
}  // namespace batuta::app
