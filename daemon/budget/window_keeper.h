#pragma once

#include <set>
#include <string>

#include "common/time/clock.h"
#include "daemon/budget/admission.h"
#include "daemon/metadata/metadata_store.h"

namespace batuta::budget {

// WindowKeeper keeps the windows of one endpoint in the catalog. Not thread-safe. A catalog that fails is
// logged once, and once when it works again: the budget then only forgets more at a restart.
class WindowKeeper {
 public:
  // The store outlives the keeper.
  WindowKeeper(std::string endpoint, metadata::MetadataStore& store)
      : endpoint_(std::move(endpoint)), store_(store) {}

  // Puts every window of the endpoint into `admission`. Rows that cannot be read, or that nobody has used for
  // a month, are deleted.
  void Load(Admission& admission, SteadyTime now, WallTime wall_now);

  void MarkChanged(const WindowKey& window) { changed_.insert(window); }

  bool has_changes() const { return !changed_.empty(); }

  // Writes what changed: survives the process (kProcess), and is a few microseconds of work, without a sync.
  void Save(const Admission& admission, SteadyTime now, WallTime wall_now);

 private:
  void Write(const metadata::WriteBatch& batch);

  const std::string endpoint_;
  metadata::MetadataStore& store_;
  std::set<WindowKey> changed_;
  bool is_failing_ = false;
};

// The state of a window with its reset in wall time; one that has not begun resets "now".
WindowState StateAt(const Admission::Status& status, SteadyTime now, WallTime wall_now);

}  // namespace batuta::budget
