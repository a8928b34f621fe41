#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/card/folder_view.h"

namespace batuta::card {

// A folder in memory. It counts how often each file was opened.
class MemoryFolder final : public FolderView {
 public:
  MemoryFolder() = default;
  explicit MemoryFolder(std::map<std::string, std::string> files);

  void Put(const std::string& path, std::string bytes);

  // From now on opening `path` fails with that.
  void Break(const std::string& path, absl::Status status) { broken_[path] = std::move(status); }

  int opened(const std::string& path) const;

  const std::vector<FolderFile>& Files() const override { return listing_; }

  absl::StatusOr<std::unique_ptr<gguf::ByteSource>> Open(std::string_view path) override;

 private:
  std::map<std::string, std::string, std::less<>> files_;
  std::map<std::string, absl::Status, std::less<>> broken_;
  std::map<std::string, int, std::less<>> opened_;
  std::vector<FolderFile> listing_;  // without what lies beneath `.git`
};

}  // namespace batuta::card
