#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/bundle/bundle.h"
#include "tests/support/archives/tar_model.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::safety {
namespace {

using test::TarFile;
using test::TarModel;

constexpr Rule kGiven{"test-given", Grade::kUnknown, "for the test"};

absl::Status WriteDown(Subject& subject) {
  std::string content;
  ByteReader reader(subject.bytes());
  reader.Append(reader.size_bytes(), content);
  subject.Add(kGiven, 0, std::string(subject.name()) + "=" + content);
  return reader.status();
}

Verdict Judge(const TarModel& model) {
  const std::string bytes = test::WriteTar(model);
  MemorySource source(bytes);
  Report report;
  Subject subject("file", source, report, WriteDown);
  EXPECT_THAT(InspectTar(subject), IsOk());
  return std::move(report).Take();
}

TEST(TarBundle, EveryMemberIsInspectedByItsContent) {
  TarModel model;
  model.members = {TarFile("./a.txt", "one"), TarFile("./b/", ""), TarFile("./b/c.txt", "two")};
  const Verdict verdict = Judge(model);
  EXPECT_EQ(verdict.format, "tar");
  ASSERT_EQ(verdict.findings.size(), 2U);
  EXPECT_EQ(verdict.findings[0].text, "a.txt=one");
  EXPECT_EQ(verdict.findings[1].text, "b/c.txt=two");
  EXPECT_EQ(verdict.findings[1].place, "file » b/c.txt");
}

TEST(TarBundle, ANemoModelIsKnownByItsConfiguration) {
  TarModel model;
  model.members = {TarFile("./model_config.yaml", "a: b"), TarFile("./model_weights.ckpt", "PK")};
  EXPECT_EQ(Judge(model).format, "nemo");
}

TEST(TarBundle, ATorchTarIsNeverAPickleThatIsClean) {
  TarModel model;
  model.members = {TarFile("sys_info", "x"), TarFile("pickle", "x"), TarFile("storages", "x"),
                   TarFile("tensors", "x")};
  const Verdict verdict = Judge(model);
  EXPECT_EQ(verdict.format, "torch tar");
  EXPECT_TRUE(verdict.has_pickle);
  EXPECT_EQ(verdict.findings[0].code, "torch-tar");
}

}  // namespace
}  // namespace batuta::safety
