#include "tests/support/formats/flatbuffer.h"

#include <algorithm>
#include <cstring>

namespace batuta::formats {
namespace {

// Puts a number of `width` bytes at `offset`.
void Put(std::string& out, size_t offset, uint64_t number, size_t width) {
  std::memcpy(out.data() + offset, &number, width);
}

void Append(std::string& out, uint64_t number, size_t width) {
  out.resize(out.size() + width);
  Put(out, out.size() - width, number, width);
}

void Align(std::string& out, size_t width) {
  out.resize((out.size() + width - 1) / width * width);
}

size_t AppendTable(std::string& out, const FlatTable& table);

size_t AppendTables(std::string& out, const FlatTables& tables) {
  const size_t begin = out.size();
  Append(out, tables.size(), 4);
  out.resize(out.size() + 4 * tables.size());
  for (size_t i = 0; i < tables.size(); ++i) {
    const size_t element = begin + 4 + 4 * i;
    const size_t offset = AppendTable(out, tables[i]);
    Put(out, element, offset - element, 4);
  }
  return begin;
}

// What a field refers to; the offset of it.
size_t AppendField(std::string& out, const FlatField& field) {
  Align(out, 4);
  const size_t begin = out.size();
  if (const auto* text = std::get_if<std::string>(&field)) {
    Append(out, text->size(), 4);
    out += *text + '\0';
  } else if (const auto* bytes = std::get_if<FlatBytes>(&field)) {
    Append(out, bytes->bytes.size(), 4);
    out += bytes->bytes;
  } else if (const auto* ints = std::get_if<FlatInts>(&field)) {
    Append(out, ints->size(), 4);
    for (const int32_t number : *ints) Append(out, static_cast<uint32_t>(number), 4);
  } else if (const auto* tables = std::get_if<FlatTables>(&field)) {
    return AppendTables(out, *tables);
  }
  return begin;
}

size_t AppendTable(std::string& out, const FlatTable& table) {
  size_t slots = 0;
  for (const auto& [slot, field] : table.fields) slots = std::max(slots, slot + 1);
  for (const auto& [slot, single] : table.tables) slots = std::max(slots, slot + 1);
  Align(out, 2);
  const size_t list = out.size();
  Append(out, 4 + 2 * slots, 2);
  out.resize(out.size() + 2 + 2 * slots);
  Align(out, 8);
  const size_t begin = out.size();
  Append(out, begin - list, 4);
  std::map<size_t, size_t> places;
  const auto place = [&](size_t slot, size_t width) {
    Align(out, width);
    places[slot] = out.size();
    Put(out, list + 4 + 2 * slot, out.size() - begin, 2);
    Append(out, 0, width);
  };
  for (const auto& [slot, field] : table.fields) {
    const auto* number = std::get_if<FlatNumber>(&field);
    place(slot, number != nullptr ? number->width : 4);
    if (number != nullptr) Put(out, places[slot], number->value, number->width);
  }
  for (const auto& [slot, single] : table.tables) place(slot, 4);
  Put(out, list + 2, out.size() - begin, 2);
  for (const auto& [slot, field] : table.fields) {
    if (std::holds_alternative<FlatNumber>(field)) continue;
    const size_t offset = AppendField(out, field);
    Put(out, places[slot], offset - places[slot], 4);
  }
  for (const auto& [slot, single] : table.tables) {
    const size_t offset = AppendTable(out, single.front());
    Put(out, places[slot], offset - places[slot], 4);
  }
  return begin;
}

}  // namespace

std::string FlatFile(const FlatTable& root, std::string_view identifier) {
  std::string out(4, '\0');
  out += identifier;
  Put(out, 0, AppendTable(out, root), 4);
  Align(out, 4);
  return out;
}

FlatTable TfliteBuiltin(uint32_t code) {
  return {.fields = {{0, FlatNumber{1, std::min<uint32_t>(code, 127)}}, {3, FlatNumber{4, code}}}};
}

FlatTable TfliteCustom(std::string_view name) {
  return {.fields = {{0, FlatNumber{1, 32}}, {1, std::string(name)}, {3, FlatNumber{4, 32}}}};
}

FlatTable TfliteOperation() {
  return {.fields = {{0, FlatNumber{4, 0}}, {1, FlatInts{0, -1}}, {2, FlatInts{1}}}};
}

FlatTable TfliteModel(const FlatTable& operator_code, const FlatTable& operation) {
  const auto tensor = [](uint32_t buffer, const char* name) {
    return FlatTable{.fields = {{0, FlatInts{1, 4}}, {2, FlatNumber{4, buffer}}, {3, std::string(name)}}};
  };
  const FlatTable graph = {.fields = {{0, FlatTables{tensor(0, "in"), tensor(1, "out")}},
                                      {1, FlatInts{0}},
                                      {2, FlatInts{1}},
                                      {3, FlatTables{operation}},
                                      {4, std::string("main")}}};
  const FlatTable filled = {.fields = {{0, FlatBytes{std::string(16, 'v')}}}};
  const FlatTable metadata = {.fields = {{0, std::string("min_runtime_version")}, {1, FlatNumber{4, 1}}}};
  return {.fields = {{0, FlatNumber{4, 3}},
                     {1, FlatTables{operator_code}},
                     {2, FlatTables{graph}},
                     {3, std::string("a model")},
                     {4, FlatTables{FlatTable{}, filled}},
                     {6, FlatTables{metadata}}}};
}

std::string TfliteFile(const FlatTable& model) {
  return FlatFile(model, "TFL3");
}

std::string FlexOptions(std::string_view name, std::string_view node) {
  constexpr uint64_t kStringKind = 5U << 2U | 2U;
  constexpr uint64_t kVectorKind = 10U << 2U | 2U;
  std::string out;
  size_t places[2] = {};
  for (size_t i = 0; i < 2; ++i) {
    const std::string_view text = i == 0 ? name : node;
    Align(out, 4);
    Append(out, text.size(), 4);
    places[i] = out.size();
    out += std::string(text) + '\0';
  }
  Align(out, 4);
  Append(out, 2, 4);
  const size_t vector = out.size();
  for (const size_t place : places) Append(out, out.size() - place, 4);
  Append(out, kStringKind, 1);
  Append(out, kStringKind, 1);
  Append(out, out.size() - vector, 1);
  Append(out, kVectorKind, 1);
  Append(out, 1, 1);
  return out;
}

}  // namespace batuta::formats
