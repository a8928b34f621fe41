#pragma once

// Names of the metadata that a call to the daemon may carry.
namespace batuta {

// The caller's hub token. Held in memory only, sent to the configured endpoint only; never logged.
inline constexpr char kHubTokenKey[] = "x-batuta-hub-token";

// The name that the calling tool gives itself: a hint for people and for fair queueing, never for permission.
inline constexpr char kToolKey[] = "x-batuta-tool";

}  // namespace batuta
