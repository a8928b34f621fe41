#include "daemon/secrets/parquet.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "daemon/secrets/thrift_reader.h"

namespace batuta::secrets {
namespace {

constexpr std::string_view kMagic = "PAR1";
constexpr uint64_t kTailBytes = 8;  // the length of the description, and the magic again
constexpr uint64_t kMostDescriptionBytes = 16 << 20;
constexpr size_t kMostNodes = 50'000;
constexpr size_t kMostNameBytes = 256;
constexpr size_t kDeepestSchema = 64;
constexpr int64_t kByteArray = 6;  // a physical type
constexpr int64_t kOptional = 1;
constexpr int64_t kRepeated = 2;

// One node of the schema, which is listed in the order of a walk.
struct Node {
  int64_t type = 0;  // physical
  int64_t repetition = 0;
  int64_t children = 0;
  std::string_view name;
};

// A column, and how its values may be missing or repeated.
struct Leaf {
  std::string name;
  int64_t type = 0;
  bool can_be_missing = false;
  bool can_be_repeated = false;
};

struct Chunk {
  int64_t type = 0;
  int64_t codec = 0;
  int64_t values = 0;
  int64_t size_bytes = 0;
  int64_t data_offset = 0;
  int64_t dictionary_offset = 0;
  bool is_elsewhere = false;  // in another file
};

uint64_t Unsigned(int64_t number) {
  return number > 0 ? static_cast<uint64_t>(number) : 0;
}

Node ReadNode(ThriftReader& reader) {
  Node node;
  reader.Struct([&](int64_t id, uint8_t) {
    if (id == 1) node.type = reader.Integer();
    if (id == 3) node.repetition = reader.Integer();
    if (id == 4) node.name = reader.Binary();
    if (id == 5) node.children = reader.Integer();
    return id == 1 || (id >= 3 && id <= 5);
  });
  return node;
}

// The columns are the nodes without children. Nothing when the list is no tree.
std::optional<std::vector<Leaf>> LeavesOf(const std::vector<Node>& nodes) {
  struct Parent {
    int64_t children_left;
    Leaf so_far;
  };

  std::vector<Leaf> leaves;
  std::vector<Parent> parents;
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    while (!parents.empty() && parents.back().children_left == 0) parents.pop_back();
    if (parents.empty() != (i == 0) || parents.size() > kDeepestSchema) return std::nullopt;
    Leaf leaf;
    if (i > 0) {
      --parents.back().children_left;
      leaf = parents.back().so_far;
      if (!leaf.name.empty()) leaf.name += '.';
      leaf.name += node.name.substr(0, kMostNameBytes - std::min(leaf.name.size(), kMostNameBytes));
      leaf.can_be_missing |= node.repetition == kOptional || node.repetition == kRepeated;
      leaf.can_be_repeated |= node.repetition == kRepeated;
      leaf.type = node.type;
    }
    if (node.children > 0) {
      parents.push_back({node.children, std::move(leaf)});
    } else {
      leaves.push_back(std::move(leaf));
    }
  }
  return leaves;
}

Chunk ReadChunk(ThriftReader& reader) {
  Chunk chunk;
  const auto read_meta = [&](int64_t id, uint8_t) {
    switch (id) {
      case 1:
        chunk.type = reader.Integer();
        return true;
      case 4:
        chunk.codec = reader.Integer();
        return true;
      case 5:
        chunk.values = reader.Integer();
        return true;
      case 7:
        chunk.size_bytes = reader.Integer();
        return true;
      case 9:
        chunk.data_offset = reader.Integer();
        return true;
      case 11:
        chunk.dictionary_offset = reader.Integer();
        return true;
      default:
        return false;
    }
  };
  reader.Struct([&](int64_t id, uint8_t) {
    if (id == 1) chunk.is_elsewhere = !reader.Binary().empty();
    if (id == 3) reader.Struct(read_meta);
    return id == 1 || id == 3;
  });
  return chunk;
}

std::optional<ColumnChunk> PlaceOf(const Chunk& chunk, uint64_t file_bytes) {
  if (chunk.is_elsewhere) return std::nullopt;
  uint64_t offset = Unsigned(chunk.data_offset);
  if (chunk.dictionary_offset > 0) offset = std::min(offset, Unsigned(chunk.dictionary_offset));
  const uint64_t size = Unsigned(chunk.size_bytes);
  if (offset > file_bytes || size > file_bytes - offset) return std::nullopt;
  return ColumnChunk{.offset = offset, .size_bytes = size, .codec = chunk.codec};
}

// Of one number; nothing for other types. Those of fixed length hold whatever somebody put there.
std::optional<uint64_t> WidthOf(int64_t type) {
  switch (type) {
    case 1:  // INT32
    case 4:  // FLOAT
      return 4;
    case 2:  // INT64
    case 5:  // DOUBLE
      return 8;
    case 3:  // INT96
      return 12;
    default:
      return std::nullopt;
  }
}

// One that lies inside of another could be both text and numbers.
bool AnyOverlap(std::vector<ColumnChunk> chunks, uint64_t end) {
  std::ranges::sort(chunks, {}, &ColumnChunk::offset);
  uint64_t last_end = kMagic.size();
  for (const ColumnChunk& chunk : chunks) {
    if (chunk.offset < last_end) return true;
    last_end = chunk.offset + chunk.size_bytes;
  }
  return last_end > end;
}

int LevelBlocks(const Leaf& leaf) {
  return (leaf.can_be_missing ? 1 : 0) + (leaf.can_be_repeated ? 1 : 0);
}

// `begin` is where the description itself does, in the file.
std::optional<ParquetDescription> ReadDescription(std::string_view description, uint64_t begin,
                                                  uint64_t file_bytes) {
  ThriftReader reader(description);
  std::vector<Node> nodes;
  std::optional<std::vector<Leaf>> leaves;
  std::vector<ColumnChunk> places;
  ParquetDescription described;
  const auto add = [&](const Chunk& chunk, size_t column) {
    const std::optional<ColumnChunk> place = PlaceOf(chunk, file_bytes);
    if (!place || !leaves || column >= leaves->size()) return;
    places.push_back(*place);
    const Leaf& leaf = (*leaves)[column];
    if (chunk.type == kByteArray) described.texts[column].chunks.push_back(*place);
    const std::optional<uint64_t> width = leaf.type == chunk.type ? WidthOf(chunk.type) : std::nullopt;
    if (width) {
      described.numbers.push_back({.place = *place,
                                   .level_blocks = LevelBlocks(leaf),
                                   .width_bytes = *width,
                                   .values = Unsigned(chunk.values)});
    }
  };
  const auto read_row_group = [&](int64_t id, uint8_t) {
    if (id != 1) return false;
    size_t column = 0;
    reader.List([&](uint8_t) { add(ReadChunk(reader), column++); });
    return true;
  };
  reader.Struct([&](int64_t id, uint8_t) {
    if (id == 2) {
      reader.List([&](uint8_t) {
        const Node node = ReadNode(reader);
        if (nodes.size() <= kMostNodes) nodes.push_back(node);
      });
      if (nodes.size() <= kMostNodes) leaves = LeavesOf(nodes);
      for (const Leaf& leaf : leaves.value_or(std::vector<Leaf>()))
        described.texts.push_back({.name = leaf.name, .level_blocks = LevelBlocks(leaf)});
    }
    if (id == 4) reader.List([&](uint8_t) { reader.Struct(read_row_group); });
    return id == 2 || id == 4;
  });
  if (!reader.ok() || !leaves) return std::nullopt;
  std::erase_if(described.texts, [](const TextColumn& column) { return column.chunks.empty(); });
  if (AnyOverlap(std::move(places), begin)) described.numbers.clear();
  return described;
}

}  // namespace

std::optional<ParquetDescription> DescribeParquet(safety::ByteSource& file, std::string_view head) {
  const uint64_t file_bytes = file.size_bytes();
  if (!head.starts_with(kMagic) || file_bytes < kMagic.size() + kTailBytes) return std::nullopt;
  char tail[kTailBytes];
  if (!file.Read(file_bytes - kTailBytes, tail).ok()) return std::nullopt;
  uint32_t length = 0;
  std::memcpy(&length, tail, sizeof length);
  if (std::string_view(tail, kTailBytes).substr(4) != kMagic || length > kMostDescriptionBytes ||
      length > file_bytes - kTailBytes) {
    return std::nullopt;
  }
  const uint64_t begin = file_bytes - kTailBytes - length;
  std::string description(length, '\0');
  if (!file.Read(begin, description).ok()) return std::nullopt;
  return ReadDescription(description, begin, file_bytes);
}

std::optional<ParquetPage> ReadParquetPage(std::string_view bytes) {
  ThriftReader reader(bytes);
  ParquetPage page;
  int64_t kind = -1;
  const auto read_older = [&](int64_t id, uint8_t) {
    if (id == 1) page.values = Unsigned(reader.Integer());
    if (id == 2) page.coding = reader.Integer();
    return id == 1 || id == 2;
  };
  const auto read_newer = [&](int64_t id, uint8_t type) {
    if (id == 1) page.values = Unsigned(reader.Integer());
    if (id == 4) page.coding = reader.Integer();
    if (id == 5 || id == 6) page.level_bytes += Unsigned(reader.Integer());
    if (id == 7) page.is_packed = type == ThriftReader::kTrue;
    return id == 1 || (id >= 4 && id <= 7);
  };
  reader.Struct([&](int64_t id, uint8_t) {
    if (id == 1) kind = reader.Integer();
    if (id == 2) page.size_bytes = Unsigned(reader.Integer());
    if (id == 3) page.packed_bytes = Unsigned(reader.Integer());
    if (id == 5 || id == 7) reader.Struct(read_older);
    if (id == 8) reader.Struct(read_newer);
    return id != 4 && id != 6 && id <= 8;
  });
  if (!reader.ok() || kind < 0) return std::nullopt;
  page.is_newer = kind == 3;
  page.kind = kind == 0 || kind == 3 ? ParquetPage::Kind::kData
              : kind == 2            ? ParquetPage::Kind::kDictionary
                                     : ParquetPage::Kind::kOther;
  page.header_bytes = reader.at();
  return page;
}

}  // namespace batuta::secrets
