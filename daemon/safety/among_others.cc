#include "daemon/safety/among_others.h"

#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "daemon/safety/graph/onnx.h"
#include "daemon/safety/graph/openvino.h"
#include "daemon/safety/graph/side_file.h"
#include "daemon/safety/tensor/gguf.h"
#include "daemon/safety/tensor/shard_index.h"

namespace batuta::safety {
namespace {

constexpr std::string_view kIndex = ".safetensors.index.json";
constexpr std::string_view kOnnx = ".onnx";
constexpr std::string_view kGguf = ".gguf";
constexpr std::string_view kXml = ".xml";  // of OpenVINO

// The path of `name` where `path` lies.
std::string Beside(std::string_view path, std::string_view name) {
  while (name.starts_with("./")) name.remove_prefix(2);
  const size_t slash = path.rfind('/');
  return slash == path.npos ? std::string(name) : fmt::format("{}/{}", path.substr(0, slash), name);
}

// The shards that an index names, each with its tensors.
class Shards {
 public:
  Shards(std::string_view index, Snapshot& snapshot) : index_(index), snapshot_(snapshot) {}

  Shard Find(std::string_view file) {
    // A name that leads elsewhere was told of with the index; here it is a file that is not there.
    if (!SideFileProblem(file).empty()) return {};
    const std::string path = Beside(index_, file);
    if (!snapshot_.SizeBytes(path).has_value()) return {};
    const absl::StatusOr<std::unique_ptr<ByteSource>> bytes = snapshot_.Open(path);
    if (!bytes.ok()) return {.state = Shard::State::kUnread};
    absl::StatusOr<TensorNames> names = ReadTensorNames(**bytes);
    if (absl::IsDataLoss(names.status())) return {.state = Shard::State::kOther};
    if (!names.ok()) return {.state = Shard::State::kUnread};
    const auto kept = names_.insert_or_assign(path, *std::move(names)).first;
    return {.state = Shard::State::kSafetensors, .names = &kept->second};
  }

 private:
  std::string_view index_;
  Snapshot& snapshot_;
  std::map<std::string, TensorNames> names_;
};

absl::Status InspectIndex(Subject& subject, std::string_view path, Snapshot& snapshot) {
  Shards shards(path, snapshot);
  return InspectShardIndex(subject, [&shards](std::string_view file) { return shards.Find(file); });
}

absl::Status InspectData(Subject& subject, std::string_view path, Snapshot& snapshot) {
  return InspectOnnxData(subject,
                         [&](std::string_view file) { return snapshot.SizeBytes(Beside(path, file)); });
}

// All values lie in the one file of the same name.
absl::Status InspectBin(Subject& subject, std::string_view path, Snapshot& snapshot) {
  path.remove_suffix(kXml.size());
  return InspectOpenvinoData(subject, snapshot.SizeBytes(fmt::format("{}.bin", path)).value_or(0));
}

absl::Status InspectOthers(Subject& subject, std::string_view path, Snapshot& snapshot) {
  if (path.ends_with(kIndex)) return InspectIndex(subject, path, snapshot);
  if (path.ends_with(kOnnx)) return InspectData(subject, path, snapshot);
  if (path.ends_with(kXml)) return InspectBin(subject, path, snapshot);
  return InspectGgufPart(subject);
}

}  // namespace

bool SpeaksOfOthers(std::string_view path) {
  return path.ends_with(kIndex) || path.ends_with(kOnnx) || path.ends_with(kGguf) || path.ends_with(kXml);
}

Outcome InspectAmongOthers(std::string_view path, Snapshot& snapshot) {
  Outcome outcome;
  if (!SpeaksOfOthers(path)) return outcome;
  absl::StatusOr<std::unique_ptr<ByteSource>> bytes = snapshot.Open(path);
  if (!bytes.ok()) {
    outcome.status = bytes.status();
    return outcome;
  }
  Report report;
  Subject subject(path.substr(path.rfind('/') + 1), **bytes, report, nullptr);
  outcome.status = InspectOthers(subject, path, snapshot);
  outcome.verdict = std::move(report).Take();
  for (Finding& finding : outcome.verdict.findings) finding.place.clear();
  return outcome;
}

}  // namespace batuta::safety
