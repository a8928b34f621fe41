#include "tests/hubsim/api/upload_area.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include <fmt/format.h>

namespace batuta::hubsim {

std::string UploadArea::Begin(const std::string& oid, std::uint64_t part_count) {
  const std::scoped_lock lock(mutex_);
  std::string id = Sha256Hex(fmt::format("{}#{}", oid, next_++)).substr(0, 32);
  uploads_[id].part_count = part_count;
  return id;
}

std::optional<std::string> UploadArea::AddPart(const std::string& upload_id, std::uint64_t number,
                                               ContentPtr part) {
  const std::scoped_lock lock(mutex_);
  const auto upload = uploads_.find(upload_id);
  if (upload == uploads_.end() || number == 0 || number > upload->second.part_count) return std::nullopt;
  const std::string seed = fmt::format("{}/{}#{}", upload_id, number, next_++);
  std::string etag = "\"" + Sha256Hex(seed).substr(0, 32) + "\"";
  upload->second.parts[number] = Part{.content = std::move(part), .etag = etag};
  return etag;
}

absl::StatusOr<ContentPtr> UploadArea::Join(const std::string& upload_id,
                                            const std::map<std::uint64_t, std::string>& etags) const {
  const std::scoped_lock lock(mutex_);
  const auto upload = uploads_.find(upload_id);
  if (upload == uploads_.end()) return absl::NotFoundError("NoSuchUpload");
  const auto& [part_count, parts] = upload->second;
  if (parts.size() != part_count || etags.size() != part_count) {
    return absl::InvalidArgumentError("InvalidPart: a part is missing");
  }
  std::vector<ContentPtr> contents;
  for (const auto& [number, part] : parts) {
    const auto named = etags.find(number);
    if (named == etags.end() || named->second != part.etag) {
      return absl::InvalidArgumentError(fmt::format("InvalidPart: part {} has another ETag", number));
    }
    contents.push_back(part.content);
  }
  return JoinedContent(std::move(contents));
}

void UploadArea::End(const std::string& upload_id) {
  const std::scoped_lock lock(mutex_);
  uploads_.erase(upload_id);
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
