#pragma once

#include <cstdint>

namespace batuta::metrics {

// What this process takes of the machine; 0 where that cannot be told.
struct ProcessReading {
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  double cpu_seconds = 0;  // of all threads, since the start
  uint64_t threads = 0;
  uint64_t open_files = 0;        // descriptors
  uint64_t open_files_limit = 0;  // RLIMIT_NOFILE; 0 = none
};

// The first of them alone.
uint64_t ReadResidentBytes();

// Reads /proc; some system calls, which do not wait for a disk.
ProcessReading ReadProcess();

}  // namespace batuta::metrics
