#include "common/sync/thread_name.h"

#include <pthread.h>

namespace batuta {

void NameThisThread(const std::string& name) {
  constexpr size_t kKernelLimit = 15;
  pthread_setname_np(pthread_self(), name.substr(0, kKernelLimit).c_str());
}

}  // namespace batuta
