#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/time/clock.h"

// Which selections go when space is wanted, in which order, and why each of the others stays. Pure.
namespace batuta::eviction {

// Everything that can be decided about. Indices name the elements of these vectors.
struct Inventory {
  // A snapshot: the selections of one commit of a repo.
  struct Snapshot {
    std::string name;             // "model acme/otter@3f1c9a7e"
    std::vector<uint32_t> needs;  // snapshots of its bases
  };

  struct Selection {
    uint32_t snapshot = 0;
    std::vector<uint32_t> blobs;  // each once
    WallTime last_access;
    std::optional<std::string> pin = {};  // why it is pinned
    uint32_t leases = 0;                  // streams of clients and running jobs that use it
    bool is_open = false;                 // a process has one of its files open or mapped
    bool is_being_filled = false;         // another program writes to its repo
  };

  std::vector<Snapshot> snapshots;
  std::vector<Selection> selections;
  std::vector<uint64_t> blob_bytes;  // on the disk, each file once
};

// How full the cache may be.
struct Quota {
  uint64_t max_bytes = 0;       // of the cache; 0 = no limit
  uint64_t min_free_bytes = 0;  // of the file system
  int high_percent = 100;       // of max_bytes: above it eviction begins …
  int low_percent = 100;        // … and goes on down to here
};

struct Usage {
  uint64_t used_bytes = 0;       // by the cache, with what is there of files on their way in
  uint64_t unwritten_bytes = 0;  // promised to pulls, and not on the disk yet
  uint64_t free_bytes = 0;       // on the file system
};

// How much to free.
struct Goal {
  uint64_t must_bytes = 0;    // else what was asked for does not fit
  uint64_t wanted_bytes = 0;  // ≥ must_bytes: down to the low water, so that it is not needed again at once

  friend bool operator==(const Goal&, const Goal&) = default;
};

Goal GoalFor(const Quota& quota, const Usage& usage);

enum class Reason {
  kOldest,  // goes: the least recently used of those that may
  kPinned,  // stays, as do all below
  kLeased,
  kOpen,
  kFilled,        // another program writes to its repo
  kNeeded,        // a cached model needs it as its base
  kRecent,        // enough was freed before its turn came
  kFreesNothing,  // it was due, but without it nothing more is freed that is wanted
};

struct Decision {
  uint32_t selection = 0;
  Reason reason = Reason::kRecent;
  uint64_t freed_bytes = 0;      // on the disk, when it goes in this order: blobs that nothing else holds
  WallTime counts_as_used = {};  // its last access, or that of a model that needs it
  std::optional<uint32_t> because = {};  // the snapshot that needs it, or that it counts as used through
};

struct Plan {
  std::vector<Decision> evicted;  // in the order in which they go
  std::vector<Decision> kept;     // in the order of the inventory
  uint64_t freed_bytes = 0;
  bool is_enough = true;  // freed_bytes ≥ must_bytes
};

// Least recently used first, counting a base as used when a model that needs it was. Never one that is
// pinned, leased or open, nor one whose snapshot a remaining snapshot needs; so a base can go only after the
// last model that needs it. Of models that need each other in a circle, no edge back protects. A selection
// that would free nothing that is wanted is spared.
Plan PlanEviction(const Inventory& inventory, const Goal& goal);

// What each of the selections frees when they go in this order.
std::vector<uint64_t> FreedInOrder(const Inventory& inventory, const std::vector<uint32_t>& selections);

// The line that `--dry-run` and `cache why` show: "pinned: demo on Friday".
std::string Explain(const Decision& decision, const Inventory& inventory, WallTime now);

}  // namespace batuta::eviction
