#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/metrics/daemon_metrics.h"
#include "daemon/transfer/blob_transfer.h"
#include "daemon/transfer/remedy.h"

// The connections of a transfer: dialled, watched, and what is done when they fail.
namespace batuta::transfer {
namespace {

// So much must arrive before a failure counts as the first of a row again.
constexpr uint64_t kProgressBytes = 64 * 1024;
constexpr std::chrono::seconds kLaggardPause{5};

std::chrono::milliseconds ToMillis(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration);
}

absl::Status StallError(std::chrono::milliseconds quiet) {
  return MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable,
                   fmt::format("no byte has come for {} s", quiet.count() / 1'000), "check the network");
}

absl::Status CutShortError() {
  return MakeError(absl::StatusCode::kUnavailable, reason::kHubUnreachable,
                   "the answer ended before the bytes that were asked for", "check the network");
}

absl::Status HeldBackError(const transport::WaitInfo& info, Duration delay) {
  return WithRetryAfter(MakeError(absl::StatusCode::kResourceExhausted, reason::kHubRateLimited,
                                  fmt::format("held back: {} of {}", info.reason, info.window),
                                  "try again later, or allow to wait"),
                        ToMillis(delay));
}

}  // namespace

int BlobTransfer::connections() const {
  core_.AssertCurrent();
  return static_cast<int>(connections_.size());
}

int BlobTransfer::cooling() const {
  core_.AssertCurrent();
  return static_cast<int>(cooling_until_.size());
}

ConnectionDemand BlobTransfer::demand() const {
  core_.AssertCurrent();
  if (state_ != State::kMoving || is_pausing_) return {};
  const uint64_t rest = entry_.size_bytes - FetchedBytes();
  if (rest == 0) return {};
  const uint64_t pieces = (rest - 1) / context_.options.min_piece_bytes + 1;
  const int useful = std::min(context_.options.connections_per_blob, gate_->useful_connections());
  const uint64_t most = is_single_stream_ || is_probing_ ? 1 : static_cast<uint64_t>(useful);
  const uint64_t open = connections_.size();
  const uint64_t wanted = pieces <= open && open < most && IsHeldUpByOne() ? open + 1 : pieces;
  return {static_cast<int>(std::min(wanted, most)), rest};
}

// The last bytes are with a connection so slow that it is worth splitting although little is left.
bool BlobTransfer::IsHeldUpByOne() const {
  std::vector<uint64_t> flight_ids;
  const std::optional<NextSegment> next = PlanNext(&flight_ids);
  return next && next->splits;
}

uint64_t BlobTransfer::FetchedBytes() const {
  uint64_t bytes = received_.total();
  for (const auto& [id, connection] : connections_) {
    const SegmentReceiver::View view = connection.receiver->Look();
    bytes += view.cursor - view.range.begin;
  }
  return std::min(bytes, entry_.size_bytes);
}

uint64_t BlobTransfer::ReceivedBytes() const {
  uint64_t bytes = ended_received_bytes_;
  for (const auto& [id, connection] : connections_) bytes += connection.receiver->Look().received_bytes;
  return bytes;
}

int BlobTransfer::Dial(int count) {
  core_.AssertCurrent();
  if (state_ != State::kMoving || audience_.empty()) return 0;
  int dialled = 0;
  while (dialled < count && DialOne()) ++dialled;
  return dialled;
}

bool BlobTransfer::DialOne() {
  constexpr int kAttempts = 3;  // the flight to be split may outrun the plan
  for (int i = 0; i < kAttempts; ++i) {
    std::vector<uint64_t> flight_ids;
    const std::optional<NextSegment> next = is_single_stream_ ? PlanStream() : PlanNext(&flight_ids);
    if (!next) return false;
    if (next->splits) {
      const Connection& split = connections_.at(flight_ids[*next->splits]);
      if (!split.receiver->Shorten(next->range.begin)) continue;
    }
    Open(next->range);
    return true;
  }
  return false;
}

std::optional<NextSegment> BlobTransfer::PlanNext(std::vector<uint64_t>* flight_ids) const {
  std::vector<Flight> flights;
  flights.reserve(connections_.size());
  for (const auto& [id, connection] : connections_) {
    const SegmentReceiver::View view = connection.receiver->Look();
    // What is being dropped keeps its range until it has reported how far it came, and is not worth
    // splitting.
    const uint64_t cursor = connection.dropped == Dropped::kNo ? view.cursor : view.range.end;
    flights.push_back({view.range, cursor, connection.movement.bytes_per_second()});
    flight_ids->push_back(id);
  }
  const TransferOptions& options = context_.options;
  return PlanSegment(entry_.size_bytes, received_, flights,
                     {options.connections_per_blob, options.min_segment_bytes, options.max_segment_bytes,
                      options.min_piece_bytes});
}

std::optional<NextSegment> BlobTransfer::PlanStream() const {
  if (!connections_.empty()) return std::nullopt;
  const std::vector<Extent> gaps = received_.Gaps({0, entry_.size_bytes});
  if (gaps.empty()) return std::nullopt;
  return NextSegment{{gaps.front().begin, gaps.back().end}, std::nullopt};
}

void BlobTransfer::Open(Extent range) {
  const Member& member = *audience_.FindOrFirst(source_of_);
  source_of_ = member.id;
  const uint64_t id = next_connection_++;
  SegmentReceiver::Events events{[relay = Relay(&BlobTransfer::OnConnectionWaiting),
                                  id](const transport::WaitInfo& info) { relay(id, info); },
                                 [relay = Relay(&BlobTransfer::OnConnectionDone),
                                  id](const absl::Status& status) { relay(id, status); }};
  const auto whole_object =
      is_single_stream_ ? SegmentReceiver::WholeObject::kSkip : SegmentReceiver::WholeObject::kGiveUp;
  std::shared_ptr<SegmentReceiver> receiver = SegmentReceiver::Start(
      range, whole_object, member.source, writer_, context_.buffers, gate_, std::move(events));
  const SteadyTime now = context_.clock.steady();
  connections_.emplace(
      id, Connection{member.id, std::move(receiver), Movement(now), attempt_, Dropped::kNo, SteadyTime()});
}

void BlobTransfer::Drop(Connection& connection, Dropped why) {
  if (connection.dropped != Dropped::kNo) return;
  connection.dropped = why;
  connection.receiver->Cancel();
}

void BlobTransfer::DropThoseOf(TransferId owner) {
  for (auto& [id, connection] : connections_) {
    if (connection.owner == owner) Drop(connection, Dropped::kSourceGone);
  }
}

void BlobTransfer::WatchConnections(SteadyTime now) {
  const bool is_budget_holding = IsHeldByBudget(now);
  for (auto& [id, connection] : connections_) {
    const SegmentReceiver::View view = connection.receiver->Look();
    const bool is_held = view.is_paused || (!view.has_started && is_budget_holding);
    connection.movement.Sample(now, view.received_bytes, is_held);
    connection.receiver->Flush();
    const auto patience =
        view.has_started ? context_.options.stall_timeout : context_.options.first_byte_timeout;
    if (connection.movement.quiet(now) >= patience) Drop(connection, Dropped::kStalled);
  }
  DropLaggard(now);
  if (attempt_ > 0 && NoteProgress()) owner_.OnDemandChanged();
}

void BlobTransfer::DropLaggard(SteadyTime now) {
  uint64_t sum = 0;
  uint64_t count = 0;
  for (const auto& [id, connection] : connections_) {
    if (!connection.receiver->Look().has_started) continue;
    sum += connection.movement.bytes_per_second();
    ++count;
  }
  if (count > 1) usual_bytes_per_second_ = sum / count;
  if (now - laggard_dropped_at_ < kLaggardPause) return;
  for (auto& [id, connection] : connections_) {
    const SegmentReceiver::View view = connection.receiver->Look();
    if (!view.has_started || connection.dropped != Dropped::kNo) continue;
    const uint64_t others =
        count > 1 ? (sum - connection.movement.bytes_per_second()) / (count - 1) : usual_bytes_per_second_;
    if (!IsLaggard(connection.movement, now, view.range.end - view.cursor, others)) continue;
    laggard_dropped_at_ = now;
    Drop(connection, Dropped::kSlow);
    return;
  }
}

// One request that is held back may hold others of the same source that wait for the link it will bring.
bool BlobTransfer::IsHeldByBudget(SteadyTime now) const {
  return std::ranges::any_of(connections_, [now](const auto& each) {
    return now < each.second.held_until && !each.second.receiver->Look().has_started;
  });
}

bool BlobTransfer::HasStartedOne() const {
  return std::ranges::any_of(connections_,
                             [](const auto& each) { return each.second.receiver->Look().has_started; });
}

void BlobTransfer::OnConnectionWaiting(uint64_t id, const transport::WaitInfo& info) {
  core_.AssertCurrent();
  const auto i = connections_.find(id);
  if (i == connections_.end() || state_ != State::kMoving) return;
  const Duration delay = std::max<Duration>(info.until - context_.clock.wall(), Duration::zero());
  i->second.held_until = context_.clock.steady() + delay;
  if (HasStartedOne()) return;
  StandStill({info, absl::OkStatus(), HeldBackError(info, delay), 0});
}

void BlobTransfer::OnConnectionDone(uint64_t id, const absl::Status& status) {
  core_.AssertCurrent();
  const auto node = connections_.extract(id);
  if (node.empty()) return;
  const Connection& connection = node.mapped();
  const SegmentReceiver::View view = connection.receiver->Look();
  Extents fetched({{view.range.begin, view.cursor}});
  for (const Extent& lost : connection.lost) fetched.Remove(lost);
  for (const Extent& extent : fetched.list()) received_.Add(extent);
  ended_received_bytes_ += view.received_bytes;
  if (state_ == State::kSettling) {
    if (connections_.empty()) OnSettled();
  } else if (state_ == State::kMoving) {
    HandleEnd(connection, view, status);
  }
}

void BlobTransfer::HandleEnd(const Connection& connection, const SegmentReceiver::View& view,
                             const absl::Status& status) {
  if (view.is_range_ignored && !is_single_stream_) {
    is_single_stream_ = true;
    Settle(AfterSettling::kRedial);
  } else if (view.cursor == view.range.end) {
    if (connection.attempt_at_dial > 0) ClearFailures();
    owner_.OnDemandChanged();
  } else if (connection.dropped == Dropped::kSlow || connection.dropped == Dropped::kSourceGone) {
    owner_.OnDemandChanged();
  } else if (connection.dropped == Dropped::kStalled) {
    HandleFailure(connection, StallError(ToMillis(connection.movement.quiet(context_.clock.steady()))));
  } else {
    HandleFailure(connection, status.ok() ? CutShortError() : status);
  }
}

void BlobTransfer::HandleFailure(const Connection& connection, const absl::Status& status) {
  NoteProgress();
  // Connections that were cut together count as one failure.
  if (connection.attempt_at_dial >= attempt_) ++attempt_;
  fetched_at_failure_ = FetchedBytes();
  switch (ChooseRemedy(status, std::max(attempt_, 1), start_overs_)) {
    case Remedy::kRedialNow:
      owner_.OnDemandChanged();
      break;
    case Remedy::kRedialLater:
      if (connection.dropped == Dropped::kStalled && attempt_ <= 1) {
        owner_.OnDemandChanged();  // it had moved before: most likely only this connection is dead
      } else {
        RetryLater(status);
      }
      break;
    case Remedy::kStartOver:
      BeginAgain(status);
      break;
    case Remedy::kGiveUp:
      GiveUp(connection.owner, status);
      break;
  }
}

bool BlobTransfer::NoteProgress() {
  const uint64_t fetched = FetchedBytes();
  if (fetched < fetched_at_failure_ + kProgressBytes && fetched < entry_.size_bytes) return false;
  ClearFailures();
  return true;
}

void BlobTransfer::ClearFailures() {
  attempt_ = 0;
  is_pausing_ = false;
  is_probing_ = false;
  cooling_until_.clear();
}

void BlobTransfer::RetryLater(const absl::Status& status) {
  if (context_.options.metrics != nullptr) context_.options.metrics->retries.Of({"transfer"}).Add();
  const double random = std::uniform_real_distribution<double>(0.0, 1.0)(context_.random);
  const Duration delay =
      NextDelay(context_.options.backoff, std::max(attempt_, 1), RetryAfterOf(status), random);
  const SteadyTime now = context_.clock.steady();
  if (connections_.empty())
    cooling_until_.clear();  // the pauses of those that failed with it: one probe is enough
  cooling_until_.push_back(now + delay);
  core_.PostAfter(delay, [weak = weak_from_this()] {
    if (const std::shared_ptr<BlobTransfer> self = weak.lock()) self->OnCooled();
  });
  if (connections_.empty()) {
    is_pausing_ = true;
    is_probing_ = true;
    const bool is_rate_limit = ReasonOf(status) == reason::kHubRateLimited;
    const transport::WaitInfo info{
        is_rate_limit ? "rate limit" : "network", repo_.id(),
        context_.clock.wall() + std::chrono::duration_cast<WallTime::duration>(delay)};
    StandStill({info, status, status, std::max(attempt_, 1)});
  }
  owner_.OnDemandChanged();
}

void BlobTransfer::OnCooled() {
  core_.AssertCurrent();
  const SteadyTime now = context_.clock.steady();
  if (std::erase_if(cooling_until_, [now](SteadyTime until) { return until <= now; }) == 0) return;
  is_pausing_ = false;
  owner_.OnDemandChanged();
}

void BlobTransfer::GiveUp(TransferId owner, const absl::Status& status) {
  if (audience_.size() <= 1) {
    Fail(status, BlobWriter::Ending::kJournal);
    return;
  }
  // What one source refuses another may give.
  std::vector<Member> refused;
  refused.push_back(audience_.Take(owner));
  if (refused.front().observer != nullptr) Part(std::move(refused), status);
  DropThoseOf(owner);
  owner_.OnDemandChanged();
  TellParting(writer_->done_bytes());
}

void BlobTransfer::StandStill(Standstill standstill) {
  standstill_ = std::move(standstill);
  TellStandstill();
}

// Unless it is over.
void BlobTransfer::TellStandstill() {
  has_newcomers_ = false;
  if (!standstill_ || state_ != State::kMoving) return;
  if (standstill_->info.until <= context_.clock.wall() || HasStartedOne()) return;
  const Standstill told = *standstill_;
  DismissImpatient(told.refusal);
  if (state_ == State::kMoving) audience_.TellWaiting(told.info, told.cause, told.attempt);
}

void BlobTransfer::DismissImpatient(const absl::Status& status) {
  std::vector<Member> impatient = audience_.TakeImpatient();
  if (impatient.empty()) return;
  for (const Member& member : impatient) DropThoseOf(member.id);
  Part(std::move(impatient), status);
  if (audience_.empty()) {
    CloseWith(BlobWriter::Ending::kJournal);
  } else {
    TellParting(writer_->done_bytes());
  }
}

}  // namespace batuta::transfer
