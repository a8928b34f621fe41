// UploadArea holds what was PUT to the CDN and is not committed yet. Thread safety: all methods from any
// thread.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "tests/hubsim/store/content.h"

namespace batuta::hubsim {

class UploadArea {
 public:
  // A new multipart upload of the object; returns its id.
  std::string Begin(const std::string& oid);

  // Keeps one part; its ETag, or nothing when the upload is unknown.
  std::optional<std::string> AddPart(const std::string& upload_id, std::uint64_t number, ContentPtr part);

  // The parts 1..count joined, if all are there with these ETags; the upload ends.
  ContentPtr Complete(const std::string& upload_id, const std::map<std::uint64_t, std::string>& etags);

  void AddObject(const std::string& oid, ContentPtr content);

  // The uploaded object, or null.
  ContentPtr FindObject(const std::string& oid) const;

 private:
  struct Part {
    ContentPtr content;
    std::string etag;
  };

  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::uint64_t, Part>> uploads_;
  std::map<std::string, ContentPtr> objects_;
  std::uint64_t next_ = 1;
};

}  // namespace batuta::hubsim
