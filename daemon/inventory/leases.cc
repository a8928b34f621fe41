#include "daemon/inventory/leases.h"

namespace batuta::inventory {

Leases::Lease& Leases::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    GiveBack();
    book_ = std::move(other.book_);
    key_ = std::move(other.key_);
  }
  return *this;
}

Leases::Lease::~Lease() {
  GiveBack();
}

void Leases::Lease::GiveBack() {
  const std::shared_ptr<Book> book = std::exchange(book_, nullptr);
  if (book == nullptr) return;
  MutexLock lock(book->mutex);
  const auto count = book->counts.find(*key_);
  if (--count->second == 0) book->counts.erase(count);
}

Leases::Lease Leases::Take(const RepoId& repo, const std::optional<CommitId>& commit) {
  Lease::Key key(repo, commit);
  {
    MutexLock lock(book_->mutex);
    ++book_->counts[key];
  }
  return Lease(book_, std::move(key));
}

uint32_t Leases::Count(const RepoId& repo, const CommitId& commit) const {
  MutexLock lock(book_->mutex);
  uint32_t count = 0;
  for (const std::optional<CommitId>& key : {std::optional<CommitId>(), std::optional<CommitId>(commit)}) {
    if (const auto found = book_->counts.find({repo, key}); found != book_->counts.end())
      count += found->second;
  }
  return count;
}

bool Leases::HasAny(const RepoId& repo) const {
  MutexLock lock(book_->mutex);
  const auto first = book_->counts.lower_bound({repo, std::nullopt});
  return first != book_->counts.end() && first->first.first == repo;
}

}  // namespace batuta::inventory
