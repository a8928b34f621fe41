#include "tests/hubsim/api/upload_area.h"

#include <utility>
#include <vector>

namespace batuta::hubsim {

std::string UploadArea::Begin(const std::string& oid) {
  const std::scoped_lock lock(mutex_);
  std::string id = Sha256Hex(oid + "#" + std::to_string(next_++)).substr(0, 32);
  uploads_[id] = {};
  return id;
}

std::optional<std::string> UploadArea::AddPart(const std::string& upload_id, std::uint64_t number,
                                               ContentPtr part) {
  std::string etag = "\"" + Hex(DigestsOf(*part).sha256).substr(0, 32) + "\"";
  const std::scoped_lock lock(mutex_);
  const auto upload = uploads_.find(upload_id);
  if (upload == uploads_.end()) return std::nullopt;
  upload->second[number] = Part{.content = std::move(part), .etag = etag};
  return etag;
}

ContentPtr UploadArea::Complete(const std::string& upload_id,
                                const std::map<std::uint64_t, std::string>& etags) {
  const std::scoped_lock lock(mutex_);
  const auto upload = uploads_.find(upload_id);
  if (upload == uploads_.end() || upload->second.size() != etags.size()) return nullptr;
  std::vector<ContentPtr> parts;
  for (const auto& [number, part] : upload->second) {
    const auto named = etags.find(number);
    if (number != parts.size() + 1 || named == etags.end() || named->second != part.etag) return nullptr;
    parts.push_back(part.content);
  }
  uploads_.erase(upload);
  return JoinedContent(std::move(parts));
}

void UploadArea::AddObject(const std::string& oid, ContentPtr content) {
  const std::scoped_lock lock(mutex_);
  objects_[oid] = std::move(content);
}

ContentPtr UploadArea::FindObject(const std::string& oid) const {
  const std::scoped_lock lock(mutex_);
  const auto object = objects_.find(oid);
  return object == objects_.end() ? nullptr : object->second;
}

}  // namespace batuta::hubsim
