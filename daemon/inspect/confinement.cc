#include "daemon/inspect/confinement.h"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <iterator>
#include <vector>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "common/status/status.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BATUTA_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define BATUTA_SANITIZED 1
#endif
#endif

namespace batuta::inspect {
namespace {

// A sanitizer needs memory and system calls of its own.
#ifdef BATUTA_SANITIZED
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

constexpr uint64_t kMemoryBytes = uint64_t{1} << 30;

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t kArchitecture = 0;
#endif

// Reading what is open, answering, memory, time, and ending.
constexpr uint32_t kAllowed[] = {
    SYS_read,       SYS_readv,        SYS_pread64,      SYS_lseek,           SYS_fstat,
    SYS_newfstatat, SYS_write,        SYS_writev,       SYS_recvmsg,         SYS_recvfrom,
    SYS_sendmsg,    SYS_sendto,       SYS_close,        SYS_munmap,          SYS_mremap,
    SYS_brk,        SYS_madvise,      SYS_futex,        SYS_clock_gettime,   SYS_getrandom,
    SYS_prlimit64,  SYS_rt_sigaction, SYS_rt_sigreturn, SYS_rt_sigprocmask,  SYS_getpid,
    SYS_gettid,     SYS_tgkill,       SYS_sched_yield,  SYS_restart_syscall, SYS_exit,
    SYS_exit_group};

// The same, as long as the memory is not to be executed.
constexpr uint32_t kAllowedWithoutCode[] = {SYS_mmap, SYS_mprotect};
constexpr uint32_t kExecutable = 4;  // PROT_EXEC

// The lower half of an argument.
constexpr uint32_t ArgumentOffset(size_t index) {
  return static_cast<uint32_t>(offsetof(seccomp_data, args) + index * sizeof(uint64_t));
}

std::vector<sock_filter> MakeFilter() {
  constexpr uint32_t kLoad = BPF_LD | BPF_W | BPF_ABS;
  constexpr uint32_t kEqual = BPF_JMP | BPF_JEQ | BPF_K;
  constexpr uint32_t kHasBits = BPF_JMP | BPF_JSET | BPF_K;
  constexpr uint32_t kReturn = BPF_RET | BPF_K;
  const auto step = [](uint32_t code, uint32_t value, uint8_t if_true = 0, uint8_t if_false = 0) {
    return sock_filter{static_cast<uint16_t>(code), if_true, if_false, value};
  };
  std::vector<sock_filter> filter = {
      step(kLoad, offsetof(seccomp_data, arch)),
      step(kEqual, kArchitecture, 1, 0),
      step(kReturn, SECCOMP_RET_KILL_PROCESS),
      step(kLoad, offsetof(seccomp_data, nr)),
  };
  for (const uint32_t number : kAllowed) {
    filter.push_back(step(kEqual, number, 0, 1));
    filter.push_back(step(kReturn, SECCOMP_RET_ALLOW));
  }
  for (const uint32_t number : kAllowedWithoutCode) {
    filter.push_back(step(kEqual, number, 0, 4));
    filter.push_back(step(kLoad, ArgumentOffset(2)));
    filter.push_back(step(kHasBits, kExecutable, 1, 0));
    filter.push_back(step(kReturn, SECCOMP_RET_ALLOW));
    filter.push_back(step(kReturn, SECCOMP_RET_ERRNO | EPERM));
  }
  filter.push_back(step(kReturn, SECCOMP_RET_ERRNO | EPERM));
  return filter;
}

absl::Status Limit(int resource, uint64_t value) {
  const rlimit limit = {.rlim_cur = value, .rlim_max = value};
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0)
    return ErrnoError(errno, "set a limit");
  return absl::OkStatus();
}

}  // namespace

absl::Status ShutIn() {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return ErrnoError(errno, "end with the parent");
  if (kIsSanitized) return absl::OkStatus();
  RETURN_IF_ERROR(Limit(RLIMIT_CORE, 0));
  RETURN_IF_ERROR(Limit(RLIMIT_FSIZE, 0));
  RETURN_IF_ERROR(Limit(RLIMIT_AS, kMemoryBytes));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return ErrnoError(errno, "give up new privileges");
  if (kArchitecture == 0) return absl::OkStatus();
  std::vector<sock_filter> filter = MakeFilter();
  const sock_fprog program = {.len = static_cast<unsigned short>(filter.size()), .filter = filter.data()};
  // EINVAL: a kernel without it; then the limits alone hold.
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0 && errno != EINVAL) {
    return ErrnoError(errno, "give up system calls");
  }
  return absl::OkStatus();
}

void LimitProcessorSeconds(uint64_t seconds) {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  rlimit limit{};
  if (::getrlimit(RLIMIT_CPU, &limit) != 0) return;
  limit.rlim_cur = static_cast<rlim_t>(used.tv_sec) + 1 + seconds;
  ::setrlimit(RLIMIT_CPU, &limit);
}

}  // namespace batuta::inspect
