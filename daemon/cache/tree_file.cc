#include "daemon/cache/tree_file.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/status/status.h"

namespace batuta::cache {
namespace {

// Collects text and writes it in pieces.
class TextWriter {
 public:
  explicit TextWriter(File& file) : file_(file) {}

  absl::Status Add(std::string_view text) {
    constexpr size_t kPieceBytes = 64 << 10;
    pending_ += text;
    return pending_.size() < kPieceBytes ? absl::OkStatus() : Flush();
  }

  absl::Status Flush() {
    const std::span<const char> text(pending_);
    RETURN_IF_ERROR(file_.WriteAt(offset_, std::as_bytes(text)));
    offset_ += pending_.size();
    pending_.clear();
    return absl::OkStatus();
  }

 private:
  File& file_;
  uint64_t offset_ = 0;
  std::string pending_;
};

std::string Quoted(const std::string& text) {
  constexpr bool kAsciiOnly = true;
  return nlohmann::json(text).dump(-1, ' ', kAsciiOnly, nlohmann::json::error_handler_t::replace);
}

std::string TextOf(const Entry& entry) {
  const bool is_lfs = entry.blob.kind() == BlobId::Kind::kSha256;
  std::string text =
      fmt::format("  {}: {{\n   \"size\": {},\n   \"blob_id\": \"{}\"", Quoted(entry.path.text()),
                  entry.size_bytes, is_lfs ? entry.git_oid : entry.blob.hex());
  if (is_lfs) {
    text +=
        fmt::format(",\n   \"lfs_sha256\": \"{}\",\n   \"lfs_size\": {}", entry.blob.hex(), entry.size_bytes);
  }
  return text + "\n  }";
}

}  // namespace

absl::Status WriteTreeTo(File& file, const Tree& tree) {
  std::vector<uint32_t> order(tree.entries.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return tree.entries[a].path < tree.entries[b].path; });

  TextWriter out(file);
  RETURN_IF_ERROR(out.Add("{\n \"format_version\": 1,\n \"files\": {"));
  for (size_t i = 0; i < order.size(); ++i) {
    RETURN_IF_ERROR(out.Add(i == 0 ? "\n" : ",\n"));
    RETURN_IF_ERROR(out.Add(TextOf(tree.entries[order[i]])));
  }
  RETURN_IF_ERROR(out.Add(order.empty() ? "}\n}" : "\n }\n}"));
  return out.Flush();
}

}  // namespace batuta::cache
