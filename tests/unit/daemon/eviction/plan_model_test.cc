// Random inventories that live: models are pulled, touched, pinned, leased, opened, evicted; adapters come
// and go; others add and delete. After each eviction an oracle that knows nothing of how plans are made says
// whether it was right.
#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "daemon/eviction/plan.h"

namespace batuta::eviction {
namespace {

using std::chrono::seconds;

constexpr int kSteps = 100'000;
constexpr size_t kMostModels = 14;

// What the oracle believes: everything by name, nothing by index.
struct Model {
  std::set<int> needs;                      // models
  std::map<int, std::set<int>> selections;  // selection → blobs
};

struct State {
  WallTime accessed;
  bool is_pinned = false;
  int leases = 0;
  bool is_open = false;
};

class Life {
 public:
  // In some lives models come to need each other in circles.
  explicit Life(uint64_t seed) : random_(seed), has_circles_(seed % 5 == 0) {}

  void Step() {
    now_ += seconds(1);
    switch (Below(11)) {
      case 0:
      case 1:
        return Pull();
      case 2:
        return AddVariant();
      case 3:
      case 4:
        if (State* state = AnySelection()) state->accessed = now_;
        return;
      case 5:
        if (State* state = AnySelection()) state->is_pinned = Below(3) == 0;
        return;
      case 6:
        if (State* state = AnySelection()) state->leases = Below(3) == 0 ? 1 : 0;
        return;
      case 7:
        if (State* state = AnySelection()) state->is_open = Below(3) == 0;
        return;
      case 8:
        return ChangeNeeds();
      case 9:
        return DeleteFromOutside();
      default:
        return Evict();
    }
  }

  int plans() const { return plans_; }

  int evicted() const { return evicted_; }

 private:
  uint64_t Below(uint64_t limit) { return random_() % limit; }

  State* AnySelection() {
    if (states_.empty()) return nullptr;
    return &std::next(states_.begin(), static_cast<int>(Below(states_.size())))->second;
  }

  int AnyModel() { return std::next(models_.begin(), static_cast<int>(Below(models_.size())))->first; }

  std::set<int> SomeBlobs() {
    std::set<int> blobs;
    for (uint64_t count = Below(4); count > 0; --count) {
      const bool is_shared = !sizes_.empty() && Below(3) == 0;
      const int blob = is_shared ? static_cast<int>(Below(sizes_.size())) : static_cast<int>(sizes_.size());
      sizes_.emplace(blob, Below(5) == 0 ? 0 : Below(1'000));
      blobs.insert(blob);
    }
    return blobs;
  }

  void AddSelection(int model) {
    const int selection = next_++;
    models_[model].selections[selection] = SomeBlobs();
    states_[selection] = {now_ - seconds(Below(100)), false, 0, false};
  }

  void Pull() {
    if (models_.size() >= kMostModels) return;
    const int model = next_++;
    models_[model];
    if (Below(2) == 0) models_[model].needs.insert(AnyModel());
    AddSelection(model);
  }

  void AddVariant() {
    if (!models_.empty()) AddSelection(AnyModel());
  }

  void ChangeNeeds() {
    if (models_.empty()) return;
    const int model = AnyModel();
    const int base = AnyModel();
    if (Below(3) == 0) {
      models_[model].needs.clear();
    } else if (base < model || has_circles_) {
      models_[model].needs.insert(base);
    }
  }

  void Remove(int model, int selection) {
    models_[model].selections.erase(selection);
    states_.erase(selection);
    if (!models_[model].selections.empty()) return;
    models_.erase(model);
    for (auto& [id, other] : models_) other.needs.erase(model);
  }

  void DeleteFromOutside() {
    if (models_.empty()) return;
    const int model = AnyModel();
    Remove(model, models_[model].selections.begin()->first);
  }

  // ---- what the planner is given ----

  struct Given {
    Inventory inventory;
    std::vector<std::pair<int, int>> names;  // of each selection: model, selection
    std::vector<int> models;                 // of each snapshot
  };

  Given Give() const {
    Given given;
    std::map<int, uint32_t> model_index;
    std::map<int, uint32_t> blob_index;
    for (const auto& [blob, size] : sizes_) {
      blob_index[blob] = static_cast<uint32_t>(given.inventory.blob_bytes.size());
      given.inventory.blob_bytes.push_back(size);
    }
    for (const auto& [id, model] : models_) {
      model_index[id] = static_cast<uint32_t>(given.models.size());
      given.models.push_back(id);
      given.inventory.snapshots.push_back({std::to_string(id), {}});
    }
    for (const auto& [id, model] : models_) {
      for (const int base : model.needs) {
        given.inventory.snapshots[model_index[id]].needs.push_back(model_index.at(base));
      }
      for (const auto& [selection, blobs] : model.selections) {
        const State& state = states_.at(selection);
        Inventory::Selection next{.snapshot = model_index[id], .blobs = {}, .last_access = state.accessed};
        for (const int blob : blobs) next.blobs.push_back(blob_index[blob]);
        if (state.is_pinned) next.pin = "pinned";
        next.leases = static_cast<uint32_t>(state.leases);
        next.is_open = state.is_open;
        given.inventory.selections.push_back(std::move(next));
        given.names.emplace_back(id, selection);
      }
    }
    return given;
  }

  // ---- the oracle ----

  uint64_t UsedBytes() const {
    std::set<int> held;
    for (const auto& [id, model] : models_) {
      for (const auto& [selection, blobs] : model.selections) held.insert(blobs.begin(), blobs.end());
    }
    uint64_t bytes = 0;
    for (const int blob : held) bytes += sizes_.at(blob);
    return bytes;
  }

  bool Reaches(int from, int to, std::set<int>* seen) const {
    if (!seen->insert(from).second) return false;
    for (const int base : models_.at(from).needs) {
      if (base == to || Reaches(base, to, seen)) return true;
    }
    return false;
  }

  bool IsInCircle(int model) const {
    std::set<int> seen;
    return Reaches(model, model, &seen);
  }

  // Whether something that stays needs it. Of models in one circle it is left open who may go first.
  bool IsNeeded(int model) const {
    for (const auto& [id, other] : models_) {
      std::set<int> seen;
      if (id != model && other.needs.count(model) == 1 && !Reaches(model, id, &seen)) return true;
    }
    return false;
  }

  bool IsHeld(int selection) const {
    const State& state = states_.at(selection);
    return state.is_pinned || state.leases > 0 || state.is_open;
  }

  // When a model that needs it, however indirectly, was used last.
  WallTime UsedThroughDependents(int model) const {
    WallTime used = WallTime::min();
    for (const auto& [id, other] : models_) {
      std::set<int> seen;
      if (id == model || !Reaches(id, model, &seen)) continue;
      for (const auto& [selection, blobs] : other.selections) {
        used = std::max(used, states_.at(selection).accessed);
      }
    }
    return used;
  }

  void Evict() {
    const Given given = Give();
    const uint64_t used_before = UsedBytes();
    const uint64_t wanted = Below(3) == 0 ? ~uint64_t{0} : Below(used_before + 2);
    const uint64_t must = Below(2) == 0 ? wanted : wanted / 2;
    const Plan plan = PlanEviction(given.inventory, {must, wanted});
    ++plans_;

    ASSERT_EQ(plan.evicted.size() + plan.kept.size(), given.names.size());
    ExpectKeptReasonsAreTrue(given, plan);
    std::map<int, WallTime> counts_as_used;
    for (const auto& [id, model] : models_) {
      const WallTime through = UsedThroughDependents(id);
      for (const auto& [selection, blobs] : model.selections) {
        counts_as_used[selection] = std::max(states_.at(selection).accessed, through);
      }
    }
    std::set<int> spared;
    for (const Decision& decision : plan.kept) {
      if (decision.reason == Reason::kFreesNothing) spared.insert(given.names[decision.selection].second);
    }

    // One by one, in their order.
    for (const Decision& decision : plan.evicted) {
      ++evicted_;
      const auto [model, selection] = given.names[decision.selection];
      ASSERT_FALSE(IsHeld(selection));
      ASSERT_FALSE(IsNeeded(model)) << "a base went before what needs it";
      if (!has_circles_) ExpectOldest(selection, counts_as_used, spared);
      const uint64_t before = UsedBytes();
      Remove(model, selection);
      ASSERT_EQ(before - UsedBytes(), decision.freed_bytes);
    }
    ASSERT_EQ(used_before - UsedBytes(), plan.freed_bytes);
    ASSERT_EQ(plan.is_enough, plan.freed_bytes >= must);
    if (plan.freed_bytes < wanted) ExpectOnlyUselessOnesAreLeft();
    ExpectEachWasNeeded(given, plan, wanted);
  }

  void ExpectKeptReasonsAreTrue(const Given& given, const Plan& plan) const {
    for (const Decision& decision : plan.kept) {
      const auto [model, selection] = given.names[decision.selection];
      const State& state = states_.at(selection);
      ASSERT_TRUE(decision.reason != Reason::kPinned || state.is_pinned);
      ASSERT_TRUE(decision.reason != Reason::kLeased || state.leases > 0);
      ASSERT_TRUE(decision.reason != Reason::kOpen || state.is_open);
      if (decision.reason == Reason::kNeeded) {
        ASSERT_TRUE(decision.because.has_value());
        const int dependent = given.models[*decision.because];
        ASSERT_EQ(models_.at(dependent).needs.count(model), 1U);
      }
      if (decision.reason == Reason::kRecent || decision.reason == Reason::kFreesNothing) {
        ASSERT_FALSE(IsHeld(selection));
      }
    }
  }

  // Among those that may go now none is older, but for those that were spared.
  void ExpectOldest(int selection, const std::map<int, WallTime>& counts_as_used,
                    const std::set<int>& spared) const {
    for (const auto& [id, model] : models_) {
      if (IsNeeded(id)) continue;
      for (const auto& [other, blobs] : model.selections) {
        if (IsHeld(other) || spared.count(other) == 1) continue;
        ASSERT_GE(counts_as_used.at(other), counts_as_used.at(selection)) << "an older one could have gone";
      }
    }
  }

  // Not enough was freed: whatever may still go frees nothing.
  void ExpectOnlyUselessOnesAreLeft() const {
    std::map<int, int> holders;
    for (const auto& [id, model] : models_) {
      for (const auto& [selection, blobs] : model.selections) {
        if (IsHeld(selection)) {
          for (const int blob : blobs) ++holders[blob];
        }
      }
    }
    for (const auto& [id, model] : models_) {
      if (IsNeeded(id) || IsInCircle(id)) continue;
      for (const auto& [selection, blobs] : model.selections) {
        if (IsHeld(selection)) continue;
        for (const int blob : blobs) {
          if (sizes_.at(blob) > 0) {
            ASSERT_TRUE(IsHeldByAnother(selection, blob)) << "more could have gone";
          }
        }
      }
    }
  }

  bool IsHeldByAnother(int selection, int blob) const {
    for (const auto& [id, model] : models_) {
      for (const auto& [other, blobs] : model.selections) {
        if (other != selection && blobs.count(blob) == 1) return true;
      }
    }
    return false;
  }

  // Without any one of them less than wanted would have been freed; but a model whose base goes cannot stay.
  static void ExpectEachWasNeeded(const Given& given, const Plan& plan, uint64_t wanted) {
    const uint64_t enough = std::min(wanted, plan.freed_bytes);
    std::set<uint32_t> gone;
    std::set<uint32_t> touched;
    for (const Decision& decision : plan.evicted) {
      gone.insert(decision.selection);
      touched.insert(given.inventory.selections[decision.selection].snapshot);
    }
    for (const uint32_t selection : gone) {
      const auto& needs = given.inventory.snapshots[given.inventory.selections[selection].snapshot].needs;
      if (std::any_of(needs.begin(), needs.end(), [&](uint32_t base) { return touched.count(base) == 1; }))
        continue;
      std::set<uint32_t> held;
      for (uint32_t other = 0; other < given.inventory.selections.size(); ++other) {
        if (gone.count(other) == 1 && other != selection) continue;
        const auto& blobs = given.inventory.selections[other].blobs;
        held.insert(blobs.begin(), blobs.end());
      }
      uint64_t freed = 0;
      std::set<uint32_t> known;
      for (const auto& other : given.inventory.selections)
        known.insert(other.blobs.begin(), other.blobs.end());
      for (const uint32_t blob : known) freed += held.count(blob) == 1 ? 0 : given.inventory.blob_bytes[blob];
      ASSERT_LT(freed, enough) << "one went for nothing";
    }
  }

  std::mt19937_64 random_;
  const bool has_circles_;
  WallTime now_ = WallTime(std::chrono::hours(24 * 365 * 56));
  int next_ = 0;
  std::map<int, Model> models_;
  std::map<int, State> states_;
  std::map<int, uint64_t> sizes_;  // by blob
  int plans_ = 0;
  int evicted_ = 0;
};

TEST(PlanModelTest, AHundredThousandRandomStepsAndNoPlanIsWrong) {
  // Several lives, since in one of them the blobs only become more.
  int steps = 0;
  int plans = 0;
  int evicted = 0;
  for (uint64_t seed = 1; steps < kSteps; ++seed) {
    SCOPED_TRACE(seed);
    Life life(seed);
    for (int i = 0; i < 400; ++i, ++steps) {
      life.Step();
      if (::testing::Test::HasFailure()) return;
    }
    plans += life.plans();
    evicted += life.evicted();
  }
  EXPECT_GT(plans, 5'000);
  EXPECT_GT(evicted, 5'000);
}

}  // namespace
}  // namespace batuta::eviction
