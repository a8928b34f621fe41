#include "daemon/doctor/judge.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/text/human.h"
#include "common/text/url.h"

namespace batuta::doctor {
namespace {

using std::chrono::seconds;

constexpr seconds kClockNoticed{30};
constexpr seconds kClockWrong{300};  // signed links and certificates begin to fail
constexpr seconds kFileClockNoticed{5};
constexpr uint64_t kGigabyte = 1'000'000'000;
constexpr uint64_t kStateNeeds = 64'000'000;
constexpr uint64_t kStateLikes = 512'000'000;
constexpr uint64_t kFewFiles = 10'000;
constexpr uint64_t kFilesNeeded = 1'024;
constexpr uint32_t kGroupWrites = 020;
constexpr uint32_t kOthersWrite = 02;
constexpr uint32_t kOthersRead = 04;

class Findings {
 public:
  void Ok(std::string_view name, std::string detail, std::string hint = {}) {
    Add(name, CheckStatus::kOk, std::move(detail), std::move(hint));
  }

  void Warn(std::string_view name, std::string detail, std::string hint) {
    Add(name, CheckStatus::kWarn, std::move(detail), std::move(hint));
  }

  void Fail(std::string_view name, std::string detail, std::string hint) {
    Add(name, CheckStatus::kFail, std::move(detail), std::move(hint));
  }

  std::vector<Check> Take() { return std::move(checks_); }

 private:
  void Add(std::string_view name, CheckStatus status, std::string detail, std::string hint) {
    checks_.push_back({std::string(name), status, std::move(detail), std::move(hint)});
  }

  std::vector<Check> checks_;
};

std::string NameOf(std::string_view group, std::string_view check) {
  return fmt::format("{}.{}", group, check);
}

// `3 m 20 s ahead of`, `12 s behind`
std::string AheadText(seconds ahead) {
  return fmt::format("{} {}", FormatDuration(seconds(std::abs(ahead.count()))),
                     ahead.count() < 0 ? "behind" : "ahead of");
}

// --- network ----------------------------------------------------------------------

void JudgeProxy(const NetworkFacts& network, Findings& findings) {
  constexpr std::string_view kName = "network.proxy";
  const std::string described = Describe(network.proxies);
  const bool is_https = network.endpoint.starts_with("https:");
  if (!is_https && network.proxies.has_ignored_http && network.proxy.empty()) {
    return findings.Warn(kName, described,
                         "HTTP_PROXY in upper case is not heeded: set http_proxy, and start the daemon anew");
  }
  if (is_https && network.proxies.http && !network.proxies.https && !network.proxies.all) {
    return findings.Warn(
        kName, described,
        "the hub is asked over https, without a proxy: set HTTPS_PROXY as well, and start the "
        "daemon anew");
  }
  findings.Ok(kName, described);
}

void JudgeCa(const NetworkFacts& network, Findings& findings) {
  constexpr std::string_view kName = "network.ca_file";
  if (!network.ca_trouble.empty()) {
    return findings.Fail(kName, fmt::format("{}: {}", Printable(network.ca_file), network.ca_trouble),
                         "name a file of certificates in PEM: SSL_CERT_FILE, or tls.ca_file in config.toml");
  }
  if (network.ca_file.empty() && !network.other_ca_variable.empty()) {
    return findings.Warn(kName, fmt::format("the system's; {} is not heeded", network.other_ca_variable),
                         "set SSL_CERT_FILE to that file if the hub is behind a proxy that signs for it");
  }
  findings.Ok(kName, network.ca_file.empty() ? "the system's" : Printable(network.ca_file));
}

void JudgeDns(const NetworkFacts& network, Findings& findings) {
  constexpr std::string_view kName = "network.dns";
  if (network.dns_trouble.empty()) {
    return findings.Ok(kName, fmt::format("{}: {} addresses", network.host, network.addresses));
  }
  const std::string detail = fmt::format("{}: {}", Printable(network.host), network.dns_trouble);
  if (network.proxy.empty()) {
    return findings.Fail(
        kName, detail,
        "see whether the machine has a network and a resolver; behind a proxy set HTTPS_PROXY");
  }
  findings.Fail(kName, detail, "the proxy has no such name: correct HTTPS_PROXY");
}

void JudgeReach(const NetworkFacts& network, Findings& findings) {
  constexpr std::string_view kName = "network.hub";
  const std::string through =
      network.proxy.empty() ? std::string() : " through " + WithoutPassword(network.proxy);
  if (network.is_rate_limited) {
    return findings.Warn(kName, fmt::format("{}: its rate limit is used up", network.endpoint),
                         "`batuta hf limits` shows when it opens again; work goes on by itself then");
  }
  if (!network.trouble.empty()) {
    return findings.Fail(kName, fmt::format("{}{}: {}", network.endpoint, through, network.trouble),
                         "what is cached is served all the same; see to network, proxy and HF_ENDPOINT");
  }
  const std::string detail = fmt::format("{}{} answered {} in {}", network.endpoint, through, network.status,
                                         FormatDuration(network.took));
  constexpr int kProxyWantsPassword = 407;
  constexpr int kServerError = 500;
  if (network.status == kProxyWantsPassword) {
    return findings.Fail(kName, detail, "the proxy wants a user and a password: put them into HTTPS_PROXY");
  }
  if (network.status >= kServerError) {
    return findings.Warn(kName, detail, "the hub has trouble of its own; jobs wait and go on by themselves");
  }
  findings.Ok(kName, detail);
}

void JudgeClock(const NetworkFacts& network, Findings& findings) {
  constexpr std::string_view kName = "network.clock";
  if (!network.clock_ahead) return;
  const seconds off(std::abs(network.clock_ahead->count()));
  if (off < kClockNoticed) return findings.Ok(kName, "as the hub's");
  const std::string detail = fmt::format("{} the hub's", AheadText(*network.clock_ahead));
  constexpr std::string_view kHint = "set it, and keep it right with NTP (timedatectl set-ntp true)";
  if (off < kClockWrong) return findings.Warn(kName, detail, std::string(kHint));
  findings.Fail(kName, detail, fmt::format("signed links and certificates fail: {}", kHint));
}

void JudgeNetwork(const NetworkFacts& network, Findings& findings) {
  JudgeProxy(network, findings);
  JudgeCa(network, findings);
  if (!network.was_asked) {
    return findings.Ok("network.hub", fmt::format("{}: not asked, {}", network.endpoint, network.why_not));
  }
  JudgeDns(network, findings);
  // Who has no address cannot be reached; to say so twice helps nobody.
  if (network.dns_trouble.empty()) JudgeReach(network, findings);
  JudgeClock(network, findings);
}

// --- folders ----------------------------------------------------------------------

struct FileSystemWord {
  std::string_view name;
  std::string_view for_state;  // what to do; empty: nothing
  std::string_view for_cache;
};

constexpr std::string_view kLocalState =
    "keep the state folder on a disk of this machine (XDG_STATE_HOME, or state_dir)";

constexpr std::array kFileSystems = {
    FileSystemWord{"nfs", kLocalState,
                   "several machines may share it; locks and renames are only as good as the server's"},
    FileSystemWord{"cifs", kLocalState, "prefer a disk of this machine: symlinks and locks are limited"},
    FileSystemWord{"smb2", kLocalState, "prefer a disk of this machine: symlinks and locks are limited"},
    FileSystemWord{"fuse", kLocalState,
                   "prefer a disk of this machine: what a FUSE program keeps is its own affair"},
    FileSystemWord{"9p", kLocalState,
                   "prefer a disk of this machine: each call goes through another program"},
    FileSystemWord{"overlay", "it goes with its container: mount a volume there",
                   "it goes with its container: mount a volume there"},
    FileSystemWord{"tmpfs", "it is gone at the next boot: keep it on a disk",
                   "it takes memory and is gone at the next boot: set HF_HUB_CACHE to a disk"},
    FileSystemWord{"ramfs", "it is gone at the next boot: keep it on a disk",
                   "it takes memory and is gone at the next boot: set HF_HUB_CACHE to a disk"},
    FileSystemWord{"vfat", kLocalState, "choose a file system with links: each file would be kept twice"},
    FileSystemWord{"exfat", kLocalState, "choose a file system with links: each file would be kept twice"},
};

void JudgeFileSystem(const FolderFacts& folder, std::string_view group, bool is_state, Findings& findings) {
  const auto known = std::ranges::find(kFileSystems, folder.file_system, &FileSystemWord::name);
  const std::string_view hint = known == kFileSystems.end() ? std::string_view()
                                : is_state                  ? known->for_state
                                                            : known->for_cache;
  if (hint.empty()) return findings.Ok(NameOf(group, "file_system"), folder.file_system);
  findings.Warn(NameOf(group, "file_system"), folder.file_system, std::string(hint));
}

// False when there is nothing more to be said of it.
bool JudgeAccess(const FolderFacts& folder, std::string_view group, const Facts& facts, Findings& findings) {
  const std::string name = NameOf(group, "writable");
  if (!folder.trouble.empty()) {
    findings.Fail(name, fmt::format("{}: {}", Printable(folder.path), folder.trouble),
                  fmt::format("give it to the daemon's user (uid {}), or choose another folder", facts.uid));
    return folder.exists;
  }
  findings.Ok(name, folder.exists ? Printable(folder.path)
                                  : fmt::format("{} is made when it is needed", Printable(folder.path)));
  return true;
}

void JudgeMode(const FolderFacts& folder, std::string_view group, bool is_state, const Facts& facts,
               Findings& findings) {
  if (!folder.exists) return;
  const std::string name = NameOf(group, "permissions");
  const std::string detail = fmt::format("owner uid {}, mode {:04o}", folder.owner, folder.mode);
  constexpr uint32_t kRoot = 0;
  if (folder.owner != facts.uid && folder.owner != kRoot) {
    return findings.Warn(name, detail,
                         fmt::format("another user owns it and may change what is in it: chown {} {}",
                                     facts.uid, Printable(folder.path)));
  }
  if ((folder.mode & kOthersWrite) != 0) {
    return findings.Fail(
        name, detail, fmt::format("anybody may replace what is in it: chmod o-w {}", Printable(folder.path)));
  }
  if (is_state && (folder.mode & (kOthersRead | kGroupWrites)) != 0) {
    return findings.Warn(
        name, detail,
        fmt::format("others may see or change the queue: chmod 0700 {}", Printable(folder.path)));
  }
  if (!is_state && !facts.is_system && (folder.mode & kGroupWrites) != 0) {
    return findings.Ok(name, detail + "; its group may write");
  }
  findings.Ok(name, detail);
}

void JudgeRoom(const FolderFacts& folder, std::string_view group, uint64_t needed, uint64_t liked,
               Findings& findings) {
  const std::string name = NameOf(group, "space");
  const std::string detail =
      fmt::format("{} of {} free", FormatBytes(folder.free_bytes), FormatBytes(folder.total_bytes));
  if (folder.free_bytes < needed) {
    return findings.Fail(name, detail,
                         fmt::format("make room: at least {} are wanted there", FormatBytes(needed)));
  }
  if (folder.free_files && *folder.free_files < kFewFiles) {
    return findings.Warn(name, fmt::format("{}, and room for {} files", detail, *folder.free_files),
                         "the file system runs out of inodes: remove small files, or make it anew with more");
  }
  if (folder.free_bytes < liked) {
    return findings.Warn(name, detail, "make room, or set cache.max_size so that what is old goes by itself");
  }
  findings.Ok(name, detail);
}

enum class Weight { kNote, kWarn, kFail };

// `when_no`: what that means and what to do about it.
void JudgeAnswer(Answer answer, const std::string& name, Weight weight, std::string_view detail,
                 std::string_view when_no, Findings& findings) {
  if (answer == Answer::kUnknown) return;
  if (answer == Answer::kYes) return findings.Ok(name, "yes");
  switch (weight) {
    case Weight::kNote:
      return findings.Ok(name, std::string(detail), std::string(when_no));
    case Weight::kWarn:
      return findings.Warn(name, std::string(detail), std::string(when_no));
    case Weight::kFail:
      return findings.Fail(name, std::string(detail), std::string(when_no));
  }
}

void JudgeHonesty(const FolderFacts& folder, std::string_view group, bool is_state, Findings& findings) {
  const Answer locks = folder.locks == Answer::kNo || folder.process_locks == Answer::kNo ? Answer::kNo
                       : folder.locks == Answer::kYes                                     ? Answer::kYes
                                                                                          : Answer::kUnknown;
  JudgeAnswer(locks, NameOf(group, "locks"), is_state ? Weight::kFail : Weight::kWarn,
              "flock() lets two in at once, or is not there",
              is_state ? "two daemons could write one catalog: choose a local disk for the state folder"
                       : "two tools may fetch the same file; nothing wrong appears, but mount it with locks "
                         "(NFS: local_lock=none, v4)",
              findings);
  JudgeAnswer(folder.rename, NameOf(group, "rename"), Weight::kFail, "a rename does not replace in one step",
              "a crash could leave half a file visible: choose another file system", findings);
  JudgeAnswer(folder.sync, NameOf(group, "sync"), Weight::kFail, "fsync() fails",
              "a power cut could undo what was reported as done: choose another file system", findings);
  if (is_state) return;
  JudgeAnswer(folder.symlinks, NameOf(group, "symlinks"), Weight::kWarn, "no",
              "files are moved into snapshots, and what two revisions share is kept twice: choose a file "
              "system with symlinks",
              findings);
  JudgeAnswer(folder.hard_links, NameOf(group, "hard_links"), Weight::kWarn, "no",
              "what two repos have in common is kept twice", findings);
  JudgeAnswer(folder.reflinks, NameOf(group, "reflinks"), Weight::kNote, "no; `hf pull -o` copies the bytes",
              "btrfs and XFS have them", findings);
  JudgeAnswer(
      folder.case_sensitive, NameOf(group, "case"), Weight::kWarn, "capitals and small letters are one",
      "two repos whose names differ in that alone would be mixed up: choose another file system", findings);
}

void JudgeFileClock(const FolderFacts& folder, std::string_view group, Findings& findings) {
  if (!folder.clock_ahead) return;
  const seconds off(std::abs(folder.clock_ahead->count()));
  if (off < kFileClockNoticed) return;
  findings.Warn(NameOf(group, "clock"),
                fmt::format("the file server's is {} this machine's", AheadText(*folder.clock_ahead)),
                "ages of files are judged wrongly: keep both clocks right with NTP");
}

void JudgeFolder(const FolderFacts& folder, std::string_view group, bool is_state, const Facts& facts,
                 Findings& findings) {
  if (!JudgeAccess(folder, group, facts, findings)) return;
  JudgeMode(folder, group, is_state, facts, findings);
  JudgeFileSystem(folder, group, is_state, findings);
  if (is_state) {
    JudgeRoom(folder, group, kStateNeeds, kStateLikes, findings);
  } else {
    JudgeRoom(folder, group, facts.cache_min_free_bytes, std::max(kGigabyte, facts.cache_min_free_bytes),
              findings);
  }
  JudgeHonesty(folder, group, is_state, findings);
  JudgeFileClock(folder, group, findings);
}

void JudgeQuota(const Facts& facts, Findings& findings) {
  constexpr std::string_view kName = "cache.quota";
  const std::string used =
      facts.cache_used_bytes ? fmt::format("{} held", FormatBytes(*facts.cache_used_bytes)) : std::string();
  if (facts.cache_quota_bytes == 0) {
    return findings.Ok(kName, used.empty() ? "none" : used + ", no quota");
  }
  const std::string detail =
      fmt::format("{}{}quota {}", used, used.empty() ? "" : ", ", FormatBytes(facts.cache_quota_bytes));
  if (facts.cache_used_bytes && *facts.cache_used_bytes > facts.cache_quota_bytes) {
    return findings.Warn(kName, detail,
                         "what is pinned or in use cannot go: `batuta hf cache why` shows it, or raise "
                         "cache.max_size");
  }
  if (facts.cache.total_bytes > 0 && facts.cache_quota_bytes > facts.cache.total_bytes) {
    return findings.Warn(kName, detail,
                         fmt::format("the disk has {} only: lower cache.max_size below that",
                                     FormatBytes(facts.cache.total_bytes)));
  }
  findings.Ok(kName, detail);
}

void JudgeProcess(const ProcessFacts& process, Findings& findings) {
  constexpr std::string_view kName = "daemon.files";
  if (process.open_files_limit == 0) return findings.Ok(kName, "no limit of descriptors");
  const std::string detail =
      fmt::format("{} of {} descriptors in use", process.open_files, process.open_files_limit);
  if (process.open_files_limit < kFilesNeeded || process.open_files * 10 > process.open_files_limit * 8) {
    return findings.Warn(kName, detail,
                         "raise it where the daemon is started: ulimit -Hn, or LimitNOFILE= of its unit");
  }
  findings.Ok(kName, detail);
}

}  // namespace

std::vector<Check> Judge(const Facts& facts) {
  Findings findings;
  JudgeNetwork(facts.network, findings);
  JudgeFolder(facts.state, "state", /*is_state=*/true, facts, findings);
  JudgeFolder(facts.cache, "cache", /*is_state=*/false, facts, findings);
  JudgeQuota(facts, findings);
  JudgeProcess(facts.process, findings);
  return findings.Take();
}

}  // namespace batuta::doctor
