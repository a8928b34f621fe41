#include "daemon/cache/boot_id.h"

#include <fstream>
#include <random>

#include <fmt/format.h>

namespace batuta::cache {

std::string ReadBootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  if (std::getline(file, id) && !id.empty()) return id;
  std::random_device random;
  return fmt::format("process-{:08x}{:08x}{:08x}", random(), random(), random());
}

}  // namespace batuta::cache
