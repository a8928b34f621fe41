#include "daemon/safety/graph/hdf5_messages.h"

#include "daemon/safety/graph/cursor.h"
#include "daemon/safety/graph/lookup3.h"

namespace batuta::safety::hdf5 {
namespace {

constexpr uint64_t Padded(uint64_t size) {
  return (size + 7) & ~uint64_t{7};
}

// Four bytes each, the last of them the size of a value.
bool NextChunk(Cursor& cursor, uint8_t count, size_t width, Layout& layout) {
  if (count < 2 || count > kMostDimensions + 1) return false;
  for (int i = 0; i < count; ++i) {
    uint64_t dimension = 0;
    if (!cursor.NextSized(width, dimension) || dimension == 0) return false;
    layout.chunk.push_back(dimension);
  }
  layout.element_bytes = layout.chunk.back();
  layout.chunk.pop_back();
  return true;
}

std::optional<Layout> ParseOldLayout(Cursor cursor) {
  Layout layout;
  uint8_t dimensions = 0;
  uint8_t kind = 0;
  if (!cursor.Next(dimensions) || !cursor.Next(kind) || !cursor.Skip(5)) return std::nullopt;
  if (kind != 0 && !cursor.Next(layout.address)) return std::nullopt;
  if (kind == 2) {
    layout.kind = Layout::Kind::kChunked;
    return NextChunk(cursor, dimensions, sizeof(uint32_t), layout) ? std::optional(layout) : std::nullopt;
  }
  if (kind > 2 || dimensions > kMostDimensions + 1 || !cursor.Skip(uint64_t{dimensions} * 4))
    return std::nullopt;
  layout.kind = kind == 0 ? Layout::Kind::kCompact : Layout::Kind::kContiguous;
  uint32_t size_bytes = 0;
  if (kind == 0 && (!cursor.Next(size_bytes) || !cursor.Skip(size_bytes))) return std::nullopt;
  layout.size_bytes = size_bytes;
  return layout;
}

}  // namespace

std::optional<Space> ParseSpace(std::string_view body) {
  Cursor cursor(body);
  uint8_t version = 0;
  uint8_t rank = 0;
  uint8_t flags = 0;
  uint8_t kind = 0;
  if (!cursor.Next(version) || !cursor.Next(rank) || !cursor.Next(flags) || !cursor.Next(kind))
    return std::nullopt;
  if (version < 1 || version > 2 || rank > kMostDimensions) return std::nullopt;
  if (version == 1 && !cursor.Skip(4)) return std::nullopt;
  Space space;
  space.is_null = version == 2 && kind == 2;
  if (version == 2 && (kind > 2 || (kind == 1) != (rank > 0))) return std::nullopt;
  for (int i = 0; i < rank; ++i) {
    uint64_t dimension = 0;
    if (!cursor.Next(dimension)) return std::nullopt;
    space.dimensions.push_back(dimension);
  }
  // The greatest it may grow to; an old permutation of dimensions was never written.
  if ((flags & 1U) != 0 && !cursor.Skip(uint64_t{rank} * 8)) return std::nullopt;
  if ((flags & ~1U) != 0) return std::nullopt;
  return space;
}

std::optional<Type> ParseType(std::string_view body) {
  Cursor cursor(body);
  uint32_t head = 0;
  Type type;
  if (!cursor.Next(head) || !cursor.Next(type.size_bytes)) return std::nullopt;
  const uint32_t version = (head >> 4U) & 0xFU;
  const uint32_t of = head & 0xFU;
  if (version < 1 || version > 4 || of > static_cast<uint32_t>(TypeClass::kLast)) return std::nullopt;
  type.of = static_cast<TypeClass>(of);
  type.bits = head >> 8U;
  if (type.size_bytes == 0) return std::nullopt;
  return type;
}

std::optional<Layout> ParseLayout(std::string_view body) {
  Cursor cursor(body);
  uint8_t version = 0;
  if (!cursor.Next(version)) return std::nullopt;
  if (version == 1 || version == 2) return ParseOldLayout(cursor);
  uint8_t kind = 0;
  if (version < 3 || version > 5 || !cursor.Next(kind)) return std::nullopt;
  Layout layout;
  switch (kind) {
    case 0: {
      uint16_t size_bytes = 0;
      if (!cursor.Next(size_bytes) || !cursor.Skip(size_bytes)) return std::nullopt;
      layout.kind = Layout::Kind::kCompact;
      layout.size_bytes = size_bytes;
      return layout;
    }
    case 1:
      layout.kind = Layout::Kind::kContiguous;
      if (!cursor.Next(layout.address) || !cursor.Next(layout.size_bytes)) return std::nullopt;
      return layout;
    case 2: {
      if (version > 3) return layout;  // with one of five kinds of index
      layout.kind = Layout::Kind::kChunked;
      uint8_t dimensions = 0;
      if (!cursor.Next(dimensions) || !cursor.Next(layout.address)) return std::nullopt;
      if (!NextChunk(cursor, dimensions, sizeof(uint32_t), layout)) return std::nullopt;
      return layout;
    }
    case 3:
      layout.kind = Layout::Kind::kVirtual;
      return layout;
    default:
      return std::nullopt;
  }
}

std::optional<std::vector<uint16_t>> ParseFilters(std::string_view body) {
  Cursor cursor(body);
  uint8_t version = 0;
  uint8_t count = 0;
  if (!cursor.Next(version) || !cursor.Next(count)) return std::nullopt;
  if (version < 1 || version > 2 || (version == 1 && !cursor.Skip(6))) return std::nullopt;
  std::vector<uint16_t> filters;
  for (int i = 0; i < count; ++i) {
    uint16_t id = 0;
    uint16_t name_bytes = 0;
    uint16_t flags = 0;
    uint16_t values = 0;
    if (!cursor.Next(id)) return std::nullopt;
    if ((version == 1 || id >= 256) && !cursor.Next(name_bytes)) return std::nullopt;
    if (!cursor.Next(flags) || !cursor.Next(values)) return std::nullopt;
    if (!cursor.Skip(version == 1 ? Padded(name_bytes) : name_bytes)) return std::nullopt;
    const uint64_t padding = version == 1 && values % 2 != 0 ? 4 : 0;
    if (!cursor.Skip(uint64_t{values} * 4 + padding)) return std::nullopt;
    filters.push_back(id);
  }
  return filters;
}

std::optional<Attribute> ParseAttribute(std::string_view body) {
  Cursor cursor(body);
  uint8_t version = 0;
  uint8_t flags = 0;
  uint16_t name_bytes = 0;
  uint16_t type_bytes = 0;
  uint16_t space_bytes = 0;
  if (!cursor.Next(version) || !cursor.Next(flags) || !cursor.Next(name_bytes) || !cursor.Next(type_bytes) ||
      !cursor.Next(space_bytes)) {
    return std::nullopt;
  }
  if (version < 1 || version > 3 || (version == 3 && !cursor.Skip(1))) return std::nullopt;
  const auto padded = [&](uint16_t size) { return version == 1 ? Padded(size) : uint64_t{size}; };
  Attribute attribute;
  std::string_view type;
  std::string_view space;
  if (!cursor.Next(padded(name_bytes), attribute.name) || !cursor.Next(padded(type_bytes), type) ||
      !cursor.Next(padded(space_bytes), space)) {
    return std::nullopt;
  }
  attribute.name = attribute.name.substr(0, attribute.name.find('\0'));
  attribute.value_offset = cursor.offset();
  attribute.shares = version > 1 && (flags & 3U) != 0;
  if (attribute.shares) return attribute;
  const std::optional<Type> parsed_type = ParseType(type);
  const std::optional<Space> parsed_space = ParseSpace(space);
  if (!parsed_type || !parsed_space) return std::nullopt;
  attribute.type = *parsed_type;
  attribute.space = *parsed_space;
  return attribute;
}

std::optional<Link> ParseLink(std::string_view body) {
  Cursor cursor(body);
  uint8_t version = 0;
  uint8_t flags = 0;
  uint8_t kind = 0;
  uint64_t name_bytes = 0;
  if (!cursor.Next(version) || !cursor.Next(flags) || version != 1 || (flags & ~0x1FU) != 0)
    return std::nullopt;
  if ((flags & 0x08U) != 0 && !cursor.Next(kind)) return std::nullopt;
  if ((flags & 0x04U) != 0 && !cursor.Skip(8)) return std::nullopt;
  if ((flags & 0x10U) != 0 && !cursor.Skip(1)) return std::nullopt;
  Link link;
  if (!cursor.NextSized(size_t{1} << (flags & 3U), name_bytes) || !cursor.Next(name_bytes, link.name)) {
    return std::nullopt;
  }
  link.kind = static_cast<Link::Kind>(kind);
  if (link.kind == Link::Kind::kHard) return cursor.Next(link.address) ? std::optional(link) : std::nullopt;
  uint16_t target_bytes = 0;
  if (!cursor.Next(target_bytes) || !cursor.Skip(target_bytes)) return std::nullopt;
  return link;
}

bool EndsWithChecksum(std::string_view bytes) {
  uint32_t checksum = 0;
  if (bytes.size() < sizeof checksum) return false;
  const size_t at = bytes.size() - sizeof checksum;
  return Cursor(bytes.substr(at)).Next(checksum) && checksum == Lookup3(bytes.substr(0, at));
}

std::optional<uint64_t> ParseLinkInfo(std::string_view body) {
  Cursor cursor(body);
  uint8_t version = 0;
  uint8_t flags = 0;
  uint64_t heap = 0;
  if (!cursor.Next(version) || !cursor.Next(flags) || version != 0) return std::nullopt;
  if ((flags & 1U) != 0 && !cursor.Skip(8)) return std::nullopt;
  return cursor.Next(heap) ? std::optional(heap) : std::nullopt;
}

std::optional<uint64_t> ParseAttributeInfo(std::string_view body) {
  Cursor cursor(body);
  uint8_t version = 0;
  uint8_t flags = 0;
  uint64_t heap = 0;
  if (!cursor.Next(version) || !cursor.Next(flags) || version != 0) return std::nullopt;
  if ((flags & 1U) != 0 && !cursor.Skip(2)) return std::nullopt;
  return cursor.Next(heap) ? std::optional(heap) : std::nullopt;
}

}  // namespace batuta::safety::hdf5
