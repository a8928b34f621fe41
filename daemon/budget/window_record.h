#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/time/clock.h"
#include "daemon/budget/admission.h"
#include "daemon/budget/window.h"

namespace batuta::budget {

// One row of Table::kWindows: a window as it stood at `saved_at`.
struct WindowRecord {
  WindowState state;  // its resets_at is the end of a refusal, else the reset, else saved_at
  WallTime saved_at;
  std::vector<Spending> spending;  // without `waiting`; missing in rows of older versions
};

// Key of a row: endpoint, identity and kind, one a line.
std::string RecordKey(std::string_view endpoint, const WindowKey& window);

// The window of a row of this endpoint; nullopt for other rows.
std::optional<WindowKey> ParseRecordKey(std::string_view endpoint, std::string_view key);

// JSON with "v": 1; what later versions add to it is passed over. Nothing of a token is in it.
std::string EncodeRecord(const WindowRecord& record);

// nullopt when it cannot be read.
std::optional<WindowRecord> DecodeRecord(std::string_view text);

// How long after `now` the window of the record resets: never longer than it had when it was saved, nor than
// an hour, whatever the wall clock did meanwhile; zero or less when that is over.
Duration ResetIn(const WindowRecord& record, WallTime now);

}  // namespace batuta::budget
