#include "tests/support/formats/hdf5.h"

#include <algorithm>
#include <concepts>
#include <cstring>

#include "daemon/safety/graph/lookup3.h"

namespace batuta::formats {
namespace {

constexpr size_t kSuperblockBytes = 96;
constexpr size_t kSymbolsBytes = 8 + 8 * 40;
constexpr size_t kGroupNodeBytes = 24 + 32 * 16 + 8;

template <std::unsigned_integral Number>
std::string Raw(Number number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  return {bytes, sizeof bytes};
}

std::string U8(unsigned number) {
  return Raw(static_cast<uint8_t>(number));
}

std::string U16(size_t number) {
  return Raw(static_cast<uint16_t>(number));
}

std::string U32(size_t number) {
  return Raw(static_cast<uint32_t>(number));
}

std::string U64(uint64_t number) {
  return Raw(number);
}

std::string Padded(std::string bytes) {
  bytes.resize((bytes.size() + 7) / 8 * 8);
  return bytes;
}

// Nodes of trees have room for as many entries as the superblock says, and all of it is read.
std::string Node(std::string bytes, size_t size_bytes) {
  bytes.resize(size_bytes);
  return bytes;
}

std::string Checked(const std::string& bytes) {
  return bytes + U32(safety::Lookup3(bytes));
}

std::string TextType(size_t size_bytes) {
  return U32(0x13) + U32(size_bytes);
}

std::string VariableTextType() {
  return U32(0x119) + U32(16) + TextType(1);
}

Hdf5Message Attribute(std::string_view name, const std::string& type, const std::string& value) {
  const std::string space = Hdf5Space({}).body;
  return {0x0C, U8(1) + U8(0) + U16(name.size() + 1) + U16(type.size()) + U16(space.size()) +
                    Padded(std::string(name) + '\0') + Padded(type) + Padded(space) + value};
}

}  // namespace

Hdf5Message Hdf5Space(const std::vector<uint64_t>& dimensions) {
  std::string body = U8(1) + U8(static_cast<unsigned>(dimensions.size())) + U8(0) + U8(0) + U32(0);
  for (const uint64_t dimension : dimensions) body += U64(dimension);
  return {0x01, body};
}

Hdf5Message Hdf5Float32() {
  return {0x03, std::string("\x11\x20\x1f\x00", 4) + U32(4) + U16(0) + U16(32) + U8(23) + U8(8) + U8(0) +
                    U8(23) + U32(127)};
}

Hdf5Message Hdf5Contiguous(uint64_t address, uint64_t size_bytes) {
  return {0x08, U8(3) + U8(1) + U64(address) + U64(size_bytes)};
}

Hdf5Message Hdf5Chunked(uint64_t tree, const std::vector<uint32_t>& chunk) {
  std::string body = U8(3) + U8(2) + U8(static_cast<unsigned>(chunk.size() + 1)) + U64(tree);
  for (const uint32_t dimension : chunk) body += U32(dimension);
  return {0x08, body + U32(4)};
}

Hdf5Message Hdf5Filters(const std::vector<uint16_t>& ids) {
  std::string body = U8(1) + U8(static_cast<unsigned>(ids.size())) + U16(0) + U32(0);
  for (const uint16_t id : ids) body += U16(id) + U16(0) + U16(1) + U16(1) + U32(4) + U32(0);
  return {0x0B, body};
}

Hdf5Message Hdf5Text(std::string_view name, std::string_view value) {
  return Attribute(name, TextType(value.size()), std::string(value));
}

Hdf5Message Hdf5LongText(std::string_view name, uint64_t heap, uint32_t size_bytes) {
  return Attribute(name, VariableTextType(), U32(size_bytes) + U64(heap) + U32(1));
}

Hdf5Message Hdf5HardLink(std::string_view name, uint64_t address) {
  return {0x06, U8(1) + U8(0) + U8(static_cast<unsigned>(name.size())) + std::string(name) + U64(address)};
}

Hdf5Message Hdf5OtherLink(std::string_view name, uint8_t kind, std::string_view target) {
  return {0x06, U8(1) + U8(8) + U8(kind) + U8(static_cast<unsigned>(name.size())) + std::string(name) +
                    U16(target.size()) + std::string(target)};
}

Hdf5Message Hdf5Continuation(uint64_t address, uint64_t size_bytes) {
  return {0x10, U64(address) + U64(size_bytes)};
}

std::string Hdf5Messages(const std::vector<Hdf5Message>& messages) {
  std::string bytes;
  for (const Hdf5Message& message : messages) {
    const std::string body = Padded(message.body);
    bytes += U16(message.kind) + U16(body.size()) + U8(message.flags) + std::string(3, '\0') + body;
  }
  return bytes;
}

uint64_t Hdf5File::Add(std::string_view bytes) {
  const uint64_t address = kSuperblockBytes + bytes_.size();
  bytes_ += Padded(std::string(bytes));
  return address;
}

uint64_t Hdf5File::AddObject(const std::vector<Hdf5Message>& messages) {
  const std::string bytes = Hdf5Messages(messages);
  return Add(U8(1) + U8(0) + U16(messages.size()) + U32(1) + U32(bytes.size()) + U32(0) + bytes);
}

uint64_t Hdf5File::AddNewObject(const std::vector<Hdf5Message>& messages) {
  std::string bytes;
  for (const Hdf5Message& message : messages) {
    bytes += U8(message.kind) + U16(message.body.size()) + U8(message.flags) + message.body;
  }
  return Add(Checked("OHDR" + U8(2) + U8(2) + U32(bytes.size()) + bytes));
}

uint64_t Hdf5File::AddHeap(std::string_view text) {
  const std::string object = U16(1) + U16(1) + U32(0) + U64(text.size()) + Padded(std::string(text));
  const std::string free = U16(0) + U16(0) + U32(0) + U64(16);
  return Add("GCOL" + U8(1) + std::string(3, '\0') + U64(16 + object.size() + free.size()) + object + free);
}

uint64_t Hdf5File::AddDataset(const std::vector<uint64_t>& dimensions) {
  uint64_t size_bytes = 4;
  for (const uint64_t dimension : dimensions) size_bytes *= dimension;
  const uint64_t values = Add(std::string(size_bytes, '\x3f'));
  return AddObject({Hdf5Space(dimensions), Hdf5Float32(), Hdf5Contiguous(values, size_bytes)});
}

uint64_t Hdf5File::AddChunk(const std::vector<uint32_t>& chunk, std::string_view bytes) {
  const uint64_t values = Add(bytes);
  const std::string place(8 * (chunk.size() + 1), '\0');
  const std::string node = "TREE" + U8(1) + U8(0) + U16(1) + U64(kHdf5Nowhere) + U64(kHdf5Nowhere) +
                           U32(bytes.size()) + U32(0) + place + U64(values) + U32(bytes.size()) + U32(0) +
                           place;
  const size_t key_bytes = 8 + place.size();
  return Add(Node(node, 24 + 64 * (key_bytes + 8) + key_bytes));
}

uint64_t Hdf5File::AddGroup(Members members, const std::vector<Hdf5Message>& more) {
  std::sort(members.begin(), members.end());
  uint64_t last = 0;
  std::string names(8, '\0');
  std::string symbols = "SNOD" + U8(1) + U8(0) + U16(members.size());
  for (const auto& [name, address] : members) {
    last = names.size();
    symbols += U64(last) + U64(address) + U32(0) + U32(0) + std::string(16, '\0');
    names += Padded(name + '\0');
  }
  const uint64_t segment = Add(names);
  const uint64_t heap =
      Add("HEAP" + U8(0) + std::string(3, '\0') + U64(names.size()) + U64(1) + U64(segment));
  const uint64_t node = Add(Node(symbols, kSymbolsBytes));
  const std::string root = "TREE" + U8(0) + U8(0) + U16(1) + U64(kHdf5Nowhere) + U64(kHdf5Nowhere) + U64(0) +
                           U64(node) + U64(last);
  const uint64_t tree = Add(Node(root, kGroupNodeBytes));
  std::vector<Hdf5Message> messages = {{0x11, U64(tree) + U64(heap)}};
  messages.insert(messages.end(), more.begin(), more.end());
  return AddObject(messages);
}

std::string Hdf5File::Take(uint64_t root) const {
  return "\x89HDF\r\n\x1a\n" + std::string(5, '\0') + U8(8) + U8(8) + U8(0) + U16(4) + U16(16) + U32(0) +
         U64(0) + U64(kHdf5Nowhere) + U64(kSuperblockBytes + bytes_.size()) + U64(kHdf5Nowhere) + U64(0) +
         U64(root) + U32(0) + U32(0) + std::string(16, '\0') + bytes_;
}

std::string Hdf5File::TakeNew(uint64_t root) const {
  std::string head = "\x89HDF\r\n\x1a\n" + U8(3) + U8(8) + U8(8) + U8(0) + U64(0) + U64(kHdf5Nowhere) +
                     U64(kSuperblockBytes + bytes_.size()) + U64(root);
  head = Checked(head);
  head.resize(kSuperblockBytes);
  return head + bytes_;
}

std::string Hdf5Weights() {
  Hdf5File file;
  const uint64_t kernel = file.AddDataset({4, 3});
  const uint64_t packed = file.AddObject({Hdf5Space({8}), Hdf5Float32(), Hdf5Filters({2, 1}),
                                          Hdf5Chunked(file.AddChunk({8}, "any packed bytes"), {8})});
  const uint64_t dense =
      file.AddGroup({{"kernel:0", kernel}, {"bias:0", packed}}, {Hdf5Text("weight_names", "kernel:0")});
  return file.Take(file.AddGroup({{"dense", dense}},
                                 {Hdf5Text("layer_names", "dense"), Hdf5Text("backend", "tensorflow")}));
}

std::string Hdf5Model(std::string_view config) {
  Hdf5File file;
  return file.Take(file.AddGroup({{"w", file.AddDataset({2})}}, {Hdf5Text("model_config", config)}));
}

std::string Hdf5LongModel(std::string_view config) {
  Hdf5File file;
  const uint64_t heap = file.AddHeap(config);
  return file.Take(file.AddGroup({{"w", file.AddDataset({2})}},
                                 {Hdf5LongText("model_config", heap, static_cast<uint32_t>(config.size())),
                                  Hdf5Text("keras_version", "2.4.0")}));
}

}  // namespace batuta::formats
