// What the parts of the daemon take that stand behind the cache commands, on a tree that make_cache has made:
// in milliseconds, or microseconds where it says so, one line of JSON.
//   cache_bench CACHE STATE
// The catalog of STATE is used when there is one, and kept.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/io/at_once.h"
#include "common/io/file_system.h"
#include "common/sync/worker_pool.h"
#include "common/time/clock.h"
#include "daemon/cache/cache.h"
#include "daemon/eviction/plan.h"
#include "daemon/eviction/view.h"
#include "daemon/inventory/inventory.h"
#include "daemon/metadata/rocksdb_store.h"
#include "daemon/service/cached_place.h"

namespace batuta {
namespace {

constexpr int kRuns = 7;

// Of the clock on the wall, and of processors: on a busy machine the second says more.
struct Millis {
  double wall = 0;
  double cpu = 0;
};

double CpuMillis() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

Millis MillisOf(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  const double cpu = CpuMillis();
  work();
  return {std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count(),
          CpuMillis() - cpu};
}

double Median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  return samples[samples.size() / 2];
}

Millis MedianMillis(const std::function<void()>& work) {
  std::vector<double> wall;
  std::vector<double> cpu;
  for (int i = 0; i < kRuns; ++i) {
    const Millis sample = MillisOf(work);
    wall.push_back(sample.wall);
    cpu.push_back(sample.cpu);
  }
  return {Median(std::move(wall)), Median(std::move(cpu))};
}

// MiB that the process has in memory.
double Resident() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

template <typename Value>
Value Must(absl::StatusOr<Value> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "cache_bench: %s\n", value.status().ToString().c_str());
  std::exit(1);
}

void Must(const absl::Status& status) {
  Must(status.ok() ? absl::StatusOr<int>(0) : absl::StatusOr<int>(status));
}

struct Figures {
  std::string text = "{";

  void Add(const std::string& name, double value) {
    text += fmt::format("{}\"{}\": {:.3f}", text.size() == 1 ? "" : ", ", name, value);
  }

  void Add(const std::string& name, const Millis& millis) {
    Add(name, millis.wall);
    Add(name + "_cpu", millis.cpu);
  }
};

// What the daemon does between question and answer: the ref is read, the file looked for, and its use noted.
// At once, as gRPC's thread does it; and by way of the disk pool and back, of which most is waking threads.
void AddResolve(cache::Cache& cache, inventory::Inventory& inventory, Figures* figures) {
  constexpr int kQuestions = 20'000;
  const auto pool = WorkerPool::Start("disk", 4);
  const AtOnce at_once(cache.root());
  const inventory::Repos repos = inventory.All();
  std::mt19937 random(1);
  std::vector<double> alone;
  std::vector<double> by_pool;
  for (int i = 0; i < kQuestions; ++i) {
    const inventory::Repo& repo = *repos[random() % repos.size()];
    const auto& files = repo.snapshots.front().selections.front().files;
    const RepoPath path = Must(RepoPath::Parse(files[random() % files.size()].path));
    const Revision revision = Revision::Main();
    alone.push_back(1000 * MillisOf([&] {
                             auto place =
                                 service::FindCachedAtOnce(at_once, cache, repo.repo, revision, path);
                             if (!place) place = Must(service::FindCached(cache, repo.repo, revision, path));
                             if (!inventory.TouchInMemory(repo.repo, place->commit, path.text())) {
                               Must(inventory.Touch(repo.repo, place->commit, path.text()));
                             }
                           }).wall);
    std::promise<void> answered;
    by_pool.push_back(1000 * MillisOf([&] {
                               pool->Post([&] {
                                 const auto place =
                                     Must(service::FindCached(cache, repo.repo, revision, path));
                                 Must(inventory.Touch(repo.repo, place.commit, path.text()));
                                 answered.set_value();
                               });
                               answered.get_future().wait();
                             }).wall);
  }
  pool->Stop();
  figures->Add("resolve_us", Median(alone));
  figures->Add("resolve_by_pool_us", Median(by_pool));
}

void Run(const std::filesystem::path& root, const std::filesystem::path& state) {
  const auto files = MakePosixFileSystem();
  const SystemClock clock;
  std::filesystem::create_directories(state);
  metadata::OpenReport report;
  std::unique_ptr<metadata::MetadataStore> store;
  Figures figures;
  figures.Add("open_catalog",
              MillisOf([&] { store = Must(metadata::OpenRocksDbStore(state / "catalog", &report)); }));
  const auto cache = Must(cache::Cache::Open({root}, *files, *store));
  const auto pins = Must(inventory::Pins::Load(state / "pins.txt", *files));
  const double before = Resident();
  auto inventory = std::make_unique<inventory::Inventory>(*cache, *store, *pins, clock);
  figures.Add("load_and_check", MillisOf([&] { Must(inventory->RefreshChanged()); }));
  figures.Add("inventory_mib", Resident() - before);
  figures.Add("check", MedianMillis([&] { Must(inventory->RefreshChanged()); }));

  eviction::View view;
  figures.Add("view", MedianMillis([&] {
                view = eviction::MakeView(*inventory, *pins, inventory->leases(), {}, WallTime::max());
              }));
  const uint64_t used = view.used_bytes();
  for (const auto& [name, share] : {std::pair<std::string, int>("plan_tenth", 10), {"plan_all", 1}}) {
    const eviction::Goal goal{used / static_cast<uint64_t>(share), used / static_cast<uint64_t>(share)};
    figures.Add(name, MedianMillis([&, goal = goal] {
                  const auto plan = eviction::PlanEviction(view.inventory, goal);
                  if (plan.evicted.empty()) std::exit(1);
                }));
  }
  AddResolve(*cache, *inventory, &figures);
  figures.Add("selections", static_cast<double>(view.inventory.selections.size()));
  figures.Add("blobs", static_cast<double>(view.inventory.blob_bytes.size()));
  figures.Add("peak_mib", Resident());
  std::printf("%s}\n", figures.text.c_str());
}

}  // namespace
}  // namespace batuta

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: cache_bench CACHE STATE\n");
    return 2;
  }
  batuta::Run(argv[1], argv[2]);
  return 0;
}
