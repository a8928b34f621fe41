#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

// What stands in the object headers of an HDF5 file, message by message. Pure: bytes in, values out; nothing
// when the bytes break the rules of the format. Offsets and lengths have eight bytes, as every writer of
// models chooses.
namespace batuta::safety::hdf5 {

// An address that leads nowhere.
inline constexpr uint64_t kNowhere = ~uint64_t{0};

inline constexpr int kMostDimensions = 32;

enum class Message : uint16_t {
  kNil = 0x00,
  kSpace = 0x01,
  kLinkInfo = 0x02,
  kType = 0x03,
  kOldFill = 0x04,
  kFill = 0x05,
  kLink = 0x06,
  kExternalFiles = 0x07,
  kLayout = 0x08,
  kGroupInfo = 0x0A,
  kFilters = 0x0B,
  kAttribute = 0x0C,
  kComment = 0x0D,
  kOldModified = 0x0E,
  kContinuation = 0x10,
  kSymbolTable = 0x11,
  kModified = 0x12,
  kTreeRatios = 0x13,
  kDriver = 0x14,
  kAttributeInfo = 0x15,
  kReferenceCount = 0x16,
  kFreeSpace = 0x17,
};

// How many values a dataset or attribute has: the product of `dimensions`, 1 for a scalar.
struct Space {
  bool is_null = false;
  std::vector<uint64_t> dimensions;
};

std::optional<Space> ParseSpace(std::string_view body);

enum class TypeClass : uint8_t { kString = 3, kReference = 7, kVariable = 9, kLast = 10 };

struct Type {
  TypeClass of = TypeClass::kLast;
  uint32_t bits = 0;
  uint32_t size_bytes = 0;  // of one value

  bool is_variable_string() const { return of == TypeClass::kVariable && (bits & 0xFU) == 1; }

  // Of the kinds that may lead into another file.
  bool is_new_reference() const { return of == TypeClass::kReference && (bits & 0xFU) > 1; }
};

std::optional<Type> ParseType(std::string_view body);

struct Layout {
  enum class Kind : uint8_t { kCompact, kContiguous, kChunked, kVirtual, kUnsupported };

  Kind kind = Kind::kUnsupported;
  uint64_t address = kNowhere;  // of the values, or of the tree of chunks
  uint64_t size_bytes = 0;      // of the values where they stand together; 0 when it is not said
  std::vector<uint64_t> chunk;  // dimensions of one, without the last
  uint64_t element_bytes = 0;   // the last dimension of a chunk
};

std::optional<Layout> ParseLayout(std::string_view body);

std::optional<std::vector<uint16_t>> ParseFilters(std::string_view body);

struct Attribute {
  std::string_view name;
  Type type;
  Space space;
  size_t value_offset = 0;  // in the body
  bool shares = false;      // its type or space stands elsewhere; then both are empty
};

std::optional<Attribute> ParseAttribute(std::string_view body);

struct Link {
  enum class Kind : uint8_t { kHard = 0, kSoft = 1, kExternal = 64 };

  Kind kind = Kind::kHard;  // or another number: of an application's own
  std::string_view name;
  uint64_t address = kNowhere;  // of a hard one
};

std::optional<Link> ParseLink(std::string_view body);

// Is it followed by its checksum, as the structures of newer files are?
bool EndsWithChecksum(std::string_view bytes);

// Links or attributes of one object in a heap of their own: its address, or kNowhere.
std::optional<uint64_t> ParseLinkInfo(std::string_view body);
std::optional<uint64_t> ParseAttributeInfo(std::string_view body);

}  // namespace batuta::safety::hdf5
