#include "tests/support/files/fake_disk.h"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <set>
#include <utility>
#include <vector>

namespace batuta {
namespace {

using Kind = FileInfo::Kind;
using Node = FakeDisk::Node;
using Path = std::filesystem::path;

constexpr size_t kLongestName = 255;
constexpr int kMostSymlinks = 40;

// The components of `path` without empty ones and `.`, the last one first.
std::vector<std::string> Reversed(const Path& path) {
  std::vector<std::string> components;
  for (const Path& component : path.relative_path()) {
    if (!component.empty() && component != ".") components.push_back(component.native());
  }
  std::reverse(components.begin(), components.end());
  return components;
}

// Calls `visit` once for every node below `root` and for itself.
void ForEachNode(const std::shared_ptr<Node>& root, const std::function<void(Node&)>& visit) {
  std::set<const Node*> seen;
  std::vector<std::shared_ptr<Node>> pending = {root};
  while (!pending.empty()) {
    const std::shared_ptr<Node> node = std::move(pending.back());
    pending.pop_back();
    if (!seen.insert(node.get()).second) continue;
    visit(*node);
    for (const auto& [name, child] : node->entries) pending.push_back(child);
  }
}

void CountLinks(const std::shared_ptr<Node>& root) {
  ForEachNode(root, [](Node& node) { node.links = 0; });
  ForEachNode(root, [](Node& node) {
    for (const auto& [name, child] : node.entries) ++child->links;
  });
}

bool IsBelow(const Node& folder, const Node& candidate) {
  if (&folder == &candidate) return true;
  return std::any_of(folder.entries.begin(), folder.entries.end(),
                     [&](const auto& entry) { return IsBelow(*entry.second, candidate); });
}

void AppendPaths(const Node& folder, const std::string& prefix, std::vector<std::string>* out) {
  for (const auto& [name, child] : folder.entries) {
    std::string path = prefix + "/";
    path += name;
    if (child->kind == Kind::kFolder) {
      out->push_back(path + "/");
      AppendPaths(*child, path, out);
    } else {
      out->push_back(child->kind == Kind::kSymlink ? path + " -> " + child->content : path);
    }
  }
}

}  // namespace

FakeDisk::FakeDisk() : root_(std::make_shared<Node>()) {
  root_->kind = Kind::kFolder;
  root_->inode = 1;
}

int FakeDisk::Find(const Path& path, bool follow_last, Place* place) const {
  if (!path.is_absolute()) return EINVAL;
  std::vector<std::string> pending = Reversed(path);
  std::vector<std::shared_ptr<Node>> folders = {root_};
  int symlinks = 0;
  while (!pending.empty()) {
    const std::string name = std::move(pending.back());
    pending.pop_back();
    if (name == "..") {
      if (folders.size() > 1) folders.pop_back();
      continue;
    }
    if (name.size() > kLongestName) return ENAMETOOLONG;
    const auto found = folders.back()->entries.find(name);
    const bool is_last = pending.empty();
    if (found == folders.back()->entries.end()) {
      if (!is_last) return ENOENT;
      *place = {folders.back(), name, nullptr};
      return 0;
    }
    const std::shared_ptr<Node>& node = found->second;
    if (node->kind == Kind::kSymlink && (follow_last || !is_last)) {
      if (++symlinks > kMostSymlinks) return ELOOP;
      const Path target(node->content);
      if (target.is_absolute()) folders = {root_};
      for (std::string& component : Reversed(target)) pending.push_back(std::move(component));
      continue;
    }
    if (is_last) {
      *place = {folders.back(), name, node};
      return 0;
    }
    if (node->kind != Kind::kFolder) return ENOTDIR;
    folders.push_back(node);
  }
  *place = {nullptr, std::string(), folders.back()};
  return 0;
}

std::shared_ptr<Node> FakeDisk::Make(Place& place, Kind kind, std::string content) {
  auto node = std::make_shared<Node>();
  node->kind = kind;
  node->inode = next_inode_++;
  node->links = 1;
  node->content = std::move(content);
  if (kind == Kind::kSymlink) node->durable_content = node->content;  // lives and dies with its entry
  node->modified = node->accessed = Tick();
  place.folder->entries[place.name] = node;
  place.folder->modified = node->modified;
  place.node = node;
  return node;
}

int FakeDisk::Rename(const Path& from, const Path& to) {
  Place source;
  Place target;
  if (const int error = Find(from, false, &source); error != 0) return error;
  if (source.node == nullptr) return ENOENT;
  if (const int error = Find(to, false, &target); error != 0) return error;
  if (source.folder == nullptr || target.folder == nullptr) return EBUSY;
  if (source.node == target.node) return 0;
  if (IsBelow(*source.node, *target.folder)) return EINVAL;
  if (target.node != nullptr) {
    const bool source_is_folder = source.node->kind == Kind::kFolder;
    const bool target_is_folder = target.node->kind == Kind::kFolder;
    if (source_is_folder && !target_is_folder) return ENOTDIR;
    if (!source_is_folder && target_is_folder) return EISDIR;
    if (target_is_folder && !target.node->entries.empty()) return ENOTEMPTY;
    --target.node->links;
  }
  source.folder->entries.erase(source.name);
  target.folder->entries[target.name] = source.node;
  source.folder->modified = target.folder->modified = Tick();
  return 0;
}

int FakeDisk::Link(const Path& existing, const Path& path) {
  Place source;
  Place target;
  if (const int error = Find(existing, false, &source); error != 0) return error;
  if (source.node == nullptr) return ENOENT;
  if (source.node->kind == Kind::kFolder) return EPERM;
  if (const int error = Find(path, false, &target); error != 0) return error;
  if (target.node != nullptr) return EEXIST;
  target.folder->entries[target.name] = source.node;
  target.folder->modified = Tick();
  ++source.node->links;
  return 0;
}

int FakeDisk::Remove(const Path& path) {
  Place place;
  if (const int error = Find(path, false, &place); error != 0) return error;
  if (place.node == nullptr) return ENOENT;
  if (place.folder == nullptr) return EBUSY;
  if (!place.node->entries.empty()) return ENOTEMPTY;
  place.folder->entries.erase(place.name);
  place.folder->modified = Tick();
  --place.node->links;
  return 0;
}

void FakeDisk::SyncAll() {
  ForEachNode(root_, [](Node& node) {
    SyncContent(node);
    SyncEntries(node);
  });
}

void FakeDisk::LoseUnsynced() {
  // Along the durable names, which become the visible ones on the way.
  std::set<Node*> seen;
  std::vector<std::shared_ptr<Node>> pending = {root_};
  while (!pending.empty()) {
    const std::shared_ptr<Node> node = std::move(pending.back());
    pending.pop_back();
    if (!seen.insert(node.get()).second) continue;
    node->content = node->durable_content;
    node->entries = node->durable_entries;
    node->modified = node->durable_modified;
    for (const auto& [name, child] : node->entries) pending.push_back(child);
  }
  CountLinks(root_);
}

void FakeDisk::DropLocks() {
  ForEachNode(root_, [](Node& node) { node.lock_holder = nullptr; });
}

uint64_t FakeDisk::UsedBytes() const {
  uint64_t bytes = 0;
  ForEachNode(root_, [&bytes](Node& node) { bytes += node.content.size(); });
  return bytes;
}

std::vector<std::string> FakeDisk::Paths() const {
  std::vector<std::string> paths;
  AppendPaths(*root_, "", &paths);
  std::sort(paths.begin(), paths.end());
  return paths;
}

FileInfo FakeDisk::InfoOf(const Node& node) {
  constexpr uint64_t kBlock = 4096;
  FileInfo info;
  info.kind = node.kind;
  info.size_bytes = node.content.size();
  if (node.kind == Kind::kFile) info.allocated_bytes = (node.content.size() + kBlock - 1) / kBlock * kBlock;
  info.device = 1;
  info.inode = node.inode;
  info.links = node.links;
  info.modified = node.modified;
  info.accessed = node.accessed;
  return info;
}

WallTime FakeDisk::Tick() {
  const WallTime now = time_;
  time_ += std::chrono::milliseconds(1);
  return now;
}

}  // namespace batuta
