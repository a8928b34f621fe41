// The names of gguf_names.tsv: none is taken for what it is not.
#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "daemon/pull/gguf_name.h"
#include "daemon/pull/quant_label.h"

namespace batuta::pull {
namespace {

using Kind = GgufName::Kind;

std::vector<std::string> Fields(const std::string& line) {
  std::vector<std::string> fields;
  size_t begin = 0;
  while (begin <= line.size()) {
    const size_t end = std::min(line.find('\t', begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return fields;
}

std::string NameOf(Kind kind) {
  static const std::map<Kind, std::string> names = {
      {Kind::kModel, "model"},           {Kind::kProjector, "projector"}, {Kind::kImatrix, "imatrix"},
      {Kind::kVocabulary, "vocabulary"}, {Kind::kAdapter, "adapter"},     {Kind::kDraft, "draft"}};
  return names.at(kind);
}

std::string PartOf(const GgufName& name) {
  if (name.part == 0) return "-";
  return std::to_string(name.part) + "/" + (name.parts == 0 ? "?" : std::to_string(name.parts));
}

TEST(GgufNamesTest, NoneOfManyPublishersIsMistaken) {
  std::ifstream file(GGUF_NAMES);
  ASSERT_TRUE(file) << GGUF_NAMES;
  size_t count = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    SCOPED_TRACE(line);
    ++count;
    const std::vector<std::string> fields = Fields(line);
    ASSERT_EQ(fields.size(), 5U);
    const auto name = ParseGgufName(fields[0]);
    ASSERT_TRUE(name);
    EXPECT_EQ(name->label.empty() ? "-" : name->label, fields[1]);
    EXPECT_EQ(NameOf(name->kind), fields[2]);
    EXPECT_EQ(PartOf(*name), fields[3]);
    EXPECT_EQ(name->has_imatrix ? "imatrix" : "-", fields[4]);
    if (!name->label.empty()) {
      EXPECT_EQ(CanonicalLabel(name->label), name->label);
    }
  }
  EXPECT_GE(count, 400U);
}

}  // namespace
}  // namespace batuta::pull
