#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/time/clock.h"
#include "daemon/cache/readers.h"

// Who may read what the shared cache has of a repo. Pure.
namespace batuta::entitlement {

// Whom the hub gives a repo's files to.
enum class Gate {
  kPublic,
  kGated,    // those who were granted access; everybody may see that it exists
  kPrivate,  // its members; for others it does not exist. So is a repo of which the hub has said nothing yet
};

// "public", "gated", "private".
std::string_view ToString(Gate gate);

// How long what the hub said holds.
struct Lifetimes {
  std::chrono::milliseconds grant{std::chrono::hours(24)};   // of a proof, for reading
  std::chrono::milliseconds proof{std::chrono::minutes(5)};  // before a pull puts the question again
};

// What is known of a repo.
struct RepoAccess {
  Gate gate = Gate::kPrivate;
  WallTime told_at;                          // when the hub said so
  std::map<uint32_t, WallTime> proofs = {};  // uid → when the hub last took that user's token for it
  std::string commit = {};                   // hex of the one that was there then; "" = not known

  friend bool operator==(const RepoAccess&, const RepoAccess&) = default;
};

// Of a proof that was made at `proved_at`. What comes from the future (the clock was set back) does not hold.
bool Holds(WallTime proved_at, WallTime now, std::chrono::milliseconds lifetime);

bool MayRead(const RepoAccess& access, uint32_t uid, WallTime now, const Lifetimes& lifetimes);

cache::Readers ReadersOf(const RepoAccess& access, WallTime now, const Lifetimes& lifetimes);

// What is to be done for somebody who wants to read.
enum class Step { kAdmit, kRefuse, kAsk };

// `access`: null = nothing is known. `may_ask`: the hub can be asked. `brings`: hex of the commit of which
// something is to be fetched; empty: it is all there.
Step NextStep(const RepoAccess* access, uint32_t uid, WallTime now, const Lifetimes& lifetimes, bool may_ask,
              std::string_view brings = {});

std::string Encode(const RepoAccess& access);

// Nothing when it is no such record.
std::optional<RepoAccess> Decode(std::string_view text);

}  // namespace batuta::entitlement
