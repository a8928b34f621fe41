// A cache that lives on a disk that breaks: models are brought by other tools and pulled, used, pinned,
// leased, opened and deleted; adapters come and go; the quota is enforced; the power goes and the process is
// killed in the middle. After each step what must be there is there, no link leads to nothing, and the
// inventory is what the tree is.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "daemon/eviction/evictor.h"
#include "tests/support/cache_world/cache_world.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::eviction {
namespace {

constexpr uint64_t kQuota = 900;
constexpr int kModels = 9;

// BATUTA_STEPS asks for more.
int Steps() {
  const char* const steps = std::getenv("BATUTA_STEPS");  // NOLINT(concurrency-mt-unsafe): no other thread
  return steps == nullptr ? 100'000 : std::atoi(steps);
}

std::string IdOf(int model) {
  return fmt::format("acme/model-{}", model);
}

class Life {
 public:
  explicit Life(uint64_t seed) : random_(seed) { NewEvictor(); }

  void Step() {
    world_.clock.Advance(std::chrono::minutes(7));
    world_.files.SetTime(world_.clock.wall());
    switch (Below(14)) {
      case 0:
      case 1:
      case 2:
        return Bring();
      case 3:
        return RecordPull();
      case 4:
      case 5:
        return Touch();
      case 6:
        return ChangePin();
      case 7:
        return ChangeLease();
      case 8:
        return OpenOrClose();
      case 9:
        return DeleteFromOutside();
      case 10:
        return Crash();
      default:
        return Evict();
    }
  }

  void CheckInventory() {
    ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
    inventory::Inventory fresh(*world_.cache, world_.store, *world_.pins, world_.clock);
    ASSERT_THAT(fresh.Rescan(), IsOk());
    const inventory::Repos ours = world_.inventory->All();
    const inventory::Repos theirs = fresh.All();
    ASSERT_EQ(ours.size(), theirs.size());
    for (size_t i = 0; i < ours.size(); ++i) {
      ASSERT_EQ(ours[i]->repo, theirs[i]->repo);
      ASSERT_EQ(ours[i]->snapshots.size(), theirs[i]->snapshots.size());
      for (size_t j = 0; j < ours[i]->snapshots.size(); ++j) {
        const inventory::Snapshot& a = ours[i]->snapshots[j];
        const inventory::Snapshot& b = theirs[i]->snapshots[j];
        ASSERT_EQ(a.selections.size(), b.selections.size());
        for (size_t k = 0; k < a.selections.size(); ++k)
          ASSERT_EQ(a.selections[k].files, b.selections[k].files);
      }
    }
  }

  int evictions() const { return evictions_; }

  int crashes() const { return crashes_; }

 private:
  // What the oracle knows of a model that is there.
  struct Model {
    std::map<std::string, std::string> files;  // path → content
    std::optional<int> base;
    bool is_pinned = false;
    std::optional<inventory::Leases::Lease> lease;
    std::string open_path;
    std::unique_ptr<File> reader;
  };

  uint64_t Below(uint64_t limit) { return random_() % limit; }

  void NewEvictor() {
    EvictorOptions options;
    options.grace = {};
    options.quota = {.max_bytes = kQuota, .min_free_bytes = 0, .high_percent = 95, .low_percent = 80};
    evictor_ = std::make_unique<Evictor>(options, *world_.inventory, *world_.cache, world_.clock);
  }

  Model* AnyModel(int* id) {
    if (models_.empty()) return nullptr;
    const auto place = std::next(models_.begin(), static_cast<int>(Below(models_.size())));
    *id = place->first;
    return &place->second;
  }

  void Bring() {
    const int id = static_cast<int>(Below(kModels));
    if (models_.count(id) == 1) return;
    Model model;
    for (uint64_t i = 0; i < 1 + Below(3); ++i) {
      const std::string path = fmt::format("{}file-{}.bin", i == 2 ? "sub/" : "", i);
      model.files[path] = fmt::format("{}/{}/{}", id, i, std::string(20 + Below(200), 'x'));
    }
    if (Below(3) == 0) {
      int base = 0;
      if (AnyModel(&base) != nullptr && base < id) {  // never a circle
        model.base = base;
        model.files["adapter_config.json"] =
            fmt::format(R"({{"base_model_name_or_path": "{}"}})", IdOf(base));
      }
    }
    world_.Bring(IdOf(id), '3', model.files);
    models_.emplace(id, std::move(model));
    ASSERT_THAT(world_.inventory->RefreshChanged(), IsOk());
  }

  void RecordPull() {
    int id = 0;
    const Model* model = AnyModel(&id);
    if (model == nullptr) return;
    std::vector<std::string> paths;
    for (const auto& [path, content] : model->files) {
      if (Below(3) != 0) paths.push_back(path);
    }
    ASSERT_THAT(
        world_.inventory->RecordPull(CacheWorld::Model(IdOf(id)), CacheWorld::Commit('3'), "some", paths),
        IsOk());
  }

  void Touch() {
    int id = 0;
    if (AnyModel(&id) == nullptr) return;
    ASSERT_THAT(world_.inventory->Touch(CacheWorld::Model(IdOf(id)), CacheWorld::Commit('3'), std::nullopt),
                IsOk());
  }

  void ChangePin() {
    int id = 0;
    Model* model = AnyModel(&id);
    if (model == nullptr) return;
    if (model->is_pinned) {
      ASSERT_THAT(world_.pins->Remove(CacheWorld::Model(IdOf(id)), std::nullopt), IsOk());
    } else if (Below(3) == 0) {
      ASSERT_THAT(world_.pins->Add({CacheWorld::Model(IdOf(id)), std::nullopt, "2026-11-27", "why"}), IsOk());
    } else {
      return;
    }
    model->is_pinned = !model->is_pinned;
  }

  void ChangeLease() {
    int id = 0;
    Model* model = AnyModel(&id);
    if (model == nullptr) return;
    if (model->lease || Below(3) != 0) {
      model->lease.reset();
    } else {
      model->lease = world_.inventory->leases().Take(CacheWorld::Model(IdOf(id)), CacheWorld::Commit('3'));
    }
  }

  void OpenOrClose() {
    int id = 0;
    Model* model = AnyModel(&id);
    if (model == nullptr) return;
    if (model->reader != nullptr || Below(3) != 0) {
      model->reader.reset();
      return;
    }
    model->open_path = model->files.begin()->first;
    auto reader =
        world_.cache->OpenForReading(CacheWorld::Model(IdOf(id)), CacheWorld::Commit('3'), model->open_path);
    ASSERT_THAT(reader, IsOk());
    model->reader = *std::move(reader);
  }

  // `rm -r`, more or less.
  void DeleteFromOutside() {
    int id = 0;
    const Model* model = AnyModel(&id);
    if (model == nullptr || model->reader != nullptr || Below(3) != 0) return;
    std::vector<std::string> paths;
    for (const auto& [path, content] : model->files) paths.push_back(path);
    ASSERT_THAT(world_.cache->Remove(CacheWorld::Model(IdOf(id)), CacheWorld::Commit('3'), paths,
                                     [] { return true; }),
                IsOk());
    Gone(id);
  }

  void Gone(int id) {
    if (models_.at(id).is_pinned) {
      ASSERT_THAT(world_.pins->Remove(CacheWorld::Model(IdOf(id)), std::nullopt), IsOk());
    }
    models_.erase(id);
  }

  void Evict() {
    const uint64_t asked = Below(3) == 0 ? Below(300) : 0;
    const absl::Status status = evictor_->MakeRoom({asked, asked});
    ++evictions_;
    Compare();
    uint64_t used = 0;
    for (const auto& [id, model] : models_) {
      for (const auto& [path, content] : model.files) used += content.size();
    }
    if (status.ok()) {
      ASSERT_LE(used + asked, kQuota);
    } else {
      ASSERT_THAT(status, HasReason("DISK_FULL"));
    }
  }

  // Takes note of what went, and whether it might.
  void Compare() {
    std::map<int, std::map<std::string, std::string>> left;
    for (const auto& [id, model] : models_) {
      for (const auto& [path, content] : model.files) {
        if (world_.Has(IdOf(id), '3', path)) left[id].emplace(path, content);
      }
      const bool is_held = model.is_pinned || model.lease.has_value();
      ASSERT_TRUE(!is_held || left[id] == model.files) << "of a held one something went: " << IdOf(id);
      ASSERT_TRUE(model.reader == nullptr || left[id].count(model.open_path) == 1) << "an open file went";
    }
    for (const auto& [id, model] : models_) {
      if (left[id].empty() || !model.base || models_.count(*model.base) == 0 || !HasConfig(left[id]))
        continue;
      ASSERT_EQ(left[*model.base], models_.at(*model.base).files) << "a base that is needed lost something";
    }
    ASSERT_EQ(world_.Faults(), std::vector<std::string>());
    std::vector<int> gone;
    for (auto& [id, model] : models_) {
      if (!HasConfig(left[id])) model.base.reset();
      model.files = left[id];
      if (model.files.empty()) gone.push_back(id);
    }
    for (const int id : gone) models_.erase(id);
    for (auto& [id, model] : models_) {
      if (model.base && models_.count(*model.base) == 0) model.base.reset();
    }
  }

  static bool HasConfig(const std::map<std::string, std::string>& files) {
    return files.count("adapter_config.json") == 1;
  }

  void Crash() {
    ++crashes_;
    const uint64_t n = 1 + Below(40);
    if (Below(2) == 0) {
      world_.files.CutPowerAtMutation(n);
    } else {
      world_.files.KillAtMutation(n);
    }
    evictor_->Free(Below(600), true).IgnoreError();
    if (!world_.files.is_down()) world_.files.CutPower();
    for (auto& [id, model] : models_) {
      model.lease.reset();
      model.reader.reset();
    }
    evictor_.reset();
    world_.Start();
    NewEvictor();
    Compare();
  }

  std::mt19937_64 random_;
  CacheWorld world_;
  std::unique_ptr<Evictor> evictor_;
  std::map<int, Model> models_;
  int evictions_ = 0;
  int crashes_ = 0;
};

TEST(EvictionModelTest, NothingThatMattersIsLostAndTheQuotaHolds) {
  constexpr int kStepsOfALife = 500;
  int steps = 0;
  int evictions = 0;
  int crashes = 0;
  for (uint64_t seed = 1; steps < Steps(); ++seed) {
    Life life(seed);
    for (int i = 0; i < kStepsOfALife; ++i, ++steps) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", step " << i);
      life.Step();
      if (i % 25 == 0) life.CheckInventory();
      if (::testing::Test::HasFailure()) return;
    }
    evictions += life.evictions();
    crashes += life.crashes();
  }
  EXPECT_GT(evictions, Steps() / 20);
  EXPECT_GT(crashes, Steps() / 50);
  std::printf("%d steps, %d evictions, %d crashes\n", steps, evictions, crashes);
}

}  // namespace
}  // namespace batuta::eviction
