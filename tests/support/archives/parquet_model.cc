#include "tests/support/archives/parquet_model.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "tests/support/archives/packed.h"

namespace batuta::test {
namespace {

constexpr char kInt = 5;
constexpr char kBinary = 8;
constexpr char kList = 9;
constexpr char kStruct = 12;

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
  return bytes + static_cast<char>(value);
}

std::string Number(int64_t value) {
  return Varint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

std::string Text(std::string_view text) {
  return Varint(text.size()) + std::string(text);
}

// A struct of Thrift's compact protocol, its fields in ascending order.
class Struct {
 public:
  Struct& Add(int id, char type, const std::string& value) {
    bytes_ += static_cast<char>(((id - last_) << 4) | type);
    bytes_ += value;
    last_ = id;
    return *this;
  }

  std::string Done() const { return bytes_ + '\0'; }

 private:
  std::string bytes_;
  int last_ = 0;
};

std::string ListOf(char type, const std::vector<std::string>& elements) {
  std::string bytes;
  if (elements.size() < 15) {
    bytes += static_cast<char>((elements.size() << 4) | static_cast<unsigned char>(type));
  } else {
    bytes += static_cast<char>(0xF0 | type);
    bytes += Varint(elements.size());
  }
  for (const std::string& element : elements) bytes += element;
  return bytes;
}

std::string Fixed(uint32_t value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

std::string Packed(int64_t codec, const std::string& bytes) {
  switch (codec) {
    case 1:
      return Snappied(bytes);
    case 2:
      return Gzipped(bytes);
    case 6:
      return Zstded(bytes);
    default:
      return bytes;
  }
}

std::string Plain(const std::vector<std::string>& values, int64_t type) {
  constexpr int64_t kStrings = 6;
  std::string bytes;
  for (const std::string& value : values) {
    if (type == kStrings) bytes += Fixed(static_cast<uint32_t>(value.size()));
    bytes += value;
  }
  return bytes;
}

// All are there: one run of ones.
std::string Levels(size_t count) {
  return Varint(count << 1) + '\1';
}

std::string Page(int64_t kind, size_t unpacked, const std::string& body, int id, const std::string& details) {
  return Struct()
             .Add(1, kInt, Number(kind))
             .Add(2, kInt, Number(static_cast<int64_t>(unpacked)))
             .Add(3, kInt, Number(static_cast<int64_t>(body.size())))
             .Add(id, kStruct, details)
             .Done() +
         body;
}

std::string DataPage(const ParquetColumn& column, const std::vector<std::string>& values) {
  const auto count = static_cast<int64_t>(values.size());
  const std::string coded = column.dictionary.empty() ? Plain(values, column.type) : std::string("\1\2\0", 3);
  const std::string levels = Levels(values.size());
  // How much of a repeated value is there is told as well.
  const int blocks = column.can_be_repeated ? 2 : column.can_be_missing ? 1 : 0;
  if (column.has_newer_pages) {
    std::string all_levels;
    for (int i = 0; i < blocks; ++i) all_levels += levels;
    const std::string details =
        Struct()
            .Add(1, kInt, Number(count))
            .Add(2, kInt, Number(0))
            .Add(3, kInt, Number(count))
            .Add(4, kInt, Number(column.coding))
            .Add(5, kInt, Number(static_cast<int64_t>(blocks > 0 ? levels.size() : 0)))
            .Add(6, kInt, Number(static_cast<int64_t>(blocks > 1 ? levels.size() : 0)))
            .Add(7, 1, "")
            .Done();
    return Page(3, all_levels.size() + coded.size(), all_levels + Packed(column.codec, coded), 8, details);
  }
  std::string all;
  for (int i = 0; i < blocks; ++i) all += Fixed(static_cast<uint32_t>(levels.size())) + levels;
  all += coded;
  const std::string details = Struct()
                                  .Add(1, kInt, Number(count))
                                  .Add(2, kInt, Number(column.coding))
                                  .Add(3, kInt, Number(3))
                                  .Add(4, kInt, Number(3))
                                  .Done();
  return Page(0, all.size(), Packed(column.codec, all), 5, details);
}

}  // namespace

std::string Snappied(std::string_view bytes) {
  std::string packed = Varint(bytes.size());
  std::map<std::string_view, size_t> seen;
  size_t literal_from = 0;
  const auto end_literal = [&](size_t end) {
    while (literal_from < end) {
      const size_t length = std::min<size_t>(end - literal_from, 60'000);
      packed += static_cast<char>(61 << 2);
      packed += static_cast<char>((length - 1) & 0xFF);
      packed += static_cast<char>((length - 1) >> 8);
      packed += bytes.substr(literal_from, length);
      literal_from += length;
    }
  };
  for (size_t at = 0; at + 4 <= bytes.size();) {
    const auto [place, is_new] = seen.try_emplace(bytes.substr(at, 4), at);
    const size_t from = std::exchange(place->second, at);
    const size_t distance = at - from;
    if (is_new || distance > 60'000) {
      ++at;
      continue;
    }
    size_t length = 4;
    while (length < 64 && at + length < bytes.size() && bytes[from + length] == bytes[at + length]) ++length;
    end_literal(at);
    if (length < 12 && distance < 2048) {
      packed += static_cast<char>(((distance >> 8) << 5) | ((length - 4) << 2) | 1);
      packed += static_cast<char>(distance & 0xFF);
    } else {
      packed += static_cast<char>(((length - 1) << 2) | 2);
      packed += static_cast<char>(distance & 0xFF);
      packed += static_cast<char>(distance >> 8);
    }
    at += length;
    literal_from = at;
  }
  end_literal(bytes.size());
  return packed;
}

std::string WriteParquet(const std::vector<ParquetColumn>& columns) {
  std::string file = "PAR1";
  std::vector<std::string> chunks;
  std::vector<std::string> nodes = {Struct()
                                        .Add(4, kBinary, Text("schema"))
                                        .Add(5, kInt, Number(static_cast<int64_t>(columns.size())))
                                        .Done()};
  for (const ParquetColumn& column : columns) {
    for (size_t i = 0; i < column.path.size(); ++i) {
      const bool is_leaf = i + 1 == column.path.size();
      const int64_t repetition = is_leaf && column.can_be_repeated ? 2 : column.can_be_missing ? 1 : 0;
      Struct node;
      if (is_leaf) node.Add(1, kInt, Number(column.type));
      node.Add(3, kInt, Number(repetition)).Add(4, kBinary, Text(column.path[i]));
      if (!is_leaf) node.Add(5, kInt, Number(1));
      nodes.push_back(node.Done());
    }
    const size_t begin = file.size();
    if (!column.dictionary.empty()) {
      const std::string plain = Plain(column.dictionary, column.type);
      const std::string details = Struct()
                                      .Add(1, kInt, Number(static_cast<int64_t>(column.dictionary.size())))
                                      .Add(2, kInt, Number(0))
                                      .Done();
      file += Page(2, plain.size(), Packed(column.codec, plain), 7, details);
    }
    const size_t data_begin = file.size();
    for (const std::vector<std::string>& values : column.pages) file += DataPage(column, values);
    size_t count = 0;
    for (const std::vector<std::string>& values : column.pages) count += values.size();
    std::vector<std::string> path;
    for (const std::string& name : column.path) path.push_back(Text(name));
    Struct meta;
    meta.Add(1, kInt, Number(column.type))
        .Add(2, kList, ListOf(kInt, {Number(column.coding)}))
        .Add(3, kList, ListOf(kBinary, path))
        .Add(4, kInt, Number(column.codec))
        .Add(5, kInt, Number(static_cast<int64_t>(count)))
        .Add(7, kInt, Number(static_cast<int64_t>(file.size() - begin)))
        .Add(9, kInt, Number(static_cast<int64_t>(data_begin)));
    if (!column.dictionary.empty()) meta.Add(11, kInt, Number(static_cast<int64_t>(begin)));
    chunks.push_back(
        Struct().Add(2, kInt, Number(static_cast<int64_t>(begin))).Add(3, kStruct, meta.Done()).Done());
  }
  const std::string rows = Struct().Add(1, kList, ListOf(kStruct, chunks)).Add(3, kInt, Number(1)).Done();
  const std::string description = Struct()
                                      .Add(1, kInt, Number(2))
                                      .Add(2, kList, ListOf(kStruct, nodes))
                                      .Add(3, kInt, Number(1))
                                      .Add(4, kList, ListOf(kStruct, {rows}))
                                      .Add(6, kBinary, Text("batuta tests"))
                                      .Done();
  return file + description + Fixed(static_cast<uint32_t>(description.size())) + "PAR1";
}

}  // namespace batuta::test
