#include "tests/support/card/memory_folder.h"

#include <utility>

namespace batuta::card {

MemoryFolder::MemoryFolder(std::map<std::string, std::string> files) {
  for (auto& [path, bytes] : files) Put(path, std::move(bytes));
}

void MemoryFolder::Put(const std::string& path, std::string bytes) {
  if (!path.starts_with(".git/")) listing_.push_back({path, bytes.size()});
  files_[path] = std::move(bytes);
}

int MemoryFolder::opened(const std::string& path) const {
  const auto found = opened_.find(path);
  return found == opened_.end() ? 0 : found->second;
}

absl::StatusOr<std::unique_ptr<gguf::ByteSource>> MemoryFolder::Open(std::string_view path) {
  if (const auto broken = broken_.find(path); broken != broken_.end()) return broken->second;
  const auto found = files_.find(path);
  if (found == files_.end()) return absl::NotFoundError("no such file");
  ++opened_[std::string(path)];
  return std::make_unique<gguf::WindowSource>(found->second, found->second.size());
}

}  // namespace batuta::card
