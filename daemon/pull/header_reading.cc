#include "daemon/pull/header_reading.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "common/status/status.h"
#include "daemon/gguf/byte_source.h"
#include "daemon/gguf/format.h"
#include "daemon/pull/range_collector.h"

namespace batuta::pull {
namespace {

using transport::ByteRange;

constexpr uint64_t kFirstBytes = 64 << 10;
constexpr uint64_t kLeastWalk = 1 << 20;
constexpr uint64_t kMostFirstWalk = 8'000'000;
constexpr uint64_t kNextWalk = 2 << 20;
constexpr uint64_t kMostText = 1 << 20;

// The longest vocabularies that there are, merges included, take 60 to 65 bytes a token; the others are
// passed over with room to spare.
constexpr uint64_t kBytesPerToken = 62;

// With one range: to begin, and so much a second once it has begun.
constexpr std::chrono::milliseconds kPatience{20'000};
constexpr uint64_t kSlowestBytesPerMilli = 100;

// The ranges that are here, as a file. Remembers where it had nothing to give.
class HeldBytes final : public gguf::ByteSource {
 public:
  explicit HeldBytes(const SparseBytes& bytes) : bytes_(bytes) {}

  uint64_t size_bytes() const override { return bytes_.size_bytes(); }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) override {
    auto run = bytes_.runs().upper_bound(offset);
    if (run != bytes_.runs().begin()) {
      --run;
      const uint64_t inside = offset - run->first;
      if (inside < run->second.size()) {
        const auto size = static_cast<size_t>(std::min<uint64_t>(out.size(), run->second.size() - inside));
        std::memcpy(out.data(), run->second.data() + inside, size);
        return size;
      }
    }
    missing_ = offset;
    return absl::OutOfRangeError("not here");
  }

  uint64_t missing() const { return missing_; }

 private:
  const SparseBytes& bytes_;
  uint64_t missing_ = 0;
};

absl::Status TooDear(std::string_view what) {
  return absl::ResourceExhaustedError(std::string(what));
}

template <typename T>
Reading<T> Ended(ReadingEnd end, const absl::Status& status) {
  return {.end = end, .status = status, .value = std::nullopt};
}

// The beginning of a header, read without believing it.
class Beginning {
 public:
  explicit Beginning(std::string_view bytes) : bytes_(bytes) {}

  uint64_t position() const { return position_; }

  // 0 when it is not here; ok() is false then.
  template <typename Number>
  Number Take() {
    Number number = 0;
    if (Pass(sizeof number)) std::memcpy(&number, bytes_.data() + position_ - sizeof number, sizeof number);
    return number;
  }

  bool Pass(uint64_t bytes) {
    is_ok_ = is_ok_ && bytes <= bytes_.size() - position_;
    if (is_ok_) position_ += bytes;
    return is_ok_;
  }

  bool PassText() { return Pass(Take<uint64_t>()); }

  bool ok() const { return is_ok_; }

 private:
  const std::string_view bytes_;
  uint64_t position_ = 0;
  bool is_ok_ = true;
};

// Where the tensors' descriptions will be when the beginning of a file ends amid an array of texts, whose
// rest is taken to be like what is here of it. Little comes behind such an array.
std::optional<gguf::InfosPlace> GuessInfos(std::string_view beginning) {
  constexpr uint64_t kBehind = 256 << 10;
  Beginning in(beginning);
  in.Take<uint64_t>();  // magic and version
  in.Take<uint64_t>();  // tensors
  for (auto pairs = in.Take<uint64_t>(); pairs > 0 && in.PassText(); --pairs) {
    auto type = static_cast<gguf::ValueType>(in.Take<uint32_t>());
    uint64_t count = 1;
    if (type == gguf::ValueType::kArray) {
      type = static_cast<gguf::ValueType>(in.Take<uint32_t>());
      count = in.Take<uint64_t>();
    }
    if (const uint64_t bytes = gguf::FixedBytes(type); bytes > 0) {
      if (count > beginning.size() || !in.Pass(count * bytes)) return std::nullopt;
      continue;
    }
    if (type != gguf::ValueType::kString) return std::nullopt;
    const uint64_t begin = in.position();
    for (uint64_t i = 0; i < count; ++i) {
      if (in.PassText()) continue;
      if (i == 0 || count > beginning.size()) return std::nullopt;
      const uint64_t passed = in.position() - begin;
      const uint64_t left = passed / i * (count - i);
      const uint64_t end = in.position() + left;
      return gguf::InfosPlace{end - left / 16, end + left / 6 + kBehind};
    }
  }
  return std::nullopt;
}

}  // namespace

HeaderReading::HeaderReading(Limits limits, hub::HubClient& hub, Sequence& core, WorkerPool& disk,
                             RepoId repo, const CommitId& commit, hub::Access access)
    : limits_(limits),
      hub_(hub),
      core_(core),
      disk_(disk),
      repo_(std::move(repo)),
      commit_(commit),
      access_(std::move(access)) {
  access_.requests = hops_;
}

HeaderReading::OpenedFile& HeaderReading::Open(const Entry& entry) {
  const auto [found, is_new] = files_.try_emplace(entry.blob, OpenedFile{entry, nullptr, nullptr});
  if (is_new) {
    found->second.source = hub_.OpenFile(repo_, commit_, entry, access_);
    found->second.bytes = std::make_shared<SparseBytes>(entry.size_bytes);
  }
  return found->second;
}

uint32_t HeaderReading::CostOf(const BlobId& blob) const {
  const auto file = files_.find(blob);
  const bool is_begun = file != files_.end() && file->second.bytes->held_bytes() > 0;
  return is_begun ? 1 : opening_cost_;
}

bool HeaderReading::MayOpen(const std::vector<Entry>& entries) const {
  uint64_t cost = requests_;
  for (const Entry& entry : entries) cost += CostOf(entry.blob);
  return cost <= limits_.requests && read_bytes_ + entries.size() * kFirstBytes <= limits_.bytes;
}

void HeaderReading::Fetch(const BlobId& blob, ByteRange range, Then then) {
  OpenedFile& file = files_.at(blob);
  const uint32_t cost = CostOf(blob);
  range.end = std::min(range.end, file.entry.size_bytes);
  if (range.begin >= range.end) {
    return then(ReadingEnd::kUnreadable, absl::DataLossError("the file ends within its header"));
  }
  const uint64_t bytes_left = limits_.bytes - std::min(limits_.bytes, read_bytes_);
  range.end = std::min(range.end, range.begin + bytes_left);
  if (requests_ + cost > limits_.requests || bytes_left < std::min(kFirstBytes, file.entry.size_bytes)) {
    return then(ReadingEnd::kTooDear, TooDear("more requests or bytes than a decision is worth"));
  }

  // Whichever comes first, the answer or the end of patience, takes it.
  auto waiting = std::make_shared<Then>(std::move(then));
  const bool is_opening = file.bytes->held_bytes() == 0;
  const uint32_t hops_before = hops_->load();
  auto collector = std::make_shared<RangeCollector>(
      range, [self = shared_from_this(), blob, range, waiting, is_opening, hops_before](
                 const absl::Status& status, std::string bytes) mutable {
        Sequence& core = self->core_;
        core.Post([self = std::move(self), blob, range, waiting, is_opening, hops_before, status,
                   bytes = std::move(bytes)]() mutable {
          const uint32_t hops = std::max(self->hops_->load() - hops_before, 1U);
          self->requests_ += hops;
          self->read_bytes_ += bytes.size();
          if (is_opening && status.ok()) self->opening_cost_ = hops;
          Then done = std::exchange(*waiting, nullptr);
          if (done == nullptr) return;
          if (!status.ok()) return done(ReadingEnd::kFailed, status);
          if (bytes.size() < range.size()) {
            return done(ReadingEnd::kTooDear, TooDear("the server does not serve ranges"));
          }
          self->files_.at(blob).bytes->Add(range.begin, std::move(bytes));
          done(ReadingEnd::kDone, absl::OkStatus());
        });
      });
  const transport::CallId call = file.source->Fetch(range, std::move(collector));
  const std::chrono::milliseconds patience =
      kPatience + std::chrono::milliseconds(range.size() / kSlowestBytesPerMilli);
  core_.PostAfter(patience, [waiting, source = file.source, call] {
    Then done = std::exchange(*waiting, nullptr);
    if (done == nullptr) return;
    source->Cancel(call);
    done(ReadingEnd::kTooDear, TooDear("the hub is too slow"));
  });
}

// Parses what is here on the disk pool, and gets `step` more from where that ends until it is enough.
template <typename T, typename Parse>
void HeaderReading::ParseOrRead(const BlobId& blob, uint64_t step, Parse parse, Done<T> done) {
  struct Parsed {
    absl::StatusOr<T> value;
    uint64_t missing = 0;
  };

  disk_.Post([self = shared_from_this(), blob, step, parse = std::move(parse), done = std::move(done),
              bytes = files_.at(blob).bytes]() mutable {
    HeldBytes held(*bytes);
    absl::StatusOr<T> value = parse(held);
    auto parsed = std::make_shared<Parsed>(Parsed{std::move(value), held.missing()});
    Sequence& core = self->core_;
    core.Post([self = std::move(self), blob, step, parse = std::move(parse), done = std::move(done),
               parsed]() mutable {
      if (parsed->value.ok()) {
        return done(Reading<T>{ReadingEnd::kDone, absl::OkStatus(), *std::move(parsed->value)});
      }
      if (!absl::IsOutOfRange(parsed->value.status())) {
        return done(Ended<T>(ReadingEnd::kUnreadable, parsed->value.status()));
      }
      const ByteRange range{parsed->missing, parsed->missing + step};
      self->Fetch(blob, range,
                  [self, blob, step, parse = std::move(parse), done = std::move(done)](
                      ReadingEnd end, const absl::Status& status) mutable {
                    if (end != ReadingEnd::kDone) return done(Ended<T>(end, status));
                    const uint64_t next = step < kLeastWalk ? 2 * step : kNextWalk;
                    self->ParseOrRead<T>(blob, next, std::move(parse), std::move(done));
                  });
    });
  });
}

void HeaderReading::ReadParameters(const Entry& entry, Done<gguf::HyperParameters> done) {
  Open(entry);
  ParseOrRead<gguf::HyperParameters>(
      entry.blob, kFirstBytes, [](gguf::ByteSource& file) { return gguf::ReadHyperParameters(file); },
      std::move(done));
}

void HeaderReading::ReadTensors(const Entry& entry, std::shared_ptr<const gguf::Header> sibling,
                                uint64_t token_count, Done<gguf::Header> done) {
  Open(entry);
  if (sibling == nullptr || token_count == 0) return Walk(entry.blob, token_count, std::move(done));
  const gguf::InfosPlace place = gguf::LikelyInfos(*sibling, entry.size_bytes);
  ReadWindow(
      entry.blob, std::move(sibling), place,
      [self = shared_from_this(), blob = entry.blob, token_count](Done<gguf::Header> next) {
        self->Walk(blob, token_count, std::move(next));
      },
      std::move(done));
}

void HeaderReading::ReadWindow(const BlobId& blob, std::shared_ptr<const gguf::Header> sibling,
                               gguf::InfosPlace place, Otherwise otherwise, Done<gguf::Header> done) {
  Fetch(
      blob, {place.begin, place.end},
      [self = shared_from_this(), blob, sibling = std::move(sibling), place, otherwise = std::move(otherwise),
       done = std::move(done)](ReadingEnd end, const absl::Status& status) mutable {
        if (end == ReadingEnd::kUnreadable) return otherwise(std::move(done));  // it is not that long
        if (end != ReadingEnd::kDone) return done(Ended<gguf::Header>(end, status));
        const std::shared_ptr<SparseBytes> bytes = self->files_.at(blob).bytes;
        self->disk_.Post([self, sibling = std::move(sibling), place, otherwise = std::move(otherwise),
                          done = std::move(done), bytes]() mutable {
          const auto run = std::prev(bytes->runs().upper_bound(place.begin));
          const auto window = std::string_view(run->second).substr(place.begin - run->first);
          auto found = std::make_shared<absl::StatusOr<gguf::Header>>(
              gguf::FindTensorInfos(*sibling, window, place.begin, bytes->size_bytes()));
          self->core_.Post([otherwise = std::move(otherwise), done = std::move(done), found]() mutable {
            if (!found->ok()) return otherwise(std::move(done));
            done(Reading<gguf::Header>{ReadingEnd::kDone, absl::OkStatus(), **std::move(found)});
          });
        });
      });
}

// Through the vocabulary, in one range where that does.
void HeaderReading::Walk(const BlobId& blob, uint64_t token_count, Done<gguf::Header> done) {
  const uint64_t held = files_.at(blob).bytes->held_bytes();
  const uint64_t whole = std::clamp(token_count * kBytesPerToken, kLeastWalk, kMostFirstWalk);
  if (token_count == 0 || whole <= held) return WalkOn(blob, std::move(done));
  Fetch(blob, {held, whole},
        [self = shared_from_this(), blob, done = std::move(done)](ReadingEnd end,
                                                                  const absl::Status& status) mutable {
          if (end != ReadingEnd::kDone) return done(Ended<gguf::Header>(end, status));
          self->Leap(blob, std::move(done));
        });
}

// Over the rest of a long vocabulary, to where it should end.
void HeaderReading::Leap(const BlobId& blob, Done<gguf::Header> done) {
  struct Guess {
    std::optional<gguf::InfosPlace> place;
    std::shared_ptr<gguf::Header> like;
  };

  disk_.Post([self = shared_from_this(), blob, done = std::move(done),
              bytes = files_.at(blob).bytes]() mutable {
    Guess guess{GuessInfos(bytes->runs().begin()->second), std::make_shared<gguf::Header>()};
    HeldBytes held(*bytes);
    absl::StatusOr<gguf::HyperParameters> parameters = gguf::ReadHyperParameters(held);
    if (!parameters.ok()) guess.place.reset();
    if (parameters.ok()) guess.like->parameters = *std::move(parameters);
    Sequence& core = self->core_;
    core.Post([self = std::move(self), blob, done = std::move(done), guess = std::move(guess)]() mutable {
      if (!guess.place) return self->WalkOn(blob, std::move(done));
      self->ReadWindow(
          blob, std::move(guess.like), *guess.place,
          [self, blob](Done<gguf::Header> next) { self->WalkOn(blob, std::move(next)); }, std::move(done));
    });
  });
}

void HeaderReading::WalkOn(const BlobId& blob, Done<gguf::Header> done) {
  const bool is_begun = files_.at(blob).bytes->held_bytes() > kFirstBytes;
  ParseOrRead<gguf::Header>(
      blob, is_begun ? kNextWalk : kFirstBytes, [](gguf::ByteSource& file) { return gguf::ReadHeader(file); },
      std::move(done));
}

void HeaderReading::ReadText(const Entry& entry, Done<std::string> done) {
  if (entry.size_bytes > kMostText || entry.size_bytes == 0) {
    return core_.Post([done = std::move(done)]() mutable {
      done(Ended<std::string>(ReadingEnd::kUnreadable, absl::DataLossError("it is too large")));
    });
  }
  Open(entry);
  Fetch(entry.blob, {0, entry.size_bytes},
        [self = shared_from_this(), blob = entry.blob, done = std::move(done)](
            ReadingEnd end, const absl::Status& status) mutable {
          if (end != ReadingEnd::kDone) return done(Ended<std::string>(end, status));
          done(Reading<std::string>{end, status, self->files_.at(blob).bytes->runs().begin()->second});
        });
}

}  // namespace batuta::pull
