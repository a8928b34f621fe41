#include "tests/support/files/fake_file_system.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta {
namespace {

using Kind = FileInfo::Kind;
using Path = std::filesystem::path;

constexpr std::array<std::string_view, 18> kCallNames = {
    "open", "write",  "read",        "sync",        "truncate",   "lock",      "stat", "rename",  "symlink",
    "link", "remove", "make folder", "sync folder", "sync files", "read link", "list", "statvfs", "clone",
};

}  // namespace

// What all open files and the file system share: the disk, the faults and the power switch, under one lock.
class FakeFileSystem::Machine {
 public:
  Mutex mutex;
  FakeDisk disk ABSL_GUARDED_BY(mutex);
  uint64_t capacity ABSL_GUARDED_BY(mutex) = uint64_t{1} << 40;
  uint64_t boots ABSL_GUARDED_BY(mutex) = 0;  // an open file of an earlier boot is stale
  std::vector<Fault> faults ABSL_GUARDED_BY(mutex);
  std::array<uint64_t, kCallNames.size()> counts ABSL_GUARDED_BY(mutex) = {};
  uint64_t mutations ABSL_GUARDED_BY(mutex) = 0;
  uint64_t down_at ABSL_GUARDED_BY(mutex) = 0;  // at this mutation; 0: never
  bool loses_unsynced ABSL_GUARDED_BY(mutex) = false;
  bool is_down ABSL_GUARDED_BY(mutex) = false;

  // Counts the call. What it must fail with, or 0.
  int Begin(Call call, const Path& path, const Path& other = {}) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    ++counts[static_cast<size_t>(call)];
    if (is_down) return EIO;
    for (Fault& fault : faults) {
      if (fault.times == 0 || !Matches(fault, call, path, other)) continue;
      if (fault.skip > 0) {
        --fault.skip;
        continue;
      }
      if (fault.times != kForEver) --fault.times;
      return fault.error_number;
    }
    return 0;
  }

  // Before anything changes. EIO when this is the moment of the cut.
  int Mutate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (++mutations != down_at) return 0;
    is_down = true;
    return EIO;
  }

  void GoDownAt(uint64_t n, bool lose_unsynced) {
    MutexLock lock(mutex);
    down_at = mutations + n;
    loses_unsynced = lose_unsynced;
  }

  void Boot() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (loses_unsynced) disk.LoseUnsynced();
    disk.DropLocks();
    ++boots;
    down_at = 0;
    loses_unsynced = false;
    is_down = false;
  }

  // Space for a file that grows from `from` to `to` bytes?
  bool HasRoom(uint64_t from, uint64_t to) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return to <= from || disk.UsedBytes() + (to - from) <= capacity;
  }

 private:
  static bool Matches(const Fault& fault, Call call, const Path& path, const Path& other) {
    if (fault.call.has_value() && *fault.call != call) return false;
    return path.native().find(fault.path_part) != std::string::npos ||
           (!other.empty() && other.native().find(fault.path_part) != std::string::npos);
  }
};

namespace {

absl::Status ToStatus(int error_number, FakeFileSystem::Call call, const Path& path) {
  if (error_number == 0) return absl::OkStatus();
  return ErrnoError(error_number, fmt::format("{} {}", kCallNames[static_cast<size_t>(call)], path.native()));
}

}  // namespace

class FakeFileSystem::OpenFile final : public File {
 public:
  OpenFile(std::shared_ptr<Machine> machine, std::shared_ptr<FakeDisk::Node> node, Path path, bool may_write,
           uint64_t boot)
      : machine_(std::move(machine)),
        node_(std::move(node)),
        path_(std::move(path)),
        may_write_(may_write),
        boot_(boot) {
    ++node_->open_files;
  }

  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  ~OpenFile() override {
    MutexLock lock(machine_->mutex);
    if (node_->lock_holder == this) node_->lock_holder = nullptr;
    --node_->open_files;
  }

  absl::Status WriteAt(uint64_t offset, std::span<const std::byte> bytes) override {
    MutexLock lock(machine_->mutex);
    return ToStatus(Write(offset, bytes), Call::kWrite, path_);
  }

  absl::StatusOr<size_t> ReadAt(uint64_t offset, std::span<std::byte> bytes) override {
    MutexLock lock(machine_->mutex);
    if (const int error = Begin(Call::kRead); error != 0) return ToStatus(error, Call::kRead, path_);
    if (offset >= node_->content.size()) return size_t{0};
    const size_t length = std::min(bytes.size(), node_->content.size() - static_cast<size_t>(offset));
    if (length > 0) std::memcpy(bytes.data(), node_->content.data() + offset, length);
    if (may_write_) node_->accessed = machine_->disk.Tick();
    return length;
  }

  absl::Status Sync() override {
    MutexLock lock(machine_->mutex);
    int error = Begin(Call::kSync);
    if (error == 0) error = machine_->Mutate();
    if (error == 0) FakeDisk::SyncContent(*node_);
    return ToStatus(error, Call::kSync, path_);
  }

  absl::Status Truncate(uint64_t size_bytes) override {
    MutexLock lock(machine_->mutex);
    return ToStatus(Resize(size_bytes), Call::kTruncate, path_);
  }

  absl::StatusOr<bool> TryLock() override {
    MutexLock lock(machine_->mutex);
    if (const int error = Begin(Call::kLock); error != 0) return ToStatus(error, Call::kLock, path_);
    if (node_->lock_holder == nullptr) node_->lock_holder = this;
    return node_->lock_holder == this;
  }

  bool IsOpenElsewhere() override {
    MutexLock lock(machine_->mutex);
    return node_->open_files > 1;
  }

  absl::StatusOr<FileInfo> Info() const override {
    MutexLock lock(machine_->mutex);
    if (const int error = Begin(Call::kInfo); error != 0) return ToStatus(error, Call::kInfo, path_);
    return FakeDisk::InfoOf(*node_);
  }

 private:
  int Begin(Call call) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(machine_->mutex) {
    const int error = machine_->Begin(call, path_);
    return error == 0 && boot_ != machine_->boots ? EIO : error;
  }

  int Write(uint64_t offset, std::span<const std::byte> bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(machine_->mutex) {
    if (const int error = Begin(Call::kWrite); error != 0) return error;
    if (!may_write_) return EBADF;
    if (offset > kLargestFile || bytes.size() > kLargestFile - offset) return EFBIG;
    std::string& content = node_->content;
    const size_t end = static_cast<size_t>(offset) + bytes.size();
    if (!machine_->HasRoom(content.size(), end)) return ENOSPC;
    if (const int error = machine_->Mutate(); error != 0) return error;
    if (bytes.empty()) return 0;
    if (content.size() < end) content.resize(end);
    std::memcpy(content.data() + offset, bytes.data(), bytes.size());
    node_->modified = machine_->disk.Tick();
    return 0;
  }

  int Resize(uint64_t size_bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(machine_->mutex) {
    if (const int error = Begin(Call::kTruncate); error != 0) return error;
    if (!may_write_) return EINVAL;
    if (size_bytes > kLargestFile) return EFBIG;
    if (const int error = machine_->Mutate(); error != 0) return error;
    node_->content.resize(static_cast<size_t>(size_bytes));
    node_->modified = machine_->disk.Tick();
    return 0;
  }

  // Files of this disk live in memory.
  static constexpr uint64_t kLargestFile = uint64_t{1} << 30;

  const std::shared_ptr<Machine> machine_;
  const std::shared_ptr<FakeDisk::Node> node_;
  const Path path_;
  const bool may_write_;
  const uint64_t boot_;
};

FakeFileSystem::FakeFileSystem() : machine_(std::make_shared<Machine>()) {}

FakeFileSystem::~FakeFileSystem() = default;

void FakeFileSystem::Inject(Fault fault) {
  MutexLock lock(machine_->mutex);
  machine_->faults.push_back(std::move(fault));
}

void FakeFileSystem::ClearFaults() {
  MutexLock lock(machine_->mutex);
  machine_->faults.clear();
}

void FakeFileSystem::SetCapacity(uint64_t bytes) {
  MutexLock lock(machine_->mutex);
  machine_->capacity = bytes;
}

void FakeFileSystem::CutPowerAtMutation(uint64_t n) {
  machine_->GoDownAt(n, true);
}

void FakeFileSystem::KillAtMutation(uint64_t n) {
  machine_->GoDownAt(n, false);
}

void FakeFileSystem::CutPower() {
  MutexLock lock(machine_->mutex);
  machine_->loses_unsynced = true;
  machine_->Boot();
}

void FakeFileSystem::Restart() {
  MutexLock lock(machine_->mutex);
  machine_->loses_unsynced = machine_->loses_unsynced && machine_->is_down;
  machine_->Boot();
}

bool FakeFileSystem::is_down() const {
  MutexLock lock(machine_->mutex);
  return machine_->is_down;
}

uint64_t FakeFileSystem::mutations() const {
  MutexLock lock(machine_->mutex);
  return machine_->mutations;
}

uint64_t FakeFileSystem::calls(Call call) const {
  MutexLock lock(machine_->mutex);
  return machine_->counts[static_cast<size_t>(call)];
}

void FakeFileSystem::Put(const Path& path, std::string_view content) {
  MutexLock lock(machine_->mutex);
  FakeDisk& disk = machine_->disk;
  Path prefix;
  for (const Path& component : path.parent_path()) {
    prefix /= component;
    FakeDisk::Place place;
    if (disk.Find(prefix, true, &place) != 0) return;
    if (place.node == nullptr) disk.Make(place, Kind::kFolder, {});
    if (place.folder != nullptr) place.folder->durable_entries[place.name] = place.node;
  }
  FakeDisk::Place place;
  if (disk.Find(path, true, &place) != 0) return;
  if (place.node == nullptr) disk.Make(place, Kind::kFile, {});
  place.node->content = content;
  FakeDisk::SyncContent(*place.node);
  place.folder->durable_entries[place.name] = place.node;
}

void FakeFileSystem::SetTime(WallTime time) {
  MutexLock lock(machine_->mutex);
  machine_->disk.SetTime(time);
}

void FakeFileSystem::SyncAll() {
  MutexLock lock(machine_->mutex);
  machine_->disk.SyncAll();
}

std::optional<std::string> FakeFileSystem::Get(const Path& path) const {
  MutexLock lock(machine_->mutex);
  FakeDisk::Place place;
  if (machine_->disk.Find(path, true, &place) != 0 || place.node == nullptr) return std::nullopt;
  if (place.node->kind != Kind::kFile) return std::nullopt;
  return place.node->content;
}

std::vector<std::string> FakeFileSystem::Paths() const {
  MutexLock lock(machine_->mutex);
  return machine_->disk.Paths();
}

absl::StatusOr<std::unique_ptr<File>> FakeFileSystem::Open(const Path& path, OpenMode mode) {
  MutexLock lock(machine_->mutex);
  const auto fail = [&](int error) { return ToStatus(error, Call::kOpen, path); };
  if (const int error = machine_->Begin(Call::kOpen, path); error != 0) return fail(error);
  FakeDisk::Place place;
  const bool reads_only = mode == OpenMode::kRead || mode == OpenMode::kReadDirect;
  if (const int error = machine_->disk.Find(path, reads_only, &place); error != 0) return fail(error);
  const bool may_make =
      mode == OpenMode::kCreate || mode == OpenMode::kCreateNew || mode == OpenMode::kCreateShared;
  if (place.node == nullptr) {
    if (!may_make) return fail(ENOENT);
    if (const int error = machine_->Mutate(); error != 0) return fail(error);
    machine_->disk.Make(place, Kind::kFile, {});
  } else if (mode == OpenMode::kCreateNew) {
    return fail(EEXIST);
  }
  if (place.node->kind == Kind::kSymlink) return fail(ELOOP);
  if (place.node->kind == Kind::kFolder) return fail(EISDIR);
  return std::make_unique<OpenFile>(machine_, place.node, path, !reads_only, machine_->boots);
}

absl::Status FakeFileSystem::Rename(const Path& from, const Path& to) {
  MutexLock lock(machine_->mutex);
  int error = machine_->Begin(Call::kRename, from, to);
  if (error == 0) error = machine_->Mutate();
  if (error == 0) error = machine_->disk.Rename(from, to);
  return ToStatus(error, Call::kRename, from.native() + " to " + to.native());
}

absl::Status FakeFileSystem::Symlink(const std::string& target, const Path& path) {
  MutexLock lock(machine_->mutex);
  int error = machine_->Begin(Call::kSymlink, path);
  FakeDisk::Place place;
  if (error == 0) error = machine_->disk.Find(path, false, &place);
  if (error == 0 && target.empty()) error = ENOENT;
  if (error == 0 && place.node != nullptr) error = EEXIST;
  if (error == 0) error = machine_->Mutate();
  if (error == 0) machine_->disk.Make(place, Kind::kSymlink, target);
  return ToStatus(error, Call::kSymlink, path);
}

absl::Status FakeFileSystem::Link(const Path& existing, const Path& path) {
  MutexLock lock(machine_->mutex);
  int error = machine_->Begin(Call::kLink, path, existing);
  if (error == 0) error = machine_->Mutate();
  if (error == 0) error = machine_->disk.Link(existing, path);
  return ToStatus(error, Call::kLink, existing.native() + " to " + path.native());
}

absl::Status FakeFileSystem::Clone(const Path& existing, const Path& path) {
  MutexLock lock(machine_->mutex);
  int error = machine_->Begin(Call::kClone, path, existing);
  FakeDisk::Place from;
  FakeDisk::Place to;
  if (error == 0) error = machine_->disk.Find(existing, false, &from);
  if (error == 0 && from.node == nullptr) error = ENOENT;
  if (error == 0 && from.node->kind == Kind::kSymlink) error = ELOOP;
  if (error == 0 && from.node->kind != Kind::kFile) error = EISDIR;
  if (error == 0) error = machine_->disk.Find(path, false, &to);
  if (error == 0 && to.node != nullptr) error = EEXIST;
  if (error == 0) error = machine_->Mutate();
  if (error == 0) machine_->disk.Make(to, Kind::kFile, from.node->content);
  return ToStatus(error, Call::kClone, existing.native() + " to " + path.native());
}

absl::Status FakeFileSystem::Remove(const Path& path) {
  MutexLock lock(machine_->mutex);
  int error = machine_->Begin(Call::kRemove, path);
  if (error == 0) error = machine_->Mutate();
  if (error == 0) error = machine_->disk.Remove(path);
  return ToStatus(error, Call::kRemove, path);
}

absl::Status FakeFileSystem::MakeFolders(const Path& path) {
  MutexLock lock(machine_->mutex);
  if (const int error = machine_->Begin(Call::kMakeFolders, path); error != 0) {
    return ToStatus(error, Call::kMakeFolders, path);
  }
  // Each folder is a mutation of its own: a crash may leave the path half made.
  Path prefix;
  for (const Path& component : path) {
    prefix /= component;
    FakeDisk::Place place;
    int error = machine_->disk.Find(prefix, true, &place);
    if (error == 0 && place.node != nullptr) {
      if (place.node->kind != Kind::kFolder) return ToStatus(ENOTDIR, Call::kMakeFolders, prefix);
      continue;
    }
    // As mkdir(2): a dangling symlink is in the way, nothing is made where it points.
    if (error == 0) error = machine_->disk.Find(prefix, false, &place);
    if (error == 0 && place.node != nullptr) error = EEXIST;
    if (error == 0) error = machine_->Mutate();
    if (error != 0) return ToStatus(error, Call::kMakeFolders, prefix);
    machine_->disk.Make(place, Kind::kFolder, {});
  }
  return absl::OkStatus();
}

absl::Status FakeFileSystem::SyncFolder(const Path& path) {
  MutexLock lock(machine_->mutex);
  int error = machine_->Begin(Call::kSyncFolder, path);
  FakeDisk::Place place;
  if (error == 0) error = machine_->disk.Find(path, true, &place);
  if (error == 0 && place.node == nullptr) error = ENOENT;
  if (error == 0 && place.node->kind != Kind::kFolder) error = ENOTDIR;
  if (error == 0) error = machine_->Mutate();
  if (error == 0) FakeDisk::SyncEntries(*place.node);
  return ToStatus(error, Call::kSyncFolder, path);
}

absl::Status FakeFileSystem::SyncFiles(const std::vector<Path>& paths) {
  MutexLock lock(machine_->mutex);
  for (const Path& path : paths) {
    int error = machine_->Begin(Call::kSyncFiles, path);
    FakeDisk::Place place;
    if (error == 0) error = machine_->disk.Find(path, false, &place);
    if (error == 0 && place.node == nullptr) error = ENOENT;
    if (error == 0) error = machine_->Mutate();
    if (error != 0) return ToStatus(error, Call::kSyncFiles, path);
    FakeDisk::SyncContent(*place.node);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> FakeFileSystem::ReadSymlink(const Path& path) {
  MutexLock lock(machine_->mutex);
  int error = machine_->Begin(Call::kReadSymlink, path);
  FakeDisk::Place place;
  if (error == 0) error = machine_->disk.Find(path, false, &place);
  if (error == 0 && place.node == nullptr) error = ENOENT;
  if (error == 0 && place.node->kind != Kind::kSymlink) error = EINVAL;
  if (error != 0) return ToStatus(error, Call::kReadSymlink, path);
  return place.node->content;
}

absl::StatusOr<FileInfo> FakeFileSystem::Info(const Path& path) {
  MutexLock lock(machine_->mutex);
  int error = machine_->Begin(Call::kInfo, path);
  FakeDisk::Place place;
  if (error == 0) error = machine_->disk.Find(path, false, &place);
  if (error == 0 && place.node == nullptr) error = ENOENT;
  if (error != 0) return ToStatus(error, Call::kInfo, path);
  return FakeDisk::InfoOf(*place.node);
}

absl::StatusOr<std::vector<std::string>> FakeFileSystem::List(const Path& folder) {
  MutexLock lock(machine_->mutex);
  int error = machine_->Begin(Call::kList, folder);
  FakeDisk::Place place;
  if (error == 0) error = machine_->disk.Find(folder, true, &place);
  if (error == 0 && place.node == nullptr) error = ENOENT;
  if (error == 0 && place.node->kind != Kind::kFolder) error = ENOTDIR;
  if (error != 0) return ToStatus(error, Call::kList, folder);
  std::vector<std::string> names;
  for (const auto& [name, node] : place.node->entries) names.push_back(name);
  return names;
}

absl::StatusOr<SpaceInfo> FakeFileSystem::Space(const Path& path) {
  MutexLock lock(machine_->mutex);
  int error = machine_->Begin(Call::kSpace, path);
  FakeDisk::Place place;
  if (error == 0) error = machine_->disk.Find(path, true, &place);
  if (error == 0 && place.node == nullptr) error = ENOENT;
  if (error != 0) return ToStatus(error, Call::kSpace, path);
  const uint64_t used = std::min(machine_->disk.UsedBytes(), machine_->capacity);
  return SpaceInfo{machine_->capacity - used, machine_->capacity};
}

}  // namespace batuta
