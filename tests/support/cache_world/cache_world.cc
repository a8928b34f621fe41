#include "tests/support/cache_world/cache_world.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace batuta {
namespace {

using Path = std::filesystem::path;

template <typename Value>
Value Must(absl::StatusOr<Value> value) {
  EXPECT_TRUE(value.ok()) << value.status();
  if (!value.ok()) std::abort();
  return *std::move(value);
}

}  // namespace

CacheWorld::CacheWorld() {
  files.Put(Path("/state") / "x", "");
  files.Put(Path(kRoot) / ".locks/x", "");
  Start();
}

RepoId CacheWorld::Model(std::string_view id) {
  return Must(RepoId::Parse(RepoType::kModel, id));
}

CommitId CacheWorld::Commit(char digit) {
  return Must(CommitId::Parse(std::string(40, digit)));
}

// Any name will do, as long as equal contents have equal ones.
std::string CacheWorld::BlobName(std::string_view content) {
  return fmt::format("{:016x}{:048x}", std::hash<std::string_view>()(content), 1);
}

void CacheWorld::Bring(std::string_view id, char commit, const std::map<std::string, std::string>& content,
                       bool is_main) {
  const Path folder = Path(kRoot) / Model(id).folder();
  const Path snapshot = folder / "snapshots" / Commit(commit).hex();
  for (const auto& [path, text] : content) {
    const Path blob = folder / "blobs" / BlobName(text);
    if (!files.Get(blob).has_value()) files.Put(blob, text);
    const Path place = snapshot / path;
    files.MakeFolders(place.parent_path()).IgnoreError();
    const auto depth = static_cast<size_t>(std::count(path.begin(), path.end(), '/'));
    std::string target = "../../";
    for (size_t i = 0; i < depth; ++i) target += "../";
    files.Symlink(target + "blobs/" + BlobName(text), place).IgnoreError();
  }
  if (is_main) files.Put(folder / "refs/main", Commit(commit).hex());
  files.SyncAll();
}

void CacheWorld::Share(std::string_view from, std::string_view to, char commit, const std::string& path,
                       const std::string& content) {
  const Path source = Path(kRoot) / Model(from).folder() / "blobs" / BlobName(content);
  const Path target = Path(kRoot) / Model(to).folder() / "blobs";
  files.MakeFolders(target).IgnoreError();
  EXPECT_TRUE(files.Link(source, target / BlobName(content)).ok());
  Bring(to, commit, {{path, content}});
}

void CacheWorld::Start() {
  inventory.reset();
  cache.reset();
  if (files.is_down()) {
    files.Restart();
    store.CutPower();
  }
  store.FailWhile([this] { return files.is_down(); });
  cache = Must(cache::Cache::Open({Path(kRoot), "boot", &verified}, files, store));
  pins = Must(inventory::Pins::Load(Path(kPins), files));
  inventory = std::make_unique<inventory::Inventory>(*cache, store, *pins, clock);
  EXPECT_TRUE(inventory->RefreshChanged().ok());
}

bool CacheWorld::Has(std::string_view id, char commit, const std::string& path) const {
  const Path place = Path(kRoot) / Model(id).folder() / "snapshots" / Commit(commit).hex() / path;
  return files.Get(place).has_value();
}

std::vector<std::string> CacheWorld::Faults() {
  std::vector<std::string> faults;
  for (const RepoId& repo : Must(cache->ListRoot()).repos) {
    const cache::RepoSurvey survey = Must(cache->Survey(repo));
    for (const std::string& ref : survey.bad_refs) faults.push_back(repo.folder() + ": ref " + ref);
    for (const auto& snapshot : survey.snapshots) {
      for (const std::string& path : snapshot.broken_links)
        faults.push_back(repo.folder() + ": link " + path);
    }
  }
  return faults;
}

}  // namespace batuta
