#include "daemon/gguf/metadata.h"

#include <utility>

#include "common/status/status.h"
#include "daemon/gguf/reader.h"

namespace batuta::gguf {
namespace {

class FileSource final : public ByteSource {
 public:
  FileSource(File& file, uint64_t size_bytes) : file_(file), size_bytes_(size_bytes) {}

  uint64_t size_bytes() const override { return size_bytes_; }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) override {
    return file_.ReadAt(offset, out);
  }

 private:
  File& file_;
  const uint64_t size_bytes_;
};

}  // namespace

std::optional<std::string_view> Metadata::Text(std::string_view key) const {
  const auto found = values.find(key);
  if (found == values.end()) return std::nullopt;
  const auto* text = std::get_if<std::string>(&found->second);
  if (text == nullptr) return std::nullopt;
  return *text;
}

std::optional<int64_t> Metadata::Number(std::string_view key) const {
  const auto found = values.find(key);
  if (found == values.end()) return std::nullopt;
  const auto* number = std::get_if<int64_t>(&found->second);
  if (number == nullptr) return std::nullopt;
  return *number;
}

absl::StatusOr<Metadata> ReadMetadata(ByteSource& file, absl::FunctionRef<bool(std::string_view key)> wants,
                                      const Limits& limits) {
  Reader reader(file, limits);
  Metadata metadata;
  ASSIGN_OR_RETURN(const uint64_t key_count, reader.ReadHead(&metadata));
  for (uint64_t i = 0; i < key_count; ++i) {
    ASSIGN_OR_RETURN(Reader::Key key, reader.NextKey());
    if (!wants(key.name)) {
      RETURN_IF_ERROR(reader.SkipValue(key));
      continue;
    }
    ASSIGN_OR_RETURN(Value value, reader.NextValue(key));
    const bool is_new = metadata.values.emplace(std::move(key.name), std::move(value)).second;
    if (!is_new) return Malformed("a key comes twice");
  }
  metadata.end_offset = reader.stream().offset();
  return metadata;
}

absl::StatusOr<Metadata> ReadMetadata(File& file, absl::FunctionRef<bool(std::string_view key)> wants,
                                      const Limits& limits) {
  ASSIGN_OR_RETURN(const FileInfo info, file.Info());
  FileSource source(file, info.size_bytes);
  return ReadMetadata(source, wants, limits);
}

}  // namespace batuta::gguf
