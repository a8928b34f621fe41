#include "client/serving/folder_answers.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace batuta::client {
namespace {

using Question = v1::ServeFolderResponse;

constexpr uint32_t kMostReadBytes = 1 << 20;
constexpr size_t kEntriesPerMessage = 2'000;

// What a push of a single file looks at beside it.
constexpr std::string_view kLists[] = {".gitleaksignore", ".gitleaks.toml", ".gitignore"};

v1::ServedEntry::Kind EncodeKind(FolderEntryKind kind) {
  switch (kind) {
    case FolderEntryKind::kFile:
      return v1::ServedEntry::KIND_FILE;
    case FolderEntryKind::kFolder:
      return v1::ServedEntry::KIND_FOLDER;
    case FolderEntryKind::kUnreadable:
      return v1::ServedEntry::KIND_UNREADABLE;
    case FolderEntryKind::kDeadLink:
      return v1::ServedEntry::KIND_DEAD_LINK;
    case FolderEntryKind::kFolderLink:
      return v1::ServedEntry::KIND_FOLDER_LINK;
    case FolderEntryKind::kPipe:
      return v1::ServedEntry::KIND_PIPE;
    case FolderEntryKind::kSocket:
      return v1::ServedEntry::KIND_SOCKET;
    case FolderEntryKind::kDevice:
      return v1::ServedEntry::KIND_DEVICE;
    case FolderEntryKind::kOther:
      break;
  }
  return v1::ServedEntry::KIND_OTHER;
}

void Encode(const FolderEntry& entry, v1::ServedEntry* out) {
  out->set_name(entry.name);
  out->set_kind(EncodeKind(entry.kind));
  out->set_error_number(entry.error_number);
  out->set_device(entry.stamp.device);
  out->set_inode(entry.stamp.inode);
  out->set_size_bytes(entry.stamp.size_bytes);
  out->set_modified_ns(entry.stamp.modified_ns);
  out->set_changed_ns(entry.stamp.changed_ns);
}

// As much as there is of it; errno in the answer when it cannot be read.
Block ReadBlock(int file, uint64_t offset, size_t size, v1::ServeFolderRequest& answer) {
  Block block{.bytes = std::unique_ptr<char[]>(new char[size])};  // not cleared: it is filled
  while (block.size < size) {
    const ssize_t count = ::pread(file, block.bytes.get() + block.size, size - block.size,
                                  static_cast<off_t>(offset + block.size));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      answer.set_error_number(errno);
      return {};
    }
    if (count == 0) break;
    block.size += static_cast<size_t>(count);
  }
  return block;
}

// What the file is by now, after what was read of it before. False: it cannot be told.
bool Stamp(int file, v1::ServeFolderRequest& answer) {
  struct stat stat = {};
  if (::fstat(file, &stat) != 0) {
    answer.set_error_number(errno);
    return false;
  }
  Encode({.name = "file", .kind = FolderEntryKind::kFile, .stamp = StampOf(stat)}, answer.add_entries());
  return true;
}

Block Fail(v1::ServeFolderRequest& answer, int error_number) {
  answer.set_error_number(error_number);
  return {};
}

}  // namespace

void FolderAnswers::Answer(const Question& question, const Send& send) {
  v1::ServeFolderRequest answer;
  answer.set_number(question.number());
  Block data;
  switch (question.question_case()) {
    case Question::kList:
      return List(question.list(), answer, send);
    case Question::kLookAt:
      LookAt(question.look_at(), answer);
      break;
    case Question::kOpen:
      data = Open(question.open(), answer);
      break;
    case Question::kRead:
      data = Read(question.read(), answer);
      break;
    case Question::kCheck:
      Check(question.check(), answer);
      break;
    case Question::kClose: {
      const MutexLock lock(mutex_);
      files_.erase(question.close());
      return;
    }
    default:
      answer.set_error_number(ENOSYS);
  }
  send(answer, std::move(data));
}

void FolderAnswers::CloseAll() {
  const MutexLock lock(mutex_);
  files_.clear();
}

bool FolderAnswers::IsServed(const std::string& place) const {
  return !folder_.only_file() || place == *folder_.only_file() ||
         std::ranges::find(kLists, place) != std::end(kLists);
}

void FolderAnswers::List(const std::string& folder, v1::ServeFolderRequest& answer, const Send& send) const {
  if (folder_.only_file()) {
    answer.set_error_number(EACCES);
    send(answer, {});
    return;
  }
  const FolderNames names = folder_.List(folder);
  answer.set_error_number(names.error_number);
  size_t next = 0;
  do {
    answer.clear_entries();
    const size_t end = std::min(next + kEntriesPerMessage, names.entries.size());
    for (; next < end; ++next) Encode(names.entries[next], answer.add_entries());
    answer.set_more(next < names.entries.size());
    if (!send(answer, {})) return;
  } while (answer.more());
}

void FolderAnswers::LookAt(const std::string& name, v1::ServeFolderRequest& answer) const {
  const FolderNames names = IsServed(name) ? folder_.LookAt(name) : FolderNames{.error_number = ENOENT};
  answer.set_error_number(names.error_number);
  for (const FolderEntry& entry : names.entries) Encode(entry, answer.add_entries());
}

Block FolderAnswers::Open(const Question::Open& open, v1::ServeFolderRequest& answer) {
  if (!IsServed(open.path())) return Fail(answer, ENOENT);
  OpenedFolder::Found found = folder_.OpenFile(open.path());
  if (found.error_number != 0) return Fail(answer, found.error_number);
  Block head;
  if (found.kind == FolderEntryKind::kFile) {
    const uint64_t size = std::min<uint64_t>({open.head_bytes(), kMostReadBytes, found.stamp.size_bytes});
    head = ReadBlock(found.file.get(), 0, static_cast<size_t>(size), answer);
    if (answer.error_number() != 0 || !Stamp(found.file.get(), answer)) return {};
    ::posix_fadvise(found.file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    const MutexLock lock(mutex_);
    if (files_.size() >= kMostOpenFiles) {
      answer.clear_entries();
      return Fail(answer, EMFILE);
    }
    answer.set_handle(++last_handle_);
    files_.emplace(last_handle_, std::make_shared<const UniqueFd>(std::move(found.file)));
  } else {
    Encode({.name = "file", .kind = found.kind}, answer.add_entries());
  }
  return head;
}

FolderAnswers::File FolderAnswers::FileOf(uint64_t handle) {
  const MutexLock lock(mutex_);
  const auto found = files_.find(handle);
  return found == files_.end() ? nullptr : found->second;
}

Block FolderAnswers::Read(const Question::Read& read, v1::ServeFolderRequest& answer) {
  const File file = FileOf(read.handle());
  if (file == nullptr) return Fail(answer, EBADF);
  if (read.size_bytes() > kMostReadBytes) return Fail(answer, EINVAL);
  Block block = ReadBlock(file->get(), read.offset(), read.size_bytes(), answer);
  return answer.error_number() == 0 && Stamp(file->get(), answer) ? std::move(block) : Block();
}

void FolderAnswers::Check(uint64_t handle, v1::ServeFolderRequest& answer) {
  const File file = FileOf(handle);
  if (file == nullptr) return answer.set_error_number(EBADF);
  Stamp(file->get(), answer);
}

}  // namespace batuta::client
