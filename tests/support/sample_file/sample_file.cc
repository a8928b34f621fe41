#include "tests/support/sample_file/sample_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

#include "absl/status/status.h"
#include <fmt/format.h>

namespace batuta {
namespace {

std::string_view ExtensionOf(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

template <size_t kCount>
bool IsOneOf(const std::array<std::string_view, kCount>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

constexpr std::array<std::string_view, 8> kText = {"txt",   "md",  "csv", "tsv",
                                                   "jsonl", "rst", "log", "tiktoken"};
constexpr std::array<std::string_view, 6> kPromisesNothing = {"", "bin", "dat", "data", "weights", "ckpt"};

template <typename Number>
std::string Little(Number number) {
  std::string bytes(sizeof(number), '\0');
  std::memcpy(bytes.data(), &number, sizeof(number));
  return bytes;
}

std::string GgufString(std::string_view text) {
  return Little(uint64_t{text.size()}) + std::string(text);
}

constexpr uint64_t kNoTensors = 10;  // the length, and "{}"

// One tensor of bytes that fills the rest of the file; a file too small for it has none, and blanks.
std::string SafetensorsHead(uint64_t size_bytes) {
  constexpr uint64_t kHeader = 80;  // a multiple of eight, as writers make it
  if (size_bytes < sizeof(uint64_t) + kHeader) {
    std::string header = "{}";
    header.resize(size_bytes - sizeof(uint64_t), ' ');
    return Little(uint64_t{header.size()}) + header;
  }
  const uint64_t left = size_bytes - sizeof(uint64_t) - kHeader;
  std::string header = fmt::format(R"({{"w":{{"dtype":"U8","shape":[{0}],"data_offsets":[0,{0}]}}}})", left);
  header.resize(kHeader, ' ');
  return Little(kHeader) + header;
}

constexpr uint64_t kSmallestGguf = 128;

// Version 3, a name for the architecture, one tensor of bytes that fills the rest.
std::string GgufHead(uint64_t size_bytes) {
  constexpr uint32_t kString = 8;
  constexpr uint32_t kI8 = 24;
  constexpr uint64_t kAlignment = 32;
  std::string head = "GGUF" + Little(uint32_t{3}) + Little(uint64_t{1}) + Little(uint64_t{1});
  head += GgufString("general.architecture") + Little(kString) + GgufString("otter");
  head += GgufString("w") + Little(uint32_t{1});
  const uint64_t infos = head.size() + sizeof(uint64_t) + sizeof(uint32_t) + sizeof(uint64_t);
  const uint64_t data = (infos + kAlignment - 1) / kAlignment * kAlignment;
  head += Little(size_bytes - data) + Little(kI8) + Little(uint64_t{0});
  head.resize(data, '\0');
  return head;
}

// What a writer without columns leaves at the end: version 2, a schema of its root alone, no rows, no groups.
std::string ParquetTail() {
  constexpr std::string_view kFooter = {"\x15\x04\x19\x1c\x48\x04root\x15\x00\x00\x16\x00\x19\x0c\x00", 19};
  return std::string(kFooter) + Little(static_cast<uint32_t>(kFooter.size())) + "PAR1";
}

}  // namespace

absl::StatusOr<SampleShell> SampleShellFor(std::string_view path, uint64_t size_bytes) {
  const std::string_view extension = ExtensionOf(path);
  const auto is_too_small = [&](uint64_t smallest) { return size_bytes < smallest; };
  SampleShell shell;
  uint64_t smallest = 0;
  if (IsOneOf(kText, extension)) {
    shell.is_text = true;
  } else if (extension == "json") {
    smallest = 2;
    shell = {.head = "\"", .tail = "\"", .is_text = true};
  } else if (extension == "parquet") {
    shell = {.head = "PAR1", .tail = ParquetTail()};
    smallest = shell.head.size() + shell.tail.size();
  } else if (extension == "gguf") {
    smallest = kSmallestGguf;
    if (!is_too_small(smallest)) shell.head = GgufHead(size_bytes);
  } else if (extension == "safetensors" || IsOneOf(kPromisesNothing, extension)) {
    smallest = kNoTensors;
    if (!is_too_small(smallest)) shell.head = SafetensorsHead(size_bytes);
  } else {
    return absl::InvalidArgumentError(fmt::format("{}: no content is made up for .{}", path, extension));
  }
  if (is_too_small(smallest)) {
    return absl::InvalidArgumentError(
        fmt::format("{}: a valid file of its kind has {} bytes or more, not {}", path, smallest, size_bytes));
  }
  return shell;
}

std::string SampleFile(std::string_view path, uint64_t size_bytes, uint32_t seed) {
  const SampleShell shell = SampleShellFor(path, size_bytes).value();
  std::mt19937 random(seed);
  std::string file = shell.head;
  while (file.size() + shell.tail.size() < size_bytes) {
    const char byte = static_cast<char>(random() & 0xffU);
    file += shell.is_text ? LetterFor(byte) : byte;
  }
  return file + shell.tail;
}

}  // namespace batuta
