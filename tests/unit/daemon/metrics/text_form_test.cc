#include "daemon/metrics/text_form.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batuta::metrics {
namespace {

TEST(TextForm, WritesHelpTypeAndSamples) {
  EXPECT_EQ(TextForm({{.name = "batuta_retries_total",
                       .help = "Tries.",
                       .kind = Kind::kCounter,
                       .samples = {{.labels = {{"part", "hub"}}, .value = 3}}}}),
            "# HELP batuta_retries_total Tries.\n"
            "# TYPE batuta_retries_total counter\n"
            "batuta_retries_total{part=\"hub\"} 3\n");
}

TEST(TextForm, FamiliesStandInTheOrderOfTheirNames) {
  const std::string text = TextForm({{.name = "b", .help = "B.", .samples = {{.labels = {}, .value = 1}}},
                                     {.name = "a", .help = "A.", .samples = {{.labels = {}, .value = 2}}}});
  EXPECT_LT(text.find("# HELP a"), text.find("# HELP b"));
}

TEST(TextForm, AFamilyWithoutSamplesIsLeftOut) {
  EXPECT_EQ(TextForm({{.name = "a", .help = "A."}}), "");
}

TEST(TextForm, AHistogramHasCumulativeBucketsASumAndACount) {
  EXPECT_EQ(TextForm({{.name = "h",
                       .help = "H.",
                       .kind = Kind::kHistogram,
                       .bounds = {0.5, 2},
                       .samples = {{.labels = {{"kind", "api"}}, .value = 4.25, .buckets = {1, 3, 4}}}}}),
            "# HELP h H.\n"
            "# TYPE h histogram\n"
            "h_bucket{kind=\"api\",le=\"0.5\"} 1\n"
            "h_bucket{kind=\"api\",le=\"2\"} 3\n"
            "h_bucket{kind=\"api\",le=\"+Inf\"} 4\n"
            "h_sum{kind=\"api\"} 4.25\n"
            "h_count{kind=\"api\"} 4\n");
}

TEST(TextForm, NoValueOfALabelForgesALine) {
  const std::string text = TextForm(
      {{.name = "a", .help = "A \\ b\nc.", .samples = {{.labels = {{"x", "q\"\\\n}\xff"}}, .value = 1}}}});
  EXPECT_EQ(text,
            "# HELP a A \\\\ b\\nc.\n"
            "# TYPE a gauge\n"
            "a{x=\"q\\\"\\\\\\n}\xef\xbf\xbd\"} 1\n");
}

TEST(TextForm, NumbersCanBeReadBack) {
  const auto text_of = [](double value) {
    const std::string text =
        TextForm({{.name = "a", .help = "A.", .samples = {{.labels = {}, .value = value}}}});
    return text.substr(text.rfind("\na ") + 3);
  };
  EXPECT_EQ(text_of(0), "0\n");
  EXPECT_EQ(text_of(1'099'511'627'776), "1099511627776\n");
  EXPECT_EQ(text_of(0.1), "0.1\n");
  EXPECT_EQ(text_of(-2.5), "-2.5\n");
  EXPECT_EQ(text_of(std::numeric_limits<double>::infinity()), "+Inf\n");
  EXPECT_EQ(text_of(-std::numeric_limits<double>::infinity()), "-Inf\n");
  EXPECT_EQ(text_of(std::numeric_limits<double>::quiet_NaN()), "NaN\n");
}

}  // namespace
}  // namespace batuta::metrics
