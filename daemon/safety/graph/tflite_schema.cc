#include "daemon/safety/graph/tflite_schema.h"

namespace batuta::safety::tflite {
namespace {

// Of each kind of a union, with a blank between them; `-` has no field. As of August 2026.
constexpr std::string_view kOptionFields =
    "bwwbwwb bwwwbww wWW b bwwwwb wbb bb bbbbb w wb bb b wwww bwwbb wwbb w W wwb w b b - ww - - - b bb b W "
    "bbb "
    "wwwwwb - - w - bb - - b - - - - - - - - bwwbb b - - - - b - b wwwb ww - w - - ww - - - - bwwbbb bbbb "
    "bwwbbb - - bb w "
    "- b - w b - - - - - - ww - - - - ww ww w - - - - - - bbb bb w - - bwwwbwww wbb - - - ss - - qq W b - - "
    "- - - - - - - -";
constexpr std::string_view kMoreOptionFields =
    "q Q QQQ QQQQBqqQqqQqqQqqW sbswWB Qw bQQQqbw ww Q QQQ q QQQQW QQQQQw qbw ww QQQqQb Q - b w swBbw - W";
constexpr std::string_view kDetailFields = "B www wwwW";
constexpr std::string_view kIndexFields = "W H B";

constexpr Layout kLayouts[] = {
    {"wVVsVWVVVV",
     {Table::kOperatorCode, Table::kSubGraph, Table::kBuffer, Table::kMetadata, Table::kSignature,
      Table::kExternalGroup, Table::kExternalBuffer}},
    {"bsww"},
    {"VWWVsw", {Table::kTensor, Table::kOperator}},
    {"WbwsTbTWbVw", {Table::kQuantization, Table::kSparsity, Table::kVariant}},
    {"WWWQbUw", {Table::kDetails}},
    {"WWV", {Table::kDimension}},
    {"bwbUbU", {Table::kIndexes, Table::kIndexes}},
    {"Wbb"},
    {"wWWbUBbBWqqbUw", {Table::kOptions, Table::kMoreOptions}},
    {"Bqq"},
    {"sw"},
    {"VVssw", {Table::kTensorMap, Table::kTensorMap}},
    {"sw"},
    {"s"},
    {"wwqqs"},
};
static_assert(std::size(kLayouts) == static_cast<size_t>(Table::kOptions));

std::string_view FieldsOfUnion(Table table) {
  switch (table) {
    case Table::kOptions:
      return kOptionFields;
    case Table::kMoreOptions:
      return kMoreOptionFields;
    case Table::kDetails:
      return kDetailFields;
    default:
      return kIndexFields;
  }
}

}  // namespace

const Layout& LayoutOf(Table table) {
  return kLayouts[static_cast<size_t>(table)];
}

std::optional<Layout> LayoutOf(Table table, uint8_t kind) {
  std::string_view fields = FieldsOfUnion(table);
  for (uint8_t at = 1; !fields.empty(); ++at) {
    std::string_view here = fields.substr(0, fields.find(' '));
    if (at == kind) return Layout{here == "-" ? "" : here};
    fields.remove_prefix(std::min(fields.size(), here.size() + 1));
  }
  return std::nullopt;
}

}  // namespace batuta::safety::tflite
