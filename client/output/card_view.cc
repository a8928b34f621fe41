#include "client/output/card_view.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "client/output/json_writer.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

using Texts = google::protobuf::RepeatedPtrField<std::string>;

void WriteTexts(JsonWriter& json, std::string_view key, const Texts& texts) {
  json.Key(key).BeginArray();
  for (const std::string& text : texts) json.String(text);
  json.EndArray();
}

std::string CardJson(const v1::PreviewCardResponse& card) {
  JsonWriter json;
  json.BeginObject()
      .Field("card", card.card())
      .FieldOrNull("readme", card.readme())
      .Key("files")
      .BeginArray();
  for (const v1::PreviewCardResponse::File& file : card.files()) {
    json.BeginObject().Field("path", file.path()).Field("content", file.content()).EndObject();
  }
  json.EndArray();
  WriteTexts(json, "sources", card.sources());
  WriteTexts(json, "warnings", card.warnings());
  json.Field("diff", card.diff()).EndObject();
  return json.Take();
}

// Byte for byte where it goes into a file or another program; on a terminal nothing of it may move the
// cursor.
void PrintText(Output& output, std::string_view text) {
  if (!output.options().data_is_terminal) return output.Data(text);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    output.DataLine(Printable(line));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string_view WhatItIs(std::string_view card) {
  if (card == "generated") return "README.md is made from these files:";
  if (card == "completed") return "README.md gets fields that its metadata has not, from these files:";
  if (card == "present") return "README.md stays as it is.";
  return "There is no README.md, and none would be made.";
}

}  // namespace

void PrintCard(Output& output, const v1::PreviewCardResponse& card, CardPart part) {
  if (output.json()) return output.Data(CardJson(card));
  for (const std::string& warning : card.warnings()) output.Warn(Printable(warning));
  if (output.quiet()) return output.DataLine(card.card());
  output.Talk(WhatItIs(card.card()));
  for (const std::string& source : card.sources()) output.Talk(fmt::format("  {}", Printable(source)));
  for (const v1::PreviewCardResponse::File& file : card.files()) {
    output.Talk(
        fmt::format("{} ({}) goes with it.", Printable(file.path()), FormatBytes(file.content().size())));
  }
  PrintText(output, part == CardPart::kDiff ? card.diff() : card.readme());
}

}  // namespace batuta::client
