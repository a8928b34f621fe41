#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include <fmt/format.h>

#include "common/status/status.h"
#include "common/sync/task_runner.h"
#include "daemon/hub/repo_writer.h"
#include "tests/support/transport/fake_transport.h"

namespace batuta::push {

// FakeStore is a hub and the store behind it, as far as an upload sees them: it gives places, takes parts and
// joins them. It outlives the daemons that send to it. One thread.
class FakeStore {
 public:
  // Of each batch: 0: the object in one piece.
  uint64_t part_bytes = 10;
  bool gives_the_same_upload = false;  // each batch for an object; else a new one, as S3 does
  bool names_verify = true;

  // What becomes of the `put`-th (from 1) PUT, of that part (1 for a whole object); nothing: it is taken.
  std::function<std::optional<FakeAnswer>(uint64_t put, uint32_t part)> on_put = {};

  // What is answered instead. `on_join_done`: after the parts were joined.
  std::function<absl::Status()> on_batch = {};
  std::function<absl::Status()> on_join = {};
  std::function<absl::Status()> on_join_done = {};
  std::function<absl::Status()> on_verify = {};
  bool holds_batch = false;
  bool holds_join = false;
  bool holds_verify = false;
  absl::Status refusal = {};

  // PUTs that were taken, by part; and all that came.
  std::map<uint32_t, int> taken;
  uint64_t puts = 0;
  int batches = 0;
  int joins = 0;
  int verifications = 0;
  std::vector<std::vector<hub::StoredPart>> joined_parts;

  std::map<std::string, std::string> objects;  // by oid

  // Links that were given so far are good no more.
  void ExpireLinks() { first_good_ = next_; }

  hub::LfsUpload Place(const hub::LfsObject& object) {
    ++batches;
    const std::string& oid = object.sha256.hex();
    hub::LfsUpload place{.object = object, .refusal = refusal};
    if (!refusal.ok()) return place;
    place.is_stored = objects.contains(oid);
    if (place.is_stored) return place;
    const uint64_t serial = next_++;
    place.part_bytes = part_bytes;
    if (names_verify) place.verify = hub::LfsLink{"https://hub.test/verify"};
    if (part_bytes == 0) {
      place.upload.url = fmt::format("https://store.test/{}/whole/1?sig={}", oid, serial);
      return place;
    }
    const std::string id = gives_the_same_upload ? "u" : fmt::format("u{}", serial);
    uploads_[id];
    place.upload.url = fmt::format("https://hub.test/complete?uploadId={}&sig={}", id, serial);
    const uint64_t parts = (object.size_bytes + part_bytes - 1) / part_bytes;
    for (uint64_t part = 1; part <= parts; ++part)
      place.part_urls.push_back(fmt::format("https://store.test/{}/{}/{}?sig={}", oid, id, part, serial));
    return place;
  }

  FakeAnswer Answer(const transport::HttpRequest& request) {
    ++puts;
    // https://store.test/OID/UPLOAD/PART?sig=SERIAL
    std::vector<std::string> pieces;
    std::string rest = request.url.substr(std::string_view("https://store.test/").size());
    for (size_t at = rest.find_first_of("/?="); at != std::string::npos; at = rest.find_first_of("/?=")) {
      pieces.push_back(rest.substr(0, at));
      rest = rest.substr(at + 1);
    }
    const auto part = static_cast<uint32_t>(std::stoul(pieces.at(2)));
    if (std::stoull(rest) < first_good_) return {.status = 403, .body = "Request has expired"};
    if (on_put) {
      if (std::optional<FakeAnswer> answer = on_put(puts, part)) return *answer;
    }
    if (pieces.at(1) == "whole") {
      objects[pieces.at(0)] = request.body;
    } else {
      const auto upload = uploads_.find(pieces.at(1));
      if (upload == uploads_.end()) return {.status = 404, .body = "NoSuchUpload"};
      upload->second[part] = request.body;
    }
    ++taken[part];
    return {.headers = {{"ETag", TagOf(request.body)}}};
  }

  absl::Status Join(const hub::LfsUpload& place, const std::vector<hub::StoredPart>& parts) {
    ++joins;
    joined_parts.push_back(parts);
    if (on_join) {
      if (absl::Status status = on_join(); !status.ok()) return status;
    }
    const std::string& url = place.upload.url;
    const size_t at = url.find("uploadId=") + 9;
    const auto upload = uploads_.find(url.substr(at, url.find('&') - at));
    if (upload == uploads_.end())
      return MakeError(absl::StatusCode::kNotFound, reason::kHubError, "NoSuchUpload");
    std::string whole;
    for (const hub::StoredPart& part : parts) {
      const auto found = upload->second.find(part.number);
      if (found == upload->second.end() || TagOf(found->second) != part.etag)
        return MakeError(absl::StatusCode::kInvalidArgument, reason::kHubError, "InvalidPart");
      whole += found->second;
    }
    if (whole.size() != place.object.size_bytes)
      return MakeError(absl::StatusCode::kInvalidArgument, reason::kHubError, "a part is missing");
    uploads_.erase(upload);
    objects[place.object.sha256.hex()] = whole;
    return on_join_done ? on_join_done() : absl::OkStatus();
  }

  absl::Status Verify(const hub::LfsUpload& place) {
    ++verifications;
    if (on_verify) {
      if (absl::Status status = on_verify(); !status.ok()) return status;
    }
    if (objects.contains(place.object.sha256.hex())) return absl::OkStatus();
    return MakeError(absl::StatusCode::kNotFound, reason::kHubError, "no such object");
  }

 private:
  static std::string TagOf(const std::string& bytes) {
    return fmt::format("\"{:x}\"", std::hash<std::string>()(bytes));
  }

  std::map<std::string, std::map<uint32_t, std::string>> uploads_;
  uint64_t next_ = 1;
  uint64_t first_good_ = 0;
};

// The way to a FakeStore.
class FakeUploadWriter final : public hub::RepoWriter {
 public:
  FakeUploadWriter(FakeStore& store, TaskRunner& runner) : store_(store), runner_(runner) {}

  void BeginUploads(const RepoId&, const std::optional<Revision>&, const std::vector<hub::LfsObject>& objects,
                    const hub::Access&, hub::Callback<std::vector<hub::LfsUpload>> done) override {
    if (store_.holds_batch) return;
    const absl::Status status = store_.on_batch ? store_.on_batch() : absl::OkStatus();
    if (!status.ok()) return Tell(std::move(done), absl::StatusOr<std::vector<hub::LfsUpload>>(status));
    std::vector<hub::LfsUpload> places;
    for (const hub::LfsObject& object : objects) places.push_back(store_.Place(object));
    Tell(std::move(done), absl::StatusOr<std::vector<hub::LfsUpload>>(std::move(places)));
  }

  void CompleteUpload(const hub::LfsUpload& upload, const std::vector<hub::StoredPart>& parts,
                      const hub::Access&, hub::Callback<bool> done) override {
    if (store_.holds_join) return;
    Tell(std::move(done), Said(store_.Join(upload, parts)));
  }

  void VerifyUpload(const hub::LfsUpload& upload, const hub::Access&, hub::Callback<bool> done) override {
    if (store_.holds_verify) return;
    Tell(std::move(done), Said(upload.verify ? store_.Verify(upload) : absl::OkStatus()));
  }

  // Not for uploads.
  void CreateRepo(const hub::NewRepo&, const hub::Access&, hub::Callback<hub::CreatedRepo>) override {}

  void CreateBranch(const RepoId&, const Revision&, const std::optional<CommitId>&, const hub::Access&,
                    hub::Callback<bool>) override {}

  void CheckCard(RepoType, const std::string&, const hub::Access&, hub::Callback<hub::CardCheck>) override {}

  void Preupload(const RepoId&, const Revision&, bool, const std::vector<hub::PreuploadFile>&,
                 const std::string&, const hub::Access&,
                 hub::Callback<std::vector<hub::PreuploadAnswer>>) override {}

  void Commit(std::shared_ptr<const hub::CommitRequest>, const hub::Access&,
              hub::Callback<hub::CommitResult>) override {}

  void OpenPullRequest(const RepoId&, const std::string&, const std::string&, const hub::Access&,
                       hub::Callback<hub::PullRequest>) override {}

  void ListCommits(const RepoId&, const Revision&, size_t, const hub::Access&,
                   hub::Callback<std::vector<hub::CommitTitle>>) override {}

 private:
  static absl::StatusOr<bool> Said(const absl::Status& status) {
    if (!status.ok()) return status;
    return true;
  }

  template <typename T>
  void Tell(hub::Callback<T> done, absl::StatusOr<T> value) {
    runner_.Post([done = std::move(done), value = std::move(value)]() mutable { done(std::move(value)); });
  }

  FakeStore& store_;
  TaskRunner& runner_;
};

}  // namespace batuta::push
