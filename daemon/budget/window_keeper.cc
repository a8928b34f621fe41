#include "daemon/budget/window_keeper.h"

#include <algorithm>
#include <chrono>

#include "common/log/log.h"
#include "common/status/status.h"
#include "daemon/budget/window_record.h"

namespace batuta::budget {
namespace {

constexpr std::chrono::hours kForgetAfter{30 * 24};

}  // namespace

WindowState StateAt(const Admission::Status& status, SteadyTime now, WallTime wall_now) {
  WindowState state = status.state;
  const Duration left =
      status.opens_at ? std::max(*status.opens_at - now, Duration::zero()) : Duration::zero();
  state.resets_at = wall_now + std::chrono::duration_cast<WallTime::duration>(left);
  return state;
}

void WindowKeeper::Load(Admission& admission, SteadyTime now, WallTime wall_now) {
  metadata::WriteBatch stale;
  const std::string prefix = endpoint_ + "\n";
  const absl::Status scanned =
      store_.Scan(metadata::Table::kWindows, prefix, [&](std::string_view key, std::string_view value) {
        const std::optional<WindowKey> window = ParseRecordKey(endpoint_, key);
        const std::optional<WindowRecord> record = DecodeRecord(value);
        if (!window || !record || wall_now - record->saved_at > kForgetAfter) {
          stale.Delete(metadata::Table::kWindows, std::string(key));
        } else {
          admission.Restore(*window, record->state, record->spending, ResetIn(*record, wall_now), now);
        }
        return true;
      });
  if (!scanned.ok()) {
    LogWarn("rate-limit windows not loaded; they begin anew", Field("error", MessageOf(scanned)));
    return;
  }
  if (!stale.changes().empty()) Write(stale);
}

void WindowKeeper::Save(const Admission& admission, SteadyTime now, WallTime wall_now) {
  metadata::WriteBatch batch;
  for (const WindowKey& key : changed_) {
    const std::optional<Admission::Status> status = admission.WindowOf(key, now);
    if (!status) continue;
    const WindowRecord record{
        .state = StateAt(*status, now, wall_now), .saved_at = wall_now, .spending = status->spending};
    batch.Put(metadata::Table::kWindows, RecordKey(endpoint_, key), EncodeRecord(record));
  }
  changed_.clear();
  if (!batch.changes().empty()) Write(batch);
}

void WindowKeeper::Write(const metadata::WriteBatch& batch) {
  const absl::Status written = store_.Write(batch, metadata::Durability::kProcess);
  if (written.ok() == !is_failing_) return;
  is_failing_ = !written.ok();
  if (is_failing_) {
    LogWarn("rate-limit windows not saved; a restart would forget them", Field("error", MessageOf(written)));
  } else {
    LogInfo("rate-limit windows are saved again");
  }
}

}  // namespace batuta::budget
