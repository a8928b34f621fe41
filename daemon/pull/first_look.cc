#include "daemon/pull/first_look.h"

#include <utility>

namespace batuta::pull {

std::shared_ptr<FirstLook> FirstLook::Start(Sequence& core, WorkerPool& disk, LookTurns* turns,
                                            std::shared_ptr<guard::PullGuard> guard, std::vector<Blob> blobs,
                                            Done done) {
  core.AssertCurrent();
  std::shared_ptr<FirstLook> look(new FirstLook(std::move(done)));
  look->Begin(core, disk, turns, std::move(guard), std::move(blobs));
  return look;
}

void FirstLook::Begin(Sequence& core, WorkerPool& disk, LookTurns* turns,
                      std::shared_ptr<guard::PullGuard> guard, std::vector<Blob> blobs) {
  std::vector<size_t> groups;
  std::vector<PrecheckedFile> files;
  for (Blob& blob : blobs) {
    if (turns != nullptr && turns->IsTaken(blob.entry.blob)) {
      ++under_way_;
      turns->Wait(blob.entry.blob, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->OnOneOver();
      });
      continue;
    }
    if (turns != nullptr) turns_.push_back(turns->Take(blob.entry.blob));
    groups.push_back(blob.group);
    files.push_back({std::move(blob.entry), std::move(blob.source)});
  }
  ++under_way_;
  precheck_ = Precheck::Start(
      core, disk, std::move(guard), std::move(files),
      [weak = weak_from_this(), groups = std::move(groups)](std::vector<Precheck::Answer> answers) {
        if (const auto self = weak.lock()) self->OnLooked(groups, std::move(answers));
      });
}

void FirstLook::OnLooked(const std::vector<size_t>& groups, std::vector<Precheck::Answer> answers) {
  precheck_ = nullptr;
  for (size_t i = 0; i < answers.size(); ++i) {
    seen_.push_back({groups[i], std::move(answers[i].status), std::move(answers[i].bytes)});
  }
  OnOneOver();
}

void FirstLook::OnOneOver() {
  if (--under_way_ == 0) std::exchange(done_, nullptr)(std::move(seen_));
}

}  // namespace batuta::pull
