#include "daemon/safety/pickle/npy.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/pickle/arguments.h"
#include "daemon/safety/pickle/literal.h"
#include "daemon/safety/pickle/rules.h"
#include "daemon/safety/pickle/single.h"

namespace batuta::safety {
namespace {

using pickle::DtypeCode;
using pickle::Literal;
using pickle::ParseDtypeCode;

constexpr uint64_t kLongestHeader = 1 << 20;
constexpr size_t kMostDimensions = 64;
constexpr int kDeepestType = 8;

struct Type {
  uint64_t bytes = 0;  // of one element
  bool has_objects = false;
};

// The product of sizes, none of which is negative; nothing when it is beyond all.
std::optional<uint64_t> ProductOf(const Literal& shape) {
  if (shape.kind != Literal::Kind::kTuple || shape.items.size() > kMostDimensions) return std::nullopt;
  uint64_t product = 1;
  bool is_empty = false;
  for (const Literal& size : shape.items) {
    if (size.kind != Literal::Kind::kNumber || size.number < 0) return std::nullopt;
    is_empty = is_empty || size.number == 0;
    if (size.number != 0 && __builtin_mul_overflow(product, static_cast<uint64_t>(size.number), &product)) {
      return std::nullopt;
    }
  }
  return is_empty ? 0 : product;
}

// A code, or a list of fields: (name, type[, shape]); a name may be (title, name).
std::optional<Type> TypeOf(const Literal& literal, int depth) {
  if (literal.kind == Literal::Kind::kText) {
    const std::optional<DtypeCode> code = ParseDtypeCode(literal.text);
    if (!code) return std::nullopt;
    return Type{.bytes = code->element_bytes, .has_objects = code->is_object};
  }
  if (literal.kind != Literal::Kind::kList || depth >= kDeepestType) return std::nullopt;
  Type type;
  for (const Literal& field : literal.items) {
    if (field.kind != Literal::Kind::kTuple || field.items.size() < 2 || field.items.size() > 3)
      return std::nullopt;
    const bool is_named =
        field.items[0].kind == Literal::Kind::kText || field.items[0].kind == Literal::Kind::kTuple;
    const std::optional<Type> inner = TypeOf(field.items[1], depth + 1);
    if (!is_named || !inner) return std::nullopt;
    const std::optional<uint64_t> count = field.items.size() == 3 ? ProductOf(field.items[2]) : 1;
    uint64_t bytes = 0;
    if (!count || __builtin_mul_overflow(inner->bytes, *count, &bytes) ||
        __builtin_add_overflow(type.bytes, bytes, &type.bytes)) {
      return std::nullopt;
    }
    type.has_objects = type.has_objects || inner->has_objects;
  }
  return type;
}

// The text of the header, which the reader then stands behind; nothing where it ends before.
std::optional<std::string> HeaderOf(ByteReader& reader, uint8_t major) {
  uint64_t length = 0;
  uint16_t short_length = 0;
  uint32_t long_length = 0;
  if (major == 1 ? !reader.Next(short_length) : !reader.Next(long_length)) return std::nullopt;
  length = major == 1 ? short_length : long_length;
  std::string header;
  if (length > kLongestHeader || !reader.Append(length, header)) return std::nullopt;
  return header;
}

}  // namespace

bool IsNpy(std::string_view first_bytes) {
  return first_bytes.starts_with("\x93NUMPY");
}

absl::Status InspectNpy(Subject& subject) {
  subject.SetFormat("numpy array");
  ByteReader reader(subject.bytes());
  const auto refuse = [&](const Rule& rule, std::string_view why) {
    if (reader.status().ok()) subject.Add(rule, reader.offset(), why);
    return reader.status();
  };
  uint8_t major = 0;
  uint8_t minor = 0;
  if (!reader.Skip(6) || !reader.Next(major) || !reader.Next(minor) || major < 1 || major > 3 || minor != 0) {
    return refuse(rules::kNpyHeader, "a version that numpy does not have");
  }
  const std::optional<std::string> header = HeaderOf(reader, major);
  if (!header) return refuse(rules::kNpyHeader, "the header is longer than the file, or than any header");
  const std::optional<Literal> literal = pickle::ParseLiteral(*header);
  if (!literal) return refuse(rules::kNpyCode, "the header is no literal of Python");
  const Literal* descr = literal->Find("descr");
  const Literal* order = literal->Find("fortran_order");
  const Literal* shape = literal->Find("shape");
  if (descr == nullptr || order == nullptr || shape == nullptr || literal->items.size() != 6 ||
      order->kind != Literal::Kind::kBool) {
    return refuse(rules::kNpyHeader, "the header does not say type, order and shape and nothing else");
  }
  const std::optional<Type> type = TypeOf(*descr, 0);
  const std::optional<uint64_t> count = ProductOf(*shape);
  if (!type || !count) return refuse(rules::kNpyHeader, "a type or shape that numpy does not write");
  if (type->has_objects) {
    return pickle::InspectSingle(subject, reader, {});
  }
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(*count, type->bytes, &bytes) || bytes != reader.left_bytes()) {
    return refuse(rules::kNpySize,
                  fmt::format("{} bytes of data, where type and shape say other", reader.left_bytes()));
  }
  return absl::OkStatus();
}

}  // namespace batuta::safety
