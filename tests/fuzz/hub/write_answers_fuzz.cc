// What the hub answers to a push, as JSON, whatever it is: no crash, and what is taken from it is bounded and
// fits what was asked. The first byte says how it is read.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/text/url.h"
#include "common/text/utf8.h"
#include "daemon/hub/write_answers.h"

namespace {

using namespace batuta::hub;

constexpr std::string_view kHub = "https://hub.test";
constexpr size_t kMostWords = 500;
constexpr size_t kMostSentences = 100;

void Require(bool holds) {
  if (!holds) std::abort();
}

// Bytes of ours go there.
void RequirePlace(const std::string& url) {
  const auto parts = batuta::SplitUrl(url);
  Require(parts.ok() && parts->scheme == "https");
}

void ReadBatch(std::string_view text) {
  const std::vector<LfsObject> objects = {
      {.sha256 = *batuta::BlobId::Parse(std::string(64, 'a')), .size_bytes = 25},
      {.sha256 = *batuta::BlobId::Parse(std::string(64, 'b')), .size_bytes = uint64_t{1} << 40}};
  const auto uploads = DecodeBatch(objects, kHub, text);
  if (!uploads.ok()) return;
  Require(uploads->size() == objects.size());
  for (size_t i = 0; i < objects.size(); ++i) {
    const LfsUpload& upload = (*uploads)[i];
    Require(upload.object.sha256 == objects[i].sha256 && upload.object.size_bytes == objects[i].size_bytes);
    if (!upload.refusal.ok() || upload.is_stored) continue;
    RequirePlace(upload.upload.url);
    if (upload.verify) RequirePlace(upload.verify->url);
    if (upload.part_bytes == 0) continue;
    for (const std::string& url : upload.part_urls) RequirePlace(url);
    // The parts are the object: all of it, and none of them empty.
    Require(!upload.part_urls.empty());
    Require((upload.part_urls.size() - 1) * upload.part_bytes < objects[i].size_bytes);
    Require((objects[i].size_bytes - 1) / upload.part_bytes + 1 == upload.part_urls.size());
  }
}

void ReadPreupload(std::string_view text) {
  std::vector<PreuploadFile> files;
  for (const char* path : {"a", "b/c"})
    files.push_back({.path = *batuta::RepoPath::Parse(path), .size_bytes = 1, .sample = {}});
  const auto answers = DecodePreupload(files, text);
  if (!answers.ok()) return;
  Require(answers->size() == files.size());
  for (size_t i = 0; i < files.size(); ++i) Require((*answers)[i].path == files[i].path);
}

void RequireWords(const std::vector<std::string>& sentences) {
  Require(sentences.size() <= kMostSentences);
  for (const std::string& sentence : sentences)
    Require(sentence.size() <= kMostWords && batuta::IsValidUtf8(sentence));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 7) {
    case 0:
      ReadBatch(text);
      break;
    case 1:
      ReadPreupload(text);
      break;
    case 2: {
      const auto result = DecodeCommit(kHub, text);
      if (result.ok() && !result->url.empty()) RequirePlace(result->url);
      break;
    }
    case 3: {
      const auto check = DecodeCardCheck(text);
      if (!check.ok()) break;
      RequireWords(check->errors);
      RequireWords(check->warnings);
      break;
    }
    case 4: {
      const auto commits = DecodeCommits(text, 3);
      if (!commits.ok()) break;
      Require(commits->size() <= 3);
      for (const CommitTitle& commit : *commits) Require(batuta::IsValidUtf8(commit.title));
      break;
    }
    case 5: {
      const auto opened = DecodePullRequest("https://hub.test/acme/otter", text);
      if (opened.ok()) Require(opened->number > 0 && opened->branch.text().starts_with("refs/pr/"));
      break;
    }
    default: {
      const auto created = DecodeCreatedRepo(kHub, text);
      if (created.ok() && !created->url.empty()) RequirePlace(created->url);
    }
  }
  return 0;
}
