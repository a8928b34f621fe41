#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/time/clock.h"
#include "daemon/budget/window.h"
#include "daemon/transport/http_transport.h"

namespace batuta::budget {

// The order of things: requests sent and answers heard share one ever growing count. An answer to a request
// that was sent after the last news of a window is newer than that news; any other may be older.
using Stamp = uint64_t;

// What a window learns from the end of one request.
struct Answer {
  int status = 0;           // 0: no answer came
  bool never_sent = false;  // … because no connection was made
  std::optional<RateLimitHeaders> limit;
  std::optional<std::chrono::milliseconds> retry_after;

  // The server asks to wait: 429, or 503 with Retry-After.
  bool IsRefusal() const { return status == 429 || (status == 503 && retry_after.has_value()); }
};

// Status and headers of an answer; `now` dates a Retry-After that is a date. Pure.
Answer AnswerOf(const transport::HttpHead& head, WallTime now);

// What a request has to say for itself.
struct Claim {
  Priority priority = Priority::kNormal;

  // Its principal has used less of the window than an equal part; or it is a person's question.
  bool is_within_share = true;
};

// May a request be sent now?
struct Gate {
  enum class State {
    kOpen,
    kPaced,  // in a moment: at `until`, or, without one, when an answer comes
    kSpent,  // at `until`: the window's reset, the end of what a refusal asked for, or a turn that is far off
  };

  State state = State::kOpen;
  std::optional<SteadyTime> until;
  bool is_hub_busy = false;  // spent because of a 503, not of a rate limit
};

// WindowLedger is the arithmetic of one window, in steady time: pure, single-threaded, no I/O. Random numbers
// in [0, 1) are passed in.
//
// What may be sent is the server's last word minus every request that is under way, for the server may have
// counted none of them yet: a burst cannot overshoot. Nothing is taken on trust: a reset lies at most one
// window length ahead, a length between 1 s and 1 h, a quota between 1 and a million.
//
// While there is plenty, requests burst. Of the last quarter, whoever has had an equal part already is given
// what is left at an even pace until the reset, so that somebody who comes late still finds his share. The
// part for interactive callers (as long as they keep within their share) shrinks with the time to the reset:
// what nobody needed of it is used.
class WindowLedger {
 public:
  static constexpr std::chrono::seconds kLongestWait{3600};

  // A turn that is further off than this is worth telling those who wait, and refusing those who may not.
  static constexpr std::chrono::seconds kLongPace{5};
  static constexpr uint64_t kLargestQuota = 1'000'000;

  // Requests in flight before the first answer of a window: until then nobody knows what others have used.
  static constexpr uint64_t kUnheardInFlight = 16;

  // When none of them has been answered for so long, one more goes: a tool may never say what came of its
  // reservations, and a connection may hang.
  static constexpr std::chrono::seconds kUnheardPatience{5};

  // After a refusal or a spent window: requests are spaced by 10–30 ms for so long.
  static constexpr std::chrono::milliseconds kRamp{500};

  // `interactive_share` of the quota, rounded down, is for interactive callers only, when the window begins.
  WindowLedger(uint64_t quota, std::chrono::seconds length, double interactive_share);

  // What a restart remembers. `closed` and `reset_in` count from now.
  void Restore(const WindowState& state, Duration reset_in, SteadyTime now);

  // Lets time pass: the end of a refusal, the reset. `latest` is the highest stamp given out. True at the
  // reset.
  bool Advance(Stamp latest, SteadyTime now);

  Gate Check(const Claim& claim, SteadyTime now) const;

  // A request is sent: count it. Its stamp is higher than any `latest` before.
  void Charge(const Claim& claim, SteadyTime now, double random);

  // The end of a charged request, whatever came of it. `has_word`: Learn() follows for this window; without
  // one a window whose numbers the server once told counts for itself. (A server that tells none has none:
  // only what is under way is limited then, and refusals count.)
  void Finish(Stamp stamp, const Answer& answer, bool has_word);

  // News of this window in the answer to the request of that stamp.
  void Learn(Stamp stamp, Stamp latest, const RateLimitHeaders& limit, SteadyTime now);

  // The answer to that request was a refusal, or was none.
  void Close(Stamp stamp, Stamp latest, const Answer& answer, SteadyTime now, double random);
  void NoteAccepted(Stamp stamp);

  // Nothing under way, not closed, and a full quota: forgetting it loses nothing but the learned quota.
  bool IsIdle() const { return in_flight_ == 0 && !closed_until_ && !resets_at_; }

  uint64_t quota() const { return quota_; }

  std::chrono::seconds length() const { return length_; }

  uint64_t available() const { return remaining_ > in_flight_ ? remaining_ - in_flight_ : 0; }

  bool is_learned() const { return is_learned_; }

  bool is_closed() const { return closed_until_.has_value(); }

  // So little is left that those who had their part are paced.
  bool is_scarce() const { return is_learned_ && available() < quota_ / kScarcePart; }

  // When the window is whole again: the end of a refusal, else the reset; nullopt when it has not begun.
  std::optional<SteadyTime> opens_at() const { return closed_until_ ? closed_until_ : resets_at_; }

 private:
  static constexpr uint64_t kScarcePart = 4;

  Duration LeftIn(SteadyTime now) const;
  uint64_t Reserve(SteadyTime now) const;
  SteadyTime ReserveBelow(uint64_t count) const;
  bool IsPaced(const Claim& claim) const;
  Gate Pace(SteadyTime until, SteadyTime now) const;
  void BeginWindow(Stamp latest);

  uint64_t quota_;
  std::chrono::seconds length_;
  const double interactive_share_;
  uint64_t remaining_;  // the server's last word, minus what was answered since without a word
  uint64_t in_flight_ = 0;
  std::optional<SteadyTime> resets_at_;  // nullopt: the window begins with the next request
  bool is_guess_ = false;                // resets_at_ is ours, not the server's
  bool is_learned_ = false;
  Stamp heard_at_ = 0;  // of the last news

  Stamp begun_at_ = 0;     // of the present window
  bool is_heard_ = false;  // an answer came in the present window
  uint64_t unheard_in_flight_ = 0;
  SteadyTime unheard_at_;  // when the last of them was sent

  std::optional<SteadyTime> closed_until_;
  Stamp closed_at_ = 0;
  bool is_hub_busy_ = false;  // what closed it was a 503
  int refusals_ = 0;          // in a row, of those that did not say for how long

  SteadyTime ramp_until_;
  SteadyTime next_send_;
  SteadyTime paced_at_;  // when the last one that is paced was sent
};

}  // namespace batuta::budget
