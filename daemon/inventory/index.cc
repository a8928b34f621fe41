#include "daemon/inventory/index.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace batuta::inventory {
namespace {

// The layout of a record, field by field, is that of EncodeRepo(). Any change of it takes a new number.
constexpr uint64_t kVersion = 2;

constexpr size_t kRepoTypes = 3;  // values of each enum: they are on the disk, so they only grow
constexpr size_t kRelations = 4;
constexpr size_t kSources = 4;

class Writer {
 public:
  // Seven bits a byte, the lowest first.
  void Number(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
    bytes_.push_back(static_cast<char>(value));
  }

  // Small for small values of either sign.
  void Signed(int64_t value) {
    Number((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
  }

  void Text(std::string_view text) {
    Number(text.size());
    bytes_.append(text);
  }

  void Time(WallTime time) { Signed(time.time_since_epoch().count()); }

  // What follows as often as the list has elements.
  template <typename List, typename Write>
  void Each(const List& list, Write write) {
    Number(list.size());
    for (const auto& element : list) write(element);
  }

  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads what Writer wrote. What is cut off or out of bounds makes it `is_bad` for good, and all it says then
// is 0 and "".
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  uint64_t Number() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return Bad();
  }

  int64_t Signed() {
    const uint64_t value = Number();
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }

  std::string_view Text() {
    const uint64_t size = Number();
    if (size > rest_.size()) return Bad(), std::string_view();
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }

  WallTime Time() { return WallTime(WallTime::duration(Signed())); }

  // Every element takes at least a byte, so no list is longer than the rest.
  template <typename Element, typename Read>
  std::vector<Element> Each(Read read) {
    const uint64_t count = Number();
    std::vector<Element> list;
    if (count > rest_.size()) return Bad(), list;
    list.reserve(count);
    for (uint64_t i = 0; i < count && !is_bad_; ++i) read(&list);
    return list;
  }

  // A number below `count`.
  size_t Below(size_t count) {
    const uint64_t number = Number();
    return number < count ? number : Bad();
  }

  uint64_t Bad() {
    is_bad_ = true;
    rest_ = {};
    return 0;
  }

  bool is_bad() const { return is_bad_; }

  bool is_at_end() const { return rest_.empty() && !is_bad_; }

 private:
  std::string_view rest_;
  bool is_bad_ = false;
};

// All paths of a repo, each once: its snapshots have most of them in common.
std::vector<std::string_view> PathsOf(const Repo& repo) {
  std::vector<std::string_view> paths;
  for (const Snapshot& snapshot : repo.snapshots) {
    for (const Selection& selection : snapshot.selections) {
      for (const File& file : selection.files) paths.emplace_back(file.path);
    }
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

void WriteNeed(const dependency::Dependency& need, Writer& out) {
  out.Number(static_cast<uint64_t>(need.base.repo.type()));
  out.Text(need.base.repo.id());
  out.Text(need.base.revision ? need.base.revision->text() : "");
  out.Number(static_cast<uint64_t>(need.relation));
  out.Number(static_cast<uint64_t>(need.source));
}

void ReadNeed(Reader& in, std::vector<dependency::Dependency>* needs) {
  const auto type = static_cast<RepoType>(in.Below(kRepoTypes));
  auto repo = RepoId::Parse(type, in.Text());
  const std::string_view text = in.Text();
  auto revision = Revision::Parse(text);
  const auto relation = static_cast<dependency::Relation>(in.Below(kRelations));
  const auto source = static_cast<dependency::Source>(in.Below(kSources));
  if (!repo.ok() || (!text.empty() && !revision.ok())) {
    in.Bad();
    return;
  }
  dependency::Dependency need{{*std::move(repo)}, relation, source};
  if (!text.empty()) need.base.revision = *std::move(revision);
  needs->push_back(std::move(need));
}

void ReadFile(Reader& in, const std::vector<std::string_view>& paths, FileKey* before,
              std::vector<File>* files) {
  const size_t path = in.Below(paths.size());
  before->device += static_cast<uint64_t>(in.Signed());
  before->inode += static_cast<uint64_t>(in.Signed());
  const uint64_t size_bytes = in.Number();
  const uint64_t blob_mark = in.Number();
  if (!in.is_bad()) files->push_back({std::string(paths[path]), *before, size_bytes, blob_mark});
}

}  // namespace

std::string EncodeRepo(const Repo& repo) {
  Writer out;
  out.Number(kVersion);
  out.Each(repo.stamps, [&out](const cache::Stamp& stamp) {
    out.Text(stamp.path);
    out.Number(stamp.inode);
    out.Time(stamp.modified);
  });
  out.Each(repo.loose, [&out](const cache::LooseFile& file) {
    out.Text(file.name);
    out.Number(file.size_bytes);
    out.Time(file.modified);
    out.Number(file.is_unfinished ? 1 : 0);
  });
  out.Each(repo.warnings, [&out](const std::string& warning) { out.Text(warning); });
  const std::vector<std::string_view> paths = PathsOf(repo);
  out.Each(paths, [&out](std::string_view path) { out.Text(path); });
  FileKey before;  // inodes of files that were made together are close
  const auto write_file = [&](const File& file) {
    const auto path = std::lower_bound(paths.begin(), paths.end(), std::string_view(file.path));
    out.Number(static_cast<uint64_t>(path - paths.begin()));
    out.Signed(static_cast<int64_t>(file.key.device - before.device));
    out.Signed(static_cast<int64_t>(file.key.inode - before.inode));
    out.Number(file.size_bytes);
    out.Number(file.blob_mark);
    before = file.key;
  };
  out.Each(repo.snapshots, [&](const Snapshot& snapshot) {
    out.Text(snapshot.commit.hex());
    out.Time(snapshot.modified);
    out.Time(snapshot.last_modified);
    out.Each(snapshot.refs, [&out](const std::string& ref) { out.Text(ref); });
    out.Each(snapshot.needs, [&out](const dependency::Dependency& need) { WriteNeed(need, out); });
    out.Each(snapshot.selections, [&](const Selection& selection) {
      out.Text(selection.id);
      out.Text(selection.label);
      out.Time(selection.accessed);
      out.Each(selection.files, write_file);
    });
  });
  return out.Take();
}

std::optional<Repo> DecodeRepo(const RepoId& id, std::string_view record) {
  Reader in(record);
  if (in.Number() != kVersion) return std::nullopt;
  const auto text = [&in](std::vector<std::string>* texts) { texts->emplace_back(in.Text()); };
  Repo repo{id, {}, {}, {}, {}};
  repo.stamps = in.Each<cache::Stamp>([&in](std::vector<cache::Stamp>* stamps) {
    std::string path(in.Text());
    const uint64_t inode = in.Number();
    stamps->push_back({std::move(path), inode, in.Time()});
  });
  repo.loose = in.Each<cache::LooseFile>([&in](std::vector<cache::LooseFile>* loose) {
    std::string name(in.Text());
    const uint64_t size_bytes = in.Number();
    const WallTime modified = in.Time();
    loose->push_back({std::move(name), size_bytes, modified, in.Number() == 1});
  });
  repo.warnings = in.Each<std::string>(text);
  const auto paths =
      in.Each<std::string_view>([&in](std::vector<std::string_view>* list) { list->push_back(in.Text()); });
  FileKey before;
  repo.snapshots = in.Each<Snapshot>([&](std::vector<Snapshot>* snapshots) {
    auto commit = CommitId::Parse(in.Text());
    if (!commit.ok()) {
      in.Bad();
      return;
    }
    Snapshot snapshot{*std::move(commit), {}, in.Time(), in.Time(), {}, {}};
    snapshot.refs = in.Each<std::string>(text);
    snapshot.needs = in.Each<dependency::Dependency>([&in](auto* needs) { ReadNeed(in, needs); });
    snapshot.selections = in.Each<Selection>([&](std::vector<Selection>* selections) {
      Selection selection{std::string(in.Text()), std::string(in.Text()), {}, in.Time()};
      selection.files = in.Each<File>([&](std::vector<File>* files) { ReadFile(in, paths, &before, files); });
      selections->push_back(std::move(selection));
    });
    snapshots->push_back(std::move(snapshot));
  });
  if (!in.is_at_end()) return std::nullopt;
  repo.written = cache::LastWrite(repo.stamps, repo.loose);
  return repo;
}

}  // namespace batuta::inventory
