#include "tests/hubsim/store/history.h"

#include <array>
#include <chrono>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace batuta::hubsim {
namespace {

constexpr std::time_t kFirstCommit = 1'704'067'200;  // 2024-01-01T00:00:00Z
constexpr std::uint64_t kSampleBytes = 512;

}  // namespace

std::string FullRefName(std::string_view name) {
  if (name == "HEAD") return "refs/heads/main";
  return name.starts_with("refs/") ? std::string(name) : "refs/heads/" + std::string(name);
}

std::string CommitDate(std::size_t index) {
  const std::time_t when = kFirstCommit + static_cast<std::time_t>(index) * 60;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.000Z", fmt::gmtime(when));
}

absl::StatusOr<std::string> CommitToRef(Repo& repo, const std::string& ref, const CommitText& text,
                                        TreeChange change, std::size_t most_in_folder) {
  const Commit* head = repo.Head(ref);
  absl::StatusOr<std::string> id = AppendCommit(repo,
                                                {.parent = head == nullptr ? std::string() : head->id,
                                                 .title = text.title,
                                                 .message = text.message,
                                                 .date = CommitDate(repo.commits.size()),
                                                 .author = text.author},
                                                std::move(change), most_in_folder);
  if (id.ok()) repo.refs[ref] = *id;
  return id;
}

Node NodeFor(const std::string& path, ContentPtr content, const LfsRule& rule) {
  const ContentDigests digests = DigestsOf(*content);
  if (rule.WantsLfs(path, content->size(), ReadPrefix(*content, kSampleBytes))) {
    return LfsNode(std::move(content), digests.sha256);
  }
  return RegularNode(std::move(content), digests.git_blob);
}

std::string DefaultAttributes() {
  constexpr std::array kSuffixes = {"7z",   "arrow",  "bin",         "bz2",   "ckpt",    "ftz", "gz",
                                    "h5",   "joblib", "mlmodel",     "model", "msgpack", "npy", "npz",
                                    "onnx", "ot",     "parquet",     "pb",    "pickle",  "pkl", "pt",
                                    "pth",  "rar",    "safetensors", "tar",   "tflite",  "tgz", "wasm",
                                    "xz",   "zip",    "zst",         "gguf"};
  std::string text;
  for (const char* suffix : kSuffixes)
    text += fmt::format("*.{} filter=lfs diff=lfs merge=lfs -text\n", suffix);
  text +=
      "saved_model/**/* filter=lfs diff=lfs merge=lfs -text\n*tfevents* filter=lfs diff=lfs merge=lfs "
      "-text\n";
  return text;
}

}  // namespace batuta::hubsim
