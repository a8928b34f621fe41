#include "daemon/budget/window_ledger.h"

#include <algorithm>
#include <cmath>

namespace batuta::budget {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The server counts in whole seconds.
constexpr seconds kMargin{1};

// Two resets closer than this are the same one, told twice.
constexpr seconds kSameReset{2};

// How far apart those who wait for the same reset (also on other machines) begin.
constexpr milliseconds kOpeningJitter{250};

milliseconds Fraction(milliseconds whole, double random) {
  return milliseconds(std::llround(static_cast<double>(whole.count()) * random));
}

uint64_t ClampQuota(uint64_t quota) {
  return std::clamp<uint64_t>(quota, 1, WindowLedger::kLargestQuota);
}

seconds ClampLength(seconds length) {
  return std::clamp(length, seconds(1), WindowLedger::kLongestWait);
}

// 1 s, 2 s, 4 s … 60 s.
milliseconds BackOff(int refusals) {
  constexpr int kCapAfter = 7;
  if (refusals >= kCapAfter) return seconds(60);
  return seconds(1LL << std::max(refusals - 1, 0));
}

}  // namespace

WindowLedger::WindowLedger(uint64_t quota, seconds length, double interactive_share)
    : quota_(ClampQuota(quota)),
      length_(ClampLength(length)),
      interactive_share_(std::clamp(interactive_share, 0.0, 0.9)),
      remaining_(quota_) {}

void WindowLedger::Restore(const WindowState& state, Duration reset_in, SteadyTime now) {
  if (state.quota > 0) quota_ = ClampQuota(state.quota);
  length_ = ClampLength(state.length);
  remaining_ = quota_;
  is_learned_ = state.learned;
  if (reset_in <= Duration::zero()) return;
  const SteadyTime until = now + std::min<Duration>(reset_in, kLongestWait);
  if (state.closed) {
    closed_until_ = until;
  } else {
    if (state.quota > 0) remaining_ = std::min(state.remaining, quota_);
    resets_at_ = std::min(until, now + length_ + kMargin);
  }
}

// Until the server begins a new window, by its own word; at most its length.
Duration WindowLedger::LeftIn(SteadyTime now) const {
  return std::clamp<Duration>(*resets_at_ - kMargin - now, Duration::zero(), length_);
}

// The part that is for interactive callers now: all of it when the window begins, nothing at its end.
uint64_t WindowLedger::Reserve(SteadyTime now) const {
  const double whole = std::floor(static_cast<double>(quota_) * interactive_share_);
  if (!resets_at_) return static_cast<uint64_t>(whole);
  const std::chrono::duration<double> left_s = LeftIn(now);
  return static_cast<uint64_t>(std::floor(whole * left_s.count() / static_cast<double>(length_.count())));
}

// When Reserve() falls below `count`, which is more than nothing.
SteadyTime WindowLedger::ReserveBelow(uint64_t count) const {
  const double whole = std::floor(static_cast<double>(quota_) * interactive_share_);
  const double left_s = static_cast<double>(count) * static_cast<double>(length_.count()) / whole;
  const auto left = std::chrono::floor<milliseconds>(std::chrono::duration<double>(left_s)) - milliseconds(1);
  return *resets_at_ - kMargin - left;
}

void WindowLedger::BeginWindow(Stamp latest) {
  begun_at_ = latest;
  is_heard_ = false;
  unheard_in_flight_ = 0;
}

bool WindowLedger::Advance(Stamp latest, SteadyTime now) {
  const bool was_scarce = is_closed() || is_scarce() || available() == 0;
  const bool is_reset = resets_at_ && now >= *resets_at_;
  const bool is_reopened = closed_until_ && now >= *closed_until_;
  if (is_reset) {
    remaining_ = quota_;
    resets_at_.reset();
    is_guess_ = false;
  }
  if (is_reopened) closed_until_.reset();
  if ((is_reset || is_reopened) && !is_closed()) {
    BeginWindow(latest);
    if (was_scarce) ramp_until_ = now + kRamp;
  }
  return is_reset;
}

bool WindowLedger::IsPaced(const Claim& claim) const {
  return !claim.is_within_share && is_scarce() && resets_at_;
}

Gate WindowLedger::Pace(SteadyTime until, SteadyTime now) const {
  if (until <= now) return {Gate::State::kOpen, std::nullopt, false};
  return {until - now > kLongPace ? Gate::State::kSpent : Gate::State::kPaced, until, false};
}

Gate WindowLedger::Check(const Claim& claim, SteadyTime now) const {
  if (closed_until_) return {Gate::State::kSpent, closed_until_, is_hub_busy_};
  const bool has_reserve = claim.priority == Priority::kInteractive && claim.is_within_share;
  const uint64_t floor = has_reserve ? 0 : Reserve(now);
  if (available() <= floor) {
    // What is under way may turn out to be counted already: the next answer tells.
    if (remaining_ > floor) return {Gate::State::kPaced, std::nullopt, false};
    if (remaining_ == 0 || !resets_at_) return {Gate::State::kSpent, resets_at_, false};
    return Pace(std::min(ReserveBelow(remaining_), *resets_at_), now);
  }
  if (!is_heard_) {
    // Where nobody said how long to wait, one goes first and finds out, however long that takes.
    if (refusals_ > 0 && unheard_in_flight_ > 0) return {Gate::State::kPaced, std::nullopt, false};
    const SteadyTime patient_until = unheard_at_ + kUnheardPatience;
    if (unheard_in_flight_ >= kUnheardInFlight && now < patient_until)
      return {Gate::State::kPaced, patient_until, false};
  }
  if (now < ramp_until_ && now < next_send_) return {Gate::State::kPaced, next_send_, false};
  if (!IsPaced(claim)) return {Gate::State::kOpen, std::nullopt, false};
  const auto spendable = static_cast<Duration::rep>(available() - floor);
  return Pace(paced_at_ + LeftIn(now) / spendable, now);
}

void WindowLedger::Charge(const Claim& claim, SteadyTime now, double random) {
  if (IsPaced(claim)) paced_at_ = now;
  ++in_flight_;
  if (!is_heard_) {
    ++unheard_in_flight_;
    unheard_at_ = now;
  }
  if (!resets_at_) {
    resets_at_ = now + length_;
    is_guess_ = true;
  }
  if (now < ramp_until_) next_send_ = now + milliseconds(10) + Fraction(milliseconds(20), random);
}

void WindowLedger::Finish(Stamp stamp, const Answer& answer, bool has_word) {
  if (in_flight_ > 0) --in_flight_;
  const bool is_of_this_window = stamp > begun_at_;
  if (is_of_this_window && unheard_in_flight_ > 0) --unheard_in_flight_;
  if (answer.status != 0 && is_of_this_window) is_heard_ = true;
  // Between two windows there is nothing to take it from, and no reset would ever give it back.
  if (!has_word && !answer.never_sent && is_learned_ && resets_at_ && remaining_ > 0) --remaining_;
}

void WindowLedger::NoteAccepted(Stamp stamp) {
  if (stamp > closed_at_) refusals_ = 0;
}

void WindowLedger::Learn(Stamp stamp, Stamp latest, const RateLimitHeaders& limit, SteadyTime now) {
  if (limit.quota && *limit.quota > 0) quota_ = ClampQuota(*limit.quota);
  if (limit.length && limit.length->count() > 0) length_ = ClampLength(*limit.length);
  uint64_t remaining = std::min(limit.remaining, kLargestQuota);
  if (remaining > quota_) {
    // With a quota of its own the header contradicts itself; without one it tells of a larger plan than we
    // knew.
    if (limit.quota) {
      remaining = quota_;
    } else {
      quota_ = remaining;
    }
  }
  SteadyTime resets_at = now + std::clamp(limit.reset_in, seconds(0), length_) + kMargin;
  const bool is_newer = stamp > heard_at_ || !is_learned_ || is_guess_ || !resets_at_;
  if (!is_newer) {
    if (resets_at + kSameReset < *resets_at_) return;  // from the window before
    if (resets_at <= *resets_at_ + kSameReset) remaining = std::min(remaining, remaining_);
  }
  // Each answer puts a bound on the one reset, in whole seconds of its own: the earliest is the closest.
  const bool is_told_again = !is_guess_ && resets_at_ && resets_at <= *resets_at_ + kSameReset &&
                             *resets_at_ <= resets_at + kSameReset;
  if (is_told_again) resets_at = std::min(resets_at, *resets_at_);
  remaining_ = remaining;
  resets_at_ = resets_at;
  is_guess_ = false;
  is_learned_ = true;
  heard_at_ = latest;
}

void WindowLedger::Close(Stamp stamp, Stamp latest, const Answer& answer, SteadyTime now, double random) {
  std::optional<milliseconds> delay;
  if (answer.limit && answer.limit->remaining == 0)
    delay = std::min(answer.limit->reset_in, length_) + kMargin;
  if (answer.retry_after) delay = std::max(delay.value_or(milliseconds(0)), *answer.retry_after);
  // A time that is over says nothing. Requests that were under way when the window closed are refused as
  // well, and tell nothing new.
  if (!delay || *delay <= milliseconds(0)) {
    if (stamp > closed_at_) ++refusals_;
    delay = BackOff(refusals_);
  }
  const SteadyTime until =
      now + std::min<milliseconds>(*delay, kLongestWait) + Fraction(kOpeningJitter, random);
  closed_until_ = std::max(closed_until_.value_or(until), until);
  closed_at_ = latest;
  is_hub_busy_ = answer.status == 503;
}

}  // namespace batuta::budget
