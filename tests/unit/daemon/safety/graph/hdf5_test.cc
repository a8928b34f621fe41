#include "daemon/safety/graph/hdf5.h"

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/safety/base/rules.h"
#include "daemon/safety/graph/rules.h"
#include "tests/support/formats/hdf5.h"
#include "tests/unit/daemon/safety/graph/inspect.h"

namespace batuta::safety {
namespace {

using formats::Hdf5File;
using formats::Hdf5Message;
using formats::kHdf5Nowhere;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kModel[] =
    R"({"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {}}]}})";
constexpr char kLambda[] =
    R"({"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": {}}]}})";

// A file whose root is an object with these messages, beside one that is a group.
std::string Root(const std::vector<Hdf5Message>& messages) {
  Hdf5File file;
  file.AddDataset({64});
  return file.Take(file.AddObject(messages));
}

std::string NewRoot(const std::vector<Hdf5Message>& messages) {
  Hdf5File file;
  file.AddDataset({64});
  return file.TakeNew(file.AddNewObject(messages));
}

std::string Dataset(const std::vector<Hdf5Message>& more) {
  std::vector<Hdf5Message> messages = {formats::Hdf5Space({16}), formats::Hdf5Float32()};
  messages.insert(messages.end(), more.begin(), more.end());
  return Root(messages);
}

std::string Chunk(std::string_view bytes, const std::vector<uint16_t>& filters) {
  Hdf5File file;
  const uint64_t tree = file.AddChunk({16}, bytes);
  std::vector<Hdf5Message> messages = {formats::Hdf5Space({16}), formats::Hdf5Float32(),
                                       formats::Hdf5Chunked(tree, {16})};
  if (!filters.empty()) messages.push_back(formats::Hdf5Filters(filters));
  return file.Take(file.AddObject(messages));
}

TEST(Hdf5, WeightsAndModelsAreSafe) {
  Hdf5File linked;
  const std::string files[] = {
      formats::Hdf5Weights(),
      formats::Hdf5Model(kModel),
      formats::Hdf5Model(std::string(kModel) + std::string(5, '\0')),
      formats::Hdf5LongModel(kModel),
      linked.TakeNew(linked.AddNewObject(
          {formats::Hdf5HardLink("w", linked.AddDataset({2, 3})), formats::Hdf5OtherLink("soft", 1, "/w")})),
      Chunk(std::string(64, 'v'), {}),
      Chunk("packed", {2, 1, 3}),
      Dataset({formats::Hdf5Contiguous(kHdf5Nowhere, 64)}),  // never written
      Root({}),
  };
  for (const std::string& file : files) {
    const Verdict verdict = InspectWith(InspectHdf5, file);
    EXPECT_THAT(Codes(verdict), IsEmpty()) << (verdict.findings.empty() ? "" : verdict.findings[0].text);
    EXPECT_EQ(verdict.format, "hdf5");
  }
}

TEST(Hdf5, EveryRowOfTheTableIsFound) {
  Hdf5File deep;
  const uint64_t hidden =
      deep.AddObject({formats::Hdf5OtherLink("x", 64, std::string("\0/etc/passwd\0/", 14))});
  const uint64_t further = deep.Add(formats::Hdf5Messages({formats::Hdf5HardLink("hidden", hidden)}));
  const std::string behind_continuation = deep.Take(deep.AddGroup(
      {{"a", deep.AddGroup({{"b", deep.AddObject({formats::Hdf5Continuation(further, 32)})}})}}));

  const struct {
    const char* what;
    std::string file;
    std::string_view code;
  } rows[] = {
      {"external link", Root({formats::Hdf5OtherLink("x", 64, std::string("\0other.h5\0/", 11))}),
       rules::kHdf5ExternalLink.code},
      {"external link, new header",
       NewRoot({formats::Hdf5OtherLink("x", 64, std::string("\0other.h5\0/", 11))}),
       rules::kHdf5ExternalLink.code},
      {"external link deep inside", behind_continuation, rules::kHdf5ExternalLink.code},
      {"external data", Root({{0x07, std::string(32, '\0')}}), rules::kHdf5ExternalData.code},
      {"virtual dataset", Dataset({{0x08, std::string("\4\3\0\0\0\0\0\0\0\0\0\0\0\0", 14)}}),
       rules::kHdf5ExternalData.code},
      {"plug-in", Chunk("packed", {32000}), rules::kHdf5Filter.code},
      {"plug-in among others", Chunk("packed", {2, 307}), rules::kHdf5Filter.code},
      {"model", formats::Hdf5Model(kLambda), rules::kKerasLambda.code},
      {"model in a heap", formats::Hdf5LongModel(kLambda), rules::kKerasLambda.code},
      {"training", Root({formats::Hdf5Text("training_config", kLambda)}), rules::kKerasLambda.code},
      {"no JSON", formats::Hdf5Model("Lambda"), rules::kKerasInvalid.code},
      {"PyTables", Root({formats::Hdf5Text("PYTABLES_FORMAT_VERSION", "2.1")}), rules::kHdf5Pytables.code},
      {"too many values",
       Root({formats::Hdf5Space({1U << 20U, 1U << 20U}), formats::Hdf5Float32(),
             formats::Hdf5Contiguous(kHdf5Nowhere, uint64_t{1} << 42U)}),
       rules::kHdf5Bomb.code},
      {"product beyond 64 bits",
       Root({formats::Hdf5Space({uint64_t{1} << 62U, 4, 4}), formats::Hdf5Float32(),
             formats::Hdf5Chunked(kHdf5Nowhere, {1, 1, 1}), formats::Hdf5Filters({1})}),
       rules::kHdf5Bomb.code},
      {"huge chunks",
       Root({formats::Hdf5Space({0, 0}), formats::Hdf5Float32(),
             formats::Hdf5Chunked(kHdf5Nowhere, {1U << 31U, 1U << 31U})}),
       rules::kHdf5Bomb.code},
      {"values outside", Dataset({formats::Hdf5Contiguous(uint64_t{1} << 40U, 64)}),
       rules::kHdf5Invalid.code},
      {"values of another size", Dataset({formats::Hdf5Contiguous(96, 60)}), rules::kHdf5Invalid.code},
      {"chunk of another size", Chunk(std::string(60, 'v'), {}), rules::kHdf5Invalid.code},
      {"filter twice", Chunk("packed", {1, 1}), rules::kHdf5Invalid.code},
      {"filter without chunks", Dataset({formats::Hdf5Contiguous(96, 64), formats::Hdf5Filters({1})}),
       rules::kHdf5Invalid.code},
      {"two layouts", Dataset({formats::Hdf5Contiguous(96, 64), formats::Hdf5Contiguous(96, 64)}),
       rules::kHdf5Invalid.code},
      {"no shape", Root({formats::Hdf5Float32(), formats::Hdf5Contiguous(96, 64)}), rules::kHdf5Invalid.code},
      {"link outside", Root({formats::Hdf5HardLink("x", uint64_t{1} << 60U)}), rules::kHdf5Invalid.code},
      {"links in a heap", Root({{0x02, std::string(2, '\0') + std::string(16, '\1')}}),
       rules::kHdf5Unsupported.code},
      {"attributes in a heap", Root({{0x15, std::string(2, '\0') + std::string(16, '\1')}}),
       rules::kHdf5Unsupported.code},
      {"unknown message", Root({{0x77, "what"}}), rules::kHdf5Unsupported.code},
      {"shared message", Root({{0x03, std::string(16, '\0'), 2}}), rules::kHdf5Unsupported.code},
      {"link of another kind", Root({formats::Hdf5OtherLink("x", 70, "y")}), rules::kHdf5Unsupported.code},
      {"references into files",
       Root({{0x03, std::string("\x47\x02\0\0\x10\0\0\0", 8)},
             formats::Hdf5Space({1}),
             formats::Hdf5Contiguous(96, 16)}),
       rules::kHdf5Unsupported.code},
      {"model that is no string",
       Root({{0x0C, std::string("\1\0\15\0\10\0\10\0model_config\0\0\0\0"
                                "\x10\0\0\0\4\0\0\0\1\0\0\0\0\0\0\0\1\2\3\4",
                                44)}}),
       rules::kHdf5Unsupported.code},
      {"something before", std::string("#!/bin/sh\n") + std::string(502, '\0') + formats::Hdf5Weights(),
       rules::kHdf5Foreign.code},
      {"something behind", formats::Hdf5Weights() + "x", rules::kHdf5Foreign.code},
      {"no HDF5", "\x89HDF", rules::kHdf5Invalid.code},
      {"empty", "", rules::kHdf5Invalid.code},
  };

  for (const auto& row : rows) {
    EXPECT_THAT(Codes(InspectWith(InspectHdf5, row.file)), Contains(row.code)) << row.what;
  }
}

TEST(Hdf5, ChecksumsOfNewHeadersAreHeldToTheirBytes) {
  const std::string file = NewRoot({formats::Hdf5OtherLink("soft", 1, "/w")});
  EXPECT_THAT(Codes(InspectWith(InspectHdf5, file)), IsEmpty());
  for (const size_t at : {size_t{44}, file.find("/w")}) {
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_THAT(Codes(InspectWith(InspectHdf5, changed)), ElementsAre(rules::kHdf5Invalid.code)) << at;
  }
}

TEST(Hdf5, AUserBlockOfNothingIsNoReasonToRefuse) {
  // Addresses count from the signature, but the end from the very beginning.
  std::string file = Root({});
  const uint64_t base = 1024;
  const uint64_t end = base + file.size();
  file.replace(24, 8, std::string(reinterpret_cast<const char*>(&base), 8));
  file.replace(40, 8, std::string(reinterpret_cast<const char*>(&end), 8));
  const std::string behind = std::string(base, '\0') + file;
  EXPECT_THAT(Codes(InspectWith(InspectHdf5, behind)), IsEmpty());
  MemorySource source(behind);
  EXPECT_TRUE(*IsHdf5(source));
  MemorySource other("PK\3\4");
  EXPECT_FALSE(*IsHdf5(other));
}

TEST(Hdf5, ObjectsInACircleAreVisitedOnce) {
  Hdf5File file;
  // Its header has 16 bytes, and the link leads back to it.
  const uint64_t here = file.Add("");
  EXPECT_THAT(
      Codes(InspectWith(InspectHdf5, file.Take(file.AddObject({formats::Hdf5HardLink("self", here)})))),
      IsEmpty());
}

TEST(Hdf5, AHeaderThatGoesOnInItselfEnds) {
  Hdf5File file;
  const uint64_t here = file.Add("");
  const std::string loop = file.Take(file.AddObject({formats::Hdf5Continuation(here + 16, 24)}));
  EXPECT_THAT(Codes(InspectWith(InspectHdf5, loop)), ElementsAre(rules::kTooComplex.code));
}

TEST(Hdf5, ModelsThatShareOneTextCannotMakeTheWorkQuadratic) {
  Hdf5File file;
  const std::string text = R"({"class_name": "Dense", "name": ")" + std::string(1 << 20U, 'x') + "\"}";
  const uint64_t heap = file.AddHeap(text);
  const std::vector<Hdf5Message> many(
      1000, formats::Hdf5LongText("model_config", heap, static_cast<uint32_t>(text.size())));
  EXPECT_THAT(Codes(InspectWith(InspectHdf5, file.Take(file.AddObject(many)))),
              Contains(rules::kTooComplex.code));
}

TEST(Hdf5, EveryDamageIsAnswered) {
  ExpectEveryDamageIsAnswered(InspectHdf5, formats::Hdf5Weights());
  ExpectEveryDamageIsAnswered(InspectHdf5, formats::Hdf5LongModel(kModel));
}

}  // namespace
}  // namespace batuta::safety
