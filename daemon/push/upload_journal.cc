#include "daemon/push/upload_journal.h"

#include <chrono>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/transport/header_fields.h"

namespace batuta::push {

using metadata::Durability;
using metadata::Table;
using nlohmann::json;

namespace {

// A token that the link brought is kept nowhere: the caller's own takes its place.
json EncodeLink(const hub::LfsLink& link) {
  json headers = json::array();
  for (const transport::HttpHeader& header : link.headers) {
    if (!transport::EqualsIgnoreCase(header.name, "Authorization"))
      headers.push_back({header.name, header.value});
  }
  return {{"url", link.url}, {"headers", std::move(headers)}};
}

hub::LfsLink DecodeLink(const json& value) {
  hub::LfsLink link{.url = value.at("url").get<std::string>()};
  for (const json& header : value.at("headers"))
    link.headers.push_back({header.at(0).get<std::string>(), header.at(1).get<std::string>()});
  return link;
}

int64_t Seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string Encode(const hub::LfsUpload& upload, WallTime now) {
  return json{{"v", 1},
              {"begun_unix", Seconds(now)},
              {"size_bytes", upload.object.size_bytes},
              {"upload", EncodeLink(upload.upload)},
              {"part_bytes", upload.part_bytes},
              {"part_urls", upload.part_urls},
              {"verify", upload.verify ? EncodeLink(*upload.verify) : json(nullptr)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<hub::LfsUpload> Decode(const hub::LfsObject& object, std::string_view text) {
  const json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  try {
    if (value.at("v").get<int>() != 1 || value.at("size_bytes").get<uint64_t>() != object.size_bytes)
      return std::nullopt;
    hub::LfsUpload upload{.object = object,
                          .upload = DecodeLink(value.at("upload")),
                          .part_bytes = value.at("part_bytes").get<uint64_t>(),
                          .part_urls = value.at("part_urls").get<std::vector<std::string>>()};
    if (!value.at("verify").is_null()) upload.verify = DecodeLink(value.at("verify"));
    if (upload.part_bytes == 0 || upload.part_urls.empty()) return std::nullopt;
    return upload;
  } catch (const json::exception&) {  // of another version
    return std::nullopt;
  }
}

void LogFailure(const absl::Status& status) {
  if (!status.ok()) LogWarn("upload not journalled", Field("error", std::string(MessageOf(status))));
}

// Of a part there is only its tag. What cannot be read is no use either.
bool IsOutdated(std::string_view text, WallTime now) {
  const json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) return true;
  const auto begun = value.find("begun_unix");
  if (begun == value.end() || !begun->is_number_integer()) return true;
  const int64_t age = Seconds(now) - begun->get<int64_t>();
  return age > std::chrono::duration_cast<std::chrono::seconds>(kLongestUpload).count();
}

// `uploadId` of an S3 URL; empty when it has none.
std::string_view UploadIdOf(std::string_view url) {
  constexpr std::string_view kName = "uploadId=";
  const size_t at = url.find(kName);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = url.substr(at + kName.size());
  return rest.substr(0, rest.find('&'));
}

}  // namespace

std::optional<BegunUpload> UploadJournal::Find(const hub::LfsObject& object) const {
  const std::string key = KeyOf(object.sha256);
  const absl::StatusOr<std::optional<std::string>> text = store_.Get(Table::kUploads, key);
  if (!text.ok() || !*text) return std::nullopt;
  std::optional<hub::LfsUpload> upload = Decode(object, **text);
  if (!upload) return std::nullopt;
  BegunUpload begun{.upload = *std::move(upload), .etags = {}};
  const std::string prefix = key + "/";
  const absl::Status scanned =
      store_.Scan(Table::kUploads, prefix, [&begun, &prefix](std::string_view part, std::string_view etag) {
        const uint64_t number = std::strtoull(std::string(part.substr(prefix.size())).c_str(), nullptr, 10);
        if (number >= 1 && number <= begun.upload.part_urls.size())
          begun.etags.emplace(static_cast<uint32_t>(number), etag);
        return true;
      });
  LogFailure(scanned);
  return begun;
}

void UploadJournal::Begin(const BegunUpload& begun, WallTime now) {
  ForgetOutdated(now);
  const BlobId& object = begun.upload.object.sha256;
  Forget(object);
  metadata::WriteBatch batch;
  batch.Put(Table::kUploads, KeyOf(object), Encode(begun.upload, now));
  for (const auto& [number, etag] : begun.etags) batch.Put(Table::kUploads, KeyOfPart(object, number), etag);
  LogFailure(store_.Write(batch, Durability::kProcess));
}

void UploadJournal::Keep(const BlobId& object, const hub::StoredPart& part) {
  LogFailure(metadata::Put(store_, Table::kUploads, KeyOfPart(object, part.number), part.etag,
                           Durability::kProcess));
}

void UploadJournal::Forget(const BlobId& object) {
  ForgetThose(KeyOf(object), [](std::string_view, std::string_view) { return true; });
}

// A part comes behind its upload, whose fate it shares.
void UploadJournal::ForgetOutdated(WallTime now) {
  std::string upload;
  bool is_outdated = false;
  ForgetThose("", [&](std::string_view key, std::string_view value) {
    const bool is_part = !upload.empty() && key.starts_with(upload + "/");
    if (!is_part) {
      upload = key;
      is_outdated = IsOutdated(value, now);
    }
    return is_outdated;
  });
}

void UploadJournal::ForgetThose(
    const std::string& prefix,
    const std::function<bool(std::string_view key, std::string_view value)>& is_one) {
  metadata::WriteBatch batch;
  const absl::Status scanned =
      store_.Scan(Table::kUploads, prefix, [&batch, &is_one](std::string_view key, std::string_view value) {
        if (is_one(key, value)) batch.Delete(Table::kUploads, std::string(key));
        return true;
      });
  LogFailure(scanned);
  if (!batch.changes().empty()) LogFailure(store_.Write(batch, Durability::kProcess));
}

std::string UploadJournal::KeyOfPart(const BlobId& object, uint32_t number) const {
  return fmt::format("{}/{:06}", KeyOf(object), number);
}

bool IsSameUpload(const hub::LfsUpload& one, const hub::LfsUpload& other) {
  if (one.part_bytes == 0 || one.part_bytes != other.part_bytes ||
      one.object.size_bytes != other.object.size_bytes)
    return false;
  const std::string_view id = UploadIdOf(one.upload.url);
  if (!id.empty() || !UploadIdOf(other.upload.url).empty()) return id == UploadIdOf(other.upload.url);
  // Without one, the place where the parts are joined is that of the upload.
  const auto place = [](std::string_view url) { return url.substr(0, url.find('?')); };
  return place(one.upload.url) == place(other.upload.url);
}

}  // namespace batuta::push
