// UploadArea holds what was PUT to the CDN and is not committed yet. Thread safety: all methods from any
// thread.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "tests/hubsim/store/content.h"

namespace batuta::hubsim {

class UploadArea {
 public:
  // A new upload of the object in `part_count` parts; returns its id.
  std::string Begin(const std::string& oid, std::uint64_t part_count);

  // Keeps one part, in place of one that had its number; its ETag, which no other try has. Nothing when the
  // upload is unknown or has no such part.
  std::optional<std::string> AddPart(const std::string& upload_id, std::uint64_t number, ContentPtr part);

  // The parts joined; the upload stays until it ends.
  //   kNotFound         there is no such upload.
  //   kInvalidArgument  a part is missing, or its ETag is another.
  absl::StatusOr<ContentPtr> Join(const std::string& upload_id,
                                  const std::map<std::uint64_t, std::string>& etags) const;
  void End(const std::string& upload_id);

  void AddObject(const std::string& oid, ContentPtr content);

  // The uploaded object, or null.
  ContentPtr FindObject(const std::string& oid) const;

 private:
  struct Part {
    ContentPtr content;
    std::string etag;
  };

  struct Upload {
    std::uint64_t part_count = 0;
    std::map<std::uint64_t, Part> parts;
  };

  mutable std::mutex mutex_;
  std::map<std::string, Upload> uploads_;
  std::map<std::string, ContentPtr> objects_;
  std::uint64_t next_ = 1;
};

}  // namespace batuta::hubsim
