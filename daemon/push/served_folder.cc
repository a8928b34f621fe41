#include "daemon/push/served_folder.h"

#include <algorithm>
#include <deque>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/sync/mutex.h"
#include "common/text/human.h"

namespace batuta::push {
namespace {

using Kind = FolderQuestion::Kind;

constexpr uint64_t kSmallBytes = 64 << 10;  // what is less is asked for in blocks of so much
// After so many the file is read from front to back. Parts that are sent side by side go on where another
// ended only by chance, and what was asked ahead for one of them is of no use to the others.
constexpr int kInTurn = 3;

// An open file of a client.
class ServedBytes final : public FileBytes {
 public:
  ServedBytes(std::shared_ptr<FolderTalk> talk, LocalFile file, uint64_t handle, absl::Cord head)
      : FileBytes(std::move(file)), talk_(std::move(talk)), handle_(handle), block_{0, std::move(head)} {}

  ~ServedBytes() override { talk_->Tell({.kind = Kind::kClose, .handle = handle_}); }

  ServedBytes(const ServedBytes&) = delete;
  ServedBytes& operator=(const ServedBytes&) = delete;

  absl::Status Read(uint64_t offset, std::span<char> out) override {
    ASSIGN_OR_RETURN(const absl::Cord bytes, ReadPieces(offset, out.size()));
    char* place = out.data();
    for (const absl::string_view piece : bytes.Chunks()) place = std::copy(piece.begin(), piece.end(), place);
    return absl::OkStatus();
  }

  absl::StatusOr<absl::Cord> ReadPieces(uint64_t offset, size_t size) override {
    const uint64_t end = offset + size;
    absl::Cord pieces = Known(offset, size);
    while (pieces.size() < size) {
      const uint64_t at = offset + pieces.size();
      const Ahead next = NextBlock(at, size - pieces.size());
      ASSIGN_OR_RETURN(FolderAnswer answer, talk_->Await(next.ticket));
      if (answer.error_number != 0)
        return ErrnoError(answer.error_number, fmt::format("read {}", Quoted(path().text())));
      if (answer.data.size() < next.size_bytes)
        return FileChangedError(path(), "became shorter while it was read");
      if (answer.entries.front().stamp != stamp())
        return FileChangedError(path(), "changed while it was read");
      Block block{next.offset, std::move(answer.data)};
      pieces.Append(block.From(at, size - pieces.size()));
      // What is left of it serves the next one.
      const MutexLock lock(mutex_);
      if (offset + pieces.size() < block.end()) block_ = std::move(block);
    }
    const MutexLock lock(mutex_);
    last_end_ = end;
    return pieces;
  }

  absl::Status CheckUnchanged() const override {
    ASSIGN_OR_RETURN(const FolderAnswer answer, talk_->Ask({.kind = Kind::kCheck, .handle = handle_}));
    if (answer.error_number != 0)
      return ErrnoError(answer.error_number, fmt::format("look at {}", Quoted(path().text())));
    if (answer.entries.front().stamp != stamp()) return FileChangedError(path(), "changed while it was read");
    return absl::OkStatus();
  }

 private:
  struct Block {
    uint64_t offset = 0;
    absl::Cord bytes;

    uint64_t end() const { return offset + bytes.size(); }

    // What it has of the `size` bytes from `from` on.
    absl::Cord From(uint64_t from, size_t size) const {
      if (from < offset || from >= end()) return {};
      return bytes.Subcord(static_cast<size_t>(from - offset), size);
    }
  };

  struct Ahead {
    uint64_t offset = 0;
    uint32_t size_bytes = 0;
    FolderTalk::Ticket ticket;
  };

  absl::Cord Known(uint64_t offset, size_t size) ABSL_LOCKS_EXCLUDED(mutex_) {
    const MutexLock lock(mutex_);
    return block_.From(offset, size);
  }

  // The block that `offset` lies in, asked for by now.
  Ahead NextBlock(uint64_t offset, size_t wanted) ABSL_LOCKS_EXCLUDED(mutex_) {
    bool is_in_turn = wanted > kMostReadBytes;
    Ahead next;
    {
      const MutexLock lock(mutex_);
      in_turn_ = offset == last_end_ ? in_turn_ + 1 : 0;
      if (!ahead_.empty() && ahead_.front().offset == offset) {
        next = std::move(ahead_.front());
        ahead_.pop_front();
        is_in_turn = true;
      } else {
        ahead_.clear();
        is_in_turn = is_in_turn || (in_turn_ >= kInTurn && wanted >= kSmallBytes);
      }
    }
    if (next.ticket == nullptr) {
      const uint64_t begin = wanted >= kSmallBytes ? offset : offset / kSmallBytes * kSmallBytes;
      const uint64_t size =
          wanted >= kSmallBytes ? wanted : offset + std::max<uint64_t>(wanted, kSmallBytes) - begin;
      next = AskFor(begin, size);
    }
    if (is_in_turn) AskAhead(next.offset + next.size_bytes);
    return next;
  }

  Ahead AskFor(uint64_t offset, uint64_t size) {
    const auto count =
        static_cast<uint32_t>(std::min({size, size_bytes() - offset, uint64_t{kMostReadBytes}}));
    return {offset, count,
            talk_->Begin({.kind = Kind::kRead, .handle = handle_, .offset = offset, .size_bytes = count})};
  }

  // `offset`: where the block ends that is waited for.
  void AskAhead(uint64_t offset) ABSL_LOCKS_EXCLUDED(mutex_) {
    while (true) {
      {
        const MutexLock lock(mutex_);
        if (!ahead_.empty()) offset = ahead_.back().offset + ahead_.back().size_bytes;
        if (ahead_.size() >= ServedFolder::kBlocksAhead) return;
      }
      if (offset >= size_bytes()) return;
      Ahead next = AskFor(offset, kMostReadBytes);
      const MutexLock lock(mutex_);
      ahead_.push_back(std::move(next));
    }
  }

  const std::shared_ptr<FolderTalk> talk_;
  const uint64_t handle_;
  Mutex mutex_;
  Block block_ ABSL_GUARDED_BY(mutex_);  // that was answered last
  uint64_t last_end_ ABSL_GUARDED_BY(mutex_) = 0;
  int in_turn_ ABSL_GUARDED_BY(mutex_) = 0;          // reads that went on where the one before had ended
  std::deque<Ahead> ahead_ ABSL_GUARDED_BY(mutex_);  // one after the other
};

FolderNames NamesOf(FolderAnswer answer) {
  return {.error_number = answer.error_number, .entries = std::move(answer.entries)};
}

}  // namespace

std::string RealmOf(uint32_t uid) {
  return fmt::format("uid {}", uid);
}

ServedFolder::ServedFolder(std::shared_ptr<FolderTalk> talk, std::filesystem::path path,
                           std::optional<std::string> only_file, uint32_t uid)
    : Folder(std::move(path), std::move(only_file), RealmOf(uid)), talk_(std::move(talk)) {}

absl::StatusOr<FolderNames> ServedFolder::List(const std::string& folder) const {
  ASSIGN_OR_RETURN(FolderAnswer answer, talk_->Ask({.kind = Kind::kList, .path = folder}));
  return NamesOf(std::move(answer));
}

absl::StatusOr<FolderNames> ServedFolder::LookAt(const std::string& name) const {
  ASSIGN_OR_RETURN(FolderAnswer answer, talk_->Ask({.kind = Kind::kLookAt, .path = name}));
  return NamesOf(std::move(answer));
}

absl::StatusOr<Folder::Found> ServedFolder::Open(const std::string& place, const RepoPath& path) const {
  ASSIGN_OR_RETURN(FolderAnswer answer,
                   talk_->Ask({.kind = Kind::kOpen, .path = place, .size_bytes = kSmallBytes}));
  if (answer.error_number != 0) return Found{.error_number = answer.error_number};
  const FolderEntry& entry = answer.entries.front();
  Found found{.kind = entry.kind};
  if (entry.kind == FolderEntryKind::kFile) {
    found.bytes = std::make_unique<ServedBytes>(talk_, LocalFile{.path = path, .stamp = entry.stamp},
                                                answer.handle, std::move(answer.data));
  }
  return found;
}

}  // namespace batuta::push
