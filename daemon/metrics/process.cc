#include "daemon/metrics/process.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <sys/resource.h>
#include <unistd.h>

namespace batuta::metrics {
namespace {

uint64_t EntriesOf(const char* folder) {
  std::error_code error;
  uint64_t count = 0;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    ++count;
  }
  return count;
}

double SecondsOf(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

struct MemoryReading {
  uint64_t virtual_bytes = 0;
  uint64_t resident_bytes = 0;
};

MemoryReading ReadMemory() {
  const auto page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::ifstream statm("/proc/self/statm");
  uint64_t pages = 0;
  uint64_t resident_pages = 0;
  statm >> pages >> resident_pages;
  return {.virtual_bytes = pages * page_bytes, .resident_bytes = resident_pages * page_bytes};
}

}  // namespace

uint64_t ReadResidentBytes() {
  return ReadMemory().resident_bytes;
}

ProcessReading ReadProcess() {
  ProcessReading reading;
  const MemoryReading memory = ReadMemory();
  reading.virtual_bytes = memory.virtual_bytes;
  reading.resident_bytes = memory.resident_bytes;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    reading.cpu_seconds = SecondsOf(usage.ru_utime) + SecondsOf(usage.ru_stime);
  }
  reading.threads = EntriesOf("/proc/self/task");
  reading.open_files = EntriesOf("/proc/self/fd");
  if (reading.open_files > 0) --reading.open_files;  // the folder's own
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY) {
    reading.open_files_limit = files.rlim_cur;
  }
  return reading;
}

}  // namespace batuta::metrics
