#include "daemon/safety/graph/hdf5.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/safety/graph/cursor.h"
#include "daemon/safety/graph/hdf5_dataset.h"
#include "daemon/safety/graph/hdf5_file.h"
#include "daemon/safety/graph/hdf5_messages.h"
#include "daemon/safety/graph/keras_config.h"
#include "daemon/safety/graph/rules.h"

namespace batuta::safety {
namespace {

using hdf5::kNowhere;
using hdf5::Message;
using hdf5::Object;

constexpr uint64_t kChecksumBytes = 4;

// Of a tree.
constexpr uint8_t kMostLevels = 32;

// A structure of the file that is to be looked at.
struct Task {
  enum class Kind : uint8_t { kObject, kGroupTree, kSymbols, kChunkTree };

  Kind kind = Kind::kObject;
  uint64_t address = 0;
  int level = -1;            // of a tree's node; -1 for its root
  uint64_t names_bytes = 0;  // of a group
  hdf5::Chunks chunks = {};
};

// A run of bytes: with messages, of which an object's header has one or more, or the text of a model.
struct Piece {
  uint64_t address = 0;
  uint64_t size_bytes = 0;
};

struct Header {
  uint64_t address = 0;
  bool is_new = false;  // of the second version
  uint8_t flags = 0;
  Piece first = {};
};

class Walk {
 public:
  explicit Walk(Subject& subject)
      : subject_(subject),
        file_(subject),
        datasets_(file_),
        most_visited_(subject.limits().memory_bytes / kTaskBytes) {}

  absl::Status Run() {
    if (const std::optional<hdf5::Root> root = file_.Open()) {
      Push({.address = root->address});
      if (root->extension) Push({.address = *root->extension});
      // A reader may take what is noted here instead of asking the object.
      if (root->notes_group) VisitGroup(root->tree, root->heap);
    }
    while (!tasks_.empty() && !file_.stopped() && status_.ok()) {
      const Task task = tasks_.back();
      tasks_.pop_back();
      if (visited_.size() + tasks_.size() > most_visited_) {
        file_.TooComplex(task.address, "more objects than any model has");
        break;
      }
      // The same bytes may be looked at as two things, but not twice as one.
      if (visited_.insert(task.address << 2U | static_cast<uint64_t>(task.kind)).second) Visit(task);
    }
    RETURN_IF_ERROR(status_);
    return file_.status();
  }

 private:
  static constexpr uint64_t kTaskBytes = 128;

  void Visit(const Task& task) {
    switch (task.kind) {
      case Task::Kind::kObject:
        VisitObject(task.address);
        break;
      case Task::Kind::kGroupTree:
      case Task::Kind::kChunkTree:
        VisitTree(task);
        break;
      case Task::Kind::kSymbols:
        VisitSymbols(task);
        break;
    }
  }

  void VisitObject(uint64_t address);
  std::optional<Header> ReadHeader(uint64_t address);
  std::optional<Piece> FetchPiece(const Header& header, bool is_first, Piece piece, std::string& bytes);
  void VisitPiece(const Header& header, bool is_first, Piece piece, Object& object,
                  std::vector<Piece>& pieces);

  // These say whether the message is well-formed; `address` is that of its body.
  bool VisitMessage(uint16_t kind, std::string_view body, uint64_t address, Object& object,
                    std::vector<Piece>& pieces);
  bool VisitAttribute(std::string_view body, uint64_t address);
  bool VisitLink(std::string_view body, uint64_t address);

  void VisitModel(const hdf5::Attribute& attribute, std::string_view value, uint64_t address);
  std::optional<Piece> FindString(std::string_view reference, uint64_t address);
  std::optional<Piece> FindInHeap(uint64_t address, uint32_t index);
  void VisitGroup(uint64_t tree, uint64_t heap);
  void VisitTree(const Task& task);
  void VisitSymbols(const Task& task);

  void Push(const Task& task) {
    if (file_.IsInside(task.address, 1)) {
      tasks_.push_back(task);
    } else {
      file_.Broken(task.address, "an address outside the file");
    }
  }

  Subject& subject_;
  hdf5::File file_;
  hdf5::Datasets datasets_;
  uint64_t most_visited_;
  std::vector<Task> tasks_;
  absl::flat_hash_set<uint64_t> visited_;
  absl::Status status_;  // of an inspection inside
};

std::optional<Header> Walk::ReadHeader(uint64_t address) {
  std::string bytes;
  if (!file_.Fetch(address, 16, bytes)) return std::nullopt;
  Cursor cursor(bytes);
  uint8_t version = 0;
  Header header{.address = address};
  if (!bytes.starts_with("OHDR")) {
    uint32_t size_bytes = 0;
    if (cursor.Next(version) && version == 1 && cursor.Skip(7) && cursor.Next(size_bytes)) {
      header.first = {.address = address + 16, .size_bytes = size_bytes};
      return header;
    }
  } else if (cursor.Skip(4) && cursor.Next(version) && version == 2 && cursor.Next(header.flags)) {
    header.is_new = true;
    // Before the length there may be four times and two counts.
    const uint64_t at =
        address + 6 + ((header.flags & 0x20U) != 0 ? 16U : 0U) + ((header.flags & 0x10U) != 0 ? 4U : 0U);
    const size_t width = size_t{1} << (header.flags & 3U);
    if (!file_.Fetch(at, width, bytes)) return std::nullopt;
    Cursor(bytes).NextSized(width, header.first.size_bytes);
    header.first.address = at + width;
    return header;
  }
  file_.Broken(address, "an object without a header");
  return std::nullopt;
}

void Walk::VisitObject(uint64_t address) {
  const std::optional<Header> header = ReadHeader(address);
  if (!header) return;
  Object object;
  std::vector<Piece> pieces = {header->first};
  for (size_t i = 0; i < pieces.size() && !file_.stopped(); ++i) {
    VisitPiece(*header, i == 0, pieces[i], object, pieces);
  }
  if (!object.layout || !object.is_known || file_.stopped()) return;
  if (const std::optional<hdf5::Chunks> chunks = datasets_.Judge(object, address)) {
    Push({.kind = Task::Kind::kChunkTree, .address = chunks->tree, .chunks = *chunks});
  }
}

// Where its messages are, which are then the last of `bytes`.
std::optional<Piece> Walk::FetchPiece(const Header& header, bool is_first, Piece piece, std::string& bytes) {
  if (!header.is_new) {
    if (!file_.Fetch(piece.address, piece.size_bytes, bytes)) return std::nullopt;
    return piece;
  }
  // What stands before the messages counts for the checksum behind them, which counts for the size of every
  // piece but the first.
  constexpr std::string_view kSignature = "OCHK";
  uint64_t before = kSignature.size();
  Piece whole = piece;
  if (is_first) {
    before = piece.address - header.address;
    whole = {.address = header.address,
             .size_bytes = hdf5::CappedSum(before + kChecksumBytes, piece.size_bytes)};
  }
  if (!file_.Fetch(whole.address, whole.size_bytes, bytes)) return std::nullopt;
  if (bytes.size() < before + kChecksumBytes || (!is_first && !bytes.starts_with(kSignature))) {
    file_.Broken(piece.address, "a header that goes on where none is");
    return std::nullopt;
  }
  if (!hdf5::EndsWithChecksum(bytes)) file_.Broken(whole.address, "a header with another checksum");
  bytes.resize(bytes.size() - kChecksumBytes);
  return Piece{.address = whole.address + before, .size_bytes = bytes.size() - before};
}

void Walk::VisitPiece(const Header& header, bool is_first, Piece piece, Object& object,
                      std::vector<Piece>& pieces) {
  std::string bytes;
  const std::optional<Piece> messages_at = FetchPiece(header, is_first, piece, bytes);
  if (!messages_at) return;
  const uint64_t begin = messages_at->address;
  const std::string_view messages(bytes.data() + bytes.size() - messages_at->size_bytes,
                                  messages_at->size_bytes);
  Cursor cursor(messages);
  const bool has_order = header.is_new && (header.flags & 0x04U) != 0;
  const size_t head_bytes = header.is_new ? (has_order ? 6 : 4) : 8;
  while (cursor.left_bytes() >= head_bytes && !file_.stopped() && status_.ok()) {
    const uint64_t at = begin + cursor.offset();
    uint64_t kind = 0;
    uint16_t size_bytes = 0;
    uint8_t flags = 0;
    std::string_view body;
    cursor.NextSized(header.is_new ? 1 : 2, kind);
    if (!cursor.Next(size_bytes) || !cursor.Next(flags) ||
        !cursor.Skip(header.is_new ? (has_order ? 2 : 0) : 3) || !cursor.Next(size_bytes, body)) {
      file_.Broken(at, "a message that ends after its header");
      return;
    }
    if ((flags & 0x02U) != 0) {
      file_.Unsupported(at, "a message that stands elsewhere");
      object.is_known = false;
    } else if (!VisitMessage(static_cast<uint16_t>(kind), body, begin + cursor.offset() - body.size(), object,
                             pieces)) {
      if (!file_.stopped()) file_.Broken(at, fmt::format("a message of kind {} that breaks its rules", kind));
    }
  }
  if (!header.is_new && cursor.left_bytes() > 0 && !file_.stopped()) {
    file_.Broken(begin, "half a message in a header");
  }
}

bool Walk::VisitMessage(uint16_t kind, std::string_view body, uint64_t address, Object& object,
                        std::vector<Piece>& pieces) {
  switch (static_cast<Message>(kind)) {
    case Message::kNil:
    case Message::kOldFill:
    case Message::kFill:
    case Message::kGroupInfo:
    case Message::kComment:
    case Message::kOldModified:
    case Message::kModified:
    case Message::kTreeRatios:
    case Message::kReferenceCount:
    case Message::kFreeSpace:
      return true;
    case Message::kSpace:
      return !object.space && (object.space = hdf5::ParseSpace(body)).has_value();
    case Message::kType:
      return !object.type && (object.type = hdf5::ParseType(body)).has_value();
    case Message::kLayout:
      return !object.layout && (object.layout = hdf5::ParseLayout(body)).has_value();
    case Message::kFilters: {
      const auto filters = hdf5::ParseFilters(body);
      if (filters) object.filters.insert(object.filters.end(), filters->begin(), filters->end());
      return filters.has_value();
    }
    case Message::kLink:
      return VisitLink(body, address);
    case Message::kAttribute:
      return VisitAttribute(body, address);
    case Message::kExternalFiles:
      file_.Add(rules::kHdf5ExternalData, address, "a dataset reads its values from another file");
      return true;
    case Message::kContinuation: {
      Cursor cursor(body);
      Piece piece;
      if (!cursor.Next(piece.address) || !cursor.Next(piece.size_bytes)) return false;
      pieces.push_back(piece);
      return true;
    }
    case Message::kSymbolTable: {
      Cursor cursor(body);
      uint64_t tree = 0;
      uint64_t heap = 0;
      if (!cursor.Next(tree) || !cursor.Next(heap)) return false;
      VisitGroup(tree, heap);
      return true;
    }
    case Message::kLinkInfo:
    case Message::kAttributeInfo: {
      const auto heap = static_cast<Message>(kind) == Message::kLinkInfo ? hdf5::ParseLinkInfo(body)
                                                                         : hdf5::ParseAttributeInfo(body);
      if (heap && *heap != kNowhere) file_.Unsupported(address, "links or attributes in a heap of their own");
      return heap.has_value();
    }
    default:
      file_.Unsupported(address, fmt::format("a message of kind {}", kind));
      return true;
  }
}

bool Walk::VisitLink(std::string_view body, uint64_t address) {
  const std::optional<hdf5::Link> link = hdf5::ParseLink(body);
  if (!link) return false;
  switch (link->kind) {
    case hdf5::Link::Kind::kHard:
      Push({.address = link->address});
      break;
    case hdf5::Link::Kind::kSoft:
      break;
    case hdf5::Link::Kind::kExternal:
      file_.Add(rules::kHdf5ExternalLink, address,
                fmt::format("{} leads into another file", Quoted(link->name)));
      break;
    default:
      file_.Unsupported(address, "a link of an application's own kind");
  }
  return true;
}

bool Walk::VisitAttribute(std::string_view body, uint64_t address) {
  const std::optional<hdf5::Attribute> attribute = hdf5::ParseAttribute(body);
  if (!attribute) return false;
  if (attribute->name == "PYTABLES_FORMAT_VERSION") {
    file_.Add(rules::kHdf5Pytables, address,
              "written for PyTables, which unpickles what it finds in attributes");
  } else if (attribute->name == "model_config" || attribute->name == "training_config") {
    VisitModel(*attribute, body.substr(attribute->value_offset), address + attribute->value_offset);
  }
  return true;
}

// `value` is what there is of it in the message, at `address`.
void Walk::VisitModel(const hdf5::Attribute& attribute, std::string_view value, uint64_t address) {
  uint64_t count = attribute.space.is_null ? 0 : 1;
  for (const uint64_t dimension : attribute.space.dimensions) count = hdf5::CappedProduct(count, dimension);
  const bool is_variable = attribute.type.is_variable_string();
  if (attribute.shares || count != 1 || (attribute.type.of != hdf5::TypeClass::kString && !is_variable)) {
    file_.Unsupported(address, fmt::format("{} is no single string", attribute.name));
    return;
  }
  if (attribute.type.size_bytes > value.size()) {
    file_.Broken(address, "an attribute that ends after its message");
    return;
  }
  value = value.substr(0, attribute.type.size_bytes);
  std::optional<Piece> text = Piece{.address = address, .size_bytes = value.size()};
  if (is_variable) {
    text = FindString(value, address);
  } else {
    // Filled up with NUL.
    text->size_bytes = value.find_last_not_of('\0') + 1;
  }
  if (!text || !file_.Take(text->address, text->size_bytes)) return;
  PartSource part(subject_.bytes(), file_.OffsetOf(text->address), text->size_bytes);
  status_ = subject_.InspectAs(attribute.name, part, InspectKerasConfig);
}

// A string of any length stands in a heap, and its place instead of it.
std::optional<Piece> Walk::FindString(std::string_view reference, uint64_t address) {
  Cursor cursor(reference);
  uint32_t length = 0;
  uint64_t heap = 0;
  uint32_t index = 0;
  if (!cursor.Next(length) || !cursor.Next(heap) || !cursor.Next(index)) {
    file_.Broken(address, "a string without a place");
    return std::nullopt;
  }
  std::optional<Piece> found = FindInHeap(heap, index);
  if (!found) return std::nullopt;
  if (length > found->size_bytes) {
    file_.Broken(address, "a string longer than what is stored of it");
    return std::nullopt;
  }
  found->size_bytes = length;
  return found;
}

std::optional<Piece> Walk::FindInHeap(uint64_t address, uint32_t index) {
  std::string head;
  if (!file_.Fetch(address, 16, head)) return std::nullopt;
  Cursor cursor(head);
  uint64_t heap_bytes = 0;
  if (!head.starts_with("GCOL") || !cursor.Skip(8) || !cursor.Next(heap_bytes) ||
      !file_.IsInside(address, heap_bytes)) {
    file_.Broken(address, "no heap where one is named");
    return std::nullopt;
  }
  const uint64_t end = address + heap_bytes;
  for (uint64_t at = address + 16; at <= end && end - at >= 16;) {
    uint16_t id = 0;
    uint64_t size_bytes = 0;
    if (!file_.Fetch(at, 16, head)) return std::nullopt;
    cursor = Cursor(head);
    if (!cursor.Next(id) || !cursor.Skip(6) || !cursor.Next(size_bytes) || id == 0) break;
    if (size_bytes > end - at - 16) break;
    if (id == index) return Piece{.address = at + 16, .size_bytes = size_bytes};
    at += 16 + (size_bytes + 7) / 8 * 8;
  }
  file_.Broken(address, "a string that is not in its heap");
  return std::nullopt;
}

void Walk::VisitGroup(uint64_t tree, uint64_t heap) {
  std::string head;
  if (!file_.Fetch(heap, 32, head)) return;
  Cursor cursor(head);
  uint64_t names_bytes = 0;
  uint64_t names = 0;
  if (!head.starts_with(std::string_view("HEAP\0", 5)) || !cursor.Skip(8) || !cursor.Next(names_bytes) ||
      !cursor.Skip(8) || !cursor.Next(names) || !file_.IsInside(names, names_bytes)) {
    file_.Broken(heap, "a group without its names");
    return;
  }
  Push({.kind = Task::Kind::kGroupTree, .address = tree, .names_bytes = names_bytes});
}

void Walk::VisitTree(const Task& task) {
  std::string bytes;
  if (!file_.Fetch(task.address, 24, bytes)) return;
  const bool is_group = task.kind == Task::Kind::kGroupTree;
  Cursor head(bytes);
  uint8_t kind = 0;
  uint8_t level = 0;
  uint16_t count = 0;
  if (!bytes.starts_with("TREE") || !head.Skip(4) || !head.Next(kind) || !head.Next(level) ||
      !head.Next(count) || kind != (is_group ? 0 : 1) || level > kMostLevels ||
      (task.level >= 0 && level != task.level)) {
    file_.Broken(task.address, "no node of a tree where one is named");
    return;
  }
  const size_t key_bytes = is_group ? 8 : task.chunks.key_bytes;
  if (!file_.Fetch(task.address + 24, count * (key_bytes + 8), bytes)) return;
  Cursor cursor(bytes);
  for (int i = 0; i < count; ++i) {
    std::string_view key;
    Task child = task;
    cursor.Next(key_bytes, key);
    cursor.Next(child.address);
    if (level > 0) {
      child.level = level - 1;
      Push(child);
    } else if (is_group) {
      child.kind = Task::Kind::kSymbols;
      Push(child);
    } else {
      uint32_t size_bytes = 0;
      Cursor(key).Next(size_bytes);
      if (!file_.IsInside(child.address, size_bytes) ||
          (!task.chunks.filtered && size_bytes != task.chunks.bytes)) {
        file_.Broken(task.address, "a chunk of another size, or outside the file");
      }
    }
  }
}

void Walk::VisitSymbols(const Task& task) {
  std::string bytes;
  if (!file_.Fetch(task.address, 8, bytes)) return;
  uint16_t count = 0;
  Cursor head(bytes);
  if (!bytes.starts_with(std::string_view("SNOD\1", 5)) || !head.Skip(6) || !head.Next(count)) {
    file_.Broken(task.address, "no entries of a group where some are named");
    return;
  }
  if (!file_.Fetch(task.address + 8, uint64_t{count} * 40, bytes)) return;
  Cursor cursor(bytes);
  for (int i = 0; i < count; ++i) {
    uint64_t name = 0;
    uint64_t object = 0;
    uint32_t cached = 0;
    uint64_t tree = 0;
    uint64_t heap = 0;
    cursor.Next(name);
    cursor.Next(object);
    cursor.Next(cached);
    cursor.Skip(4);
    cursor.Next(tree);
    cursor.Next(heap);
    if (name >= task.names_bytes || cached > 2) {
      file_.Broken(task.address, "an entry of a group that breaks its rules");
      return;
    }
    // 2: a link by name inside this file.
    if (cached != 2) Push({.address = object});
    if (cached == 1) VisitGroup(tree, heap);
  }
}

}  // namespace

absl::Status InspectHdf5(Subject& subject) {
  subject.SetFormat("hdf5");
  return Walk(subject).Run();
}

}  // namespace batuta::safety
