#include "daemon/pull/precheck.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/pull/range_collector.h"

namespace batuta::pull {
namespace {

constexpr uint64_t kLeastBytes = 1 << 20;   // what is smaller is looked at when it is here
constexpr uint64_t kRangeBytes = 64 << 10;  // at least so much is fetched at a time
constexpr uint64_t kMostBytes = 4 << 20;    // of one file
constexpr uint64_t kMostShare = 16;         // and no more than that part of it
constexpr size_t kAtOnce = 8;
constexpr std::chrono::seconds kPatience{20};  // with one range

constexpr std::array<std::string_view, 26> kWeights = {
    ".safetensors", ".gguf", ".bin",   ".pt",     ".pth",     ".ckpt",  ".pkl", ".pickle", ".joblib",
    ".h5",          ".hdf5", ".keras", ".onnx",   ".msgpack", ".npz",   ".npy", ".zip",    ".nemo",
    ".pt2",         ".ptl",  ".dduf",  ".tflite", ".mar",     ".model", ".dat", ".weights"};

class Flow final : public std::enable_shared_from_this<Flow> {
 public:
  Flow(Sequence& core, WorkerPool& disk, std::shared_ptr<guard::PullGuard> guard,
       std::vector<PrecheckedFile> files, Precheck::Done done)
      : core_(core), disk_(disk), guard_(std::move(guard)), done_(std::move(done)), answers_(files.size()) {
    looks_.reserve(files.size());
    for (PrecheckedFile& file : files) {
      const uint64_t size_bytes = file.entry.size_bytes;
      looks_.push_back({.file = std::move(file), .bytes = std::make_shared<SparseBytes>(size_bytes)});
    }
  }

  void Begin() {
    core_.Post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->BeginMore();
    });
  }

  void Stop() {
    core_.AssertCurrent();
    done_ = nullptr;
    for (Look& look : looks_) Cancel(look);
  }

 private:
  struct Look {
    PrecheckedFile file;
    std::shared_ptr<SparseBytes> bytes;
    std::optional<transport::CallId> call = {};
    uint64_t fetches = 0;
    bool is_second = false;
  };

  void BeginMore() {
    if (done_ == nullptr) return;
    while (under_way_ < kAtOnce && next_ < looks_.size()) {
      ++under_way_;
      const size_t index = next_++;
      Fetch(index, {0, std::min(kRangeBytes, looks_[index].bytes->size_bytes())});
    }
    if (under_way_ == 0) std::exchange(done_, nullptr)(std::move(answers_));
  }

  void Fetch(size_t index, transport::ByteRange range) {
    Look& look = looks_[index];
    const uint64_t number = ++look.fetches;
    look.call = look.file.source->Fetch(
        range,
        std::make_shared<RangeCollector>(range, [weak = weak_from_this(), &core = core_, index, number,
                                                 range](const absl::Status& status, std::string bytes) {
          core.Post([weak, index, number, range, status, bytes = std::move(bytes)]() mutable {
            if (const auto self = weak.lock())
              self->OnFetched(index, number, range, status, std::move(bytes));
          });
        }));
    core_.PostAfter(kPatience, [weak = weak_from_this(), index, number] {
      const auto self = weak.lock();
      if (self && self->looks_[index].fetches == number && self->looks_[index].call)
        self->Cancel(self->looks_[index]);
    });
  }

  void OnFetched(size_t index, uint64_t number, transport::ByteRange range, const absl::Status& status,
                 std::string bytes) {
    Look& look = looks_[index];
    if (done_ == nullptr || number != look.fetches) return;
    look.call.reset();
    if (!status.ok() || bytes.size() < range.size()) return End(index, absl::OkStatus());
    look.bytes->Add(range.begin, std::move(bytes));
    disk_.Post([weak = weak_from_this(), &core = core_, guard = guard_, index, entry = look.file.entry,
                held = look.bytes] {
      absl::Status answer = guard->AdmitGlimpse(entry, *held);
      core.Post([weak, index, answer = std::move(answer)] {
        if (const auto self = weak.lock()) self->OnLooked(index, answer);
      });
    });
  }

  void OnLooked(size_t index, const absl::Status& answer) {
    if (done_ == nullptr) return;
    if (Look& look = looks_[index]; guard::MayBeDamage(answer) && !look.is_second) {
      look.is_second = true;
      look.bytes = std::make_shared<SparseBytes>(look.bytes->size_bytes());
      return Fetch(index, {0, std::min(kRangeBytes, look.bytes->size_bytes())});
    }
    if (!absl::IsOutOfRange(answer)) return End(index, answer);
    const SparseBytes& bytes = *looks_[index].bytes;
    const std::optional<transport::ByteRange> missing = bytes.missing();
    if (!missing.has_value()) return End(index, absl::OkStatus());
    transport::ByteRange range = *missing;
    range.end = std::min(std::max(range.end, range.begin + kRangeBytes), bytes.size_bytes());
    const uint64_t most = std::min(kMostBytes, std::max(bytes.size_bytes() / kMostShare, 4 * kRangeBytes));
    if (bytes.held_bytes() + range.size() > most) return End(index, absl::OkStatus());
    Fetch(index, range);
  }

  void End(size_t index, const absl::Status& answer) {
    answers_[index] = {.status = answer, .bytes = looks_[index].bytes};
    --under_way_;
    BeginMore();
  }

  void Cancel(Look& look) {
    if (look.call) look.file.source->Cancel(*look.call);
  }

  Sequence& core_;
  WorkerPool& disk_;
  const std::shared_ptr<guard::PullGuard> guard_;
  Precheck::Done done_;  // null: ended
  std::vector<Precheck::Answer> answers_;
  std::vector<Look> looks_;
  size_t next_ = 0;
  size_t under_way_ = 0;
};

// Owns the flow and stops it when dropped.
class OwnedFlow final : public Precheck {
 public:
  explicit OwnedFlow(std::shared_ptr<Flow> flow) : flow_(std::move(flow)) {}

  ~OwnedFlow() override { flow_->Stop(); }

 private:
  const std::shared_ptr<Flow> flow_;
};

}  // namespace

bool IsWorthAPrecheck(const Entry& entry) {
  if (entry.size_bytes < kLeastBytes) return false;
  const std::string& path = entry.path.text();
  return std::any_of(kWeights.begin(), kWeights.end(),
                     [&path](std::string_view end) { return path.ends_with(end); });
}

std::unique_ptr<Precheck> Precheck::Start(Sequence& core, WorkerPool& disk,
                                          std::shared_ptr<guard::PullGuard> guard,
                                          std::vector<PrecheckedFile> files, Done done) {
  core.AssertCurrent();
  auto flow = std::make_shared<Flow>(core, disk, std::move(guard), std::move(files), std::move(done));
  flow->Begin();
  return std::make_unique<OwnedFlow>(std::move(flow));
}

}  // namespace batuta::pull
