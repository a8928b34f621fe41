#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "common/sync/mutex.h"
#include "common/types/repo_id.h"
#include "common/types/revision.h"

namespace batuta::inventory {

// Leases keep what somebody is using: a running job, a client's open stream. They live in memory: whoever
// holds one ends with the daemon. Thread-safe.
class Leases {
 private:
  struct Book;

 public:
  // Given back when it is destroyed; may outlive the Leases.
  class Lease {
   public:
    using Key = std::pair<RepoId, std::optional<CommitId>>;

    Lease() = default;
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease();

   private:
    friend class Leases;

    Lease(std::shared_ptr<Book> book, Key key) : book_(std::move(book)), key_(std::move(key)) {}

    void GiveBack();

    std::shared_ptr<Book> book_;
    std::optional<Key> key_;
  };

  Leases() : book_(std::make_shared<Book>()) {}

  // On a commit, or on whatever the repo has.
  Lease Take(const RepoId& repo, const std::optional<CommitId>& commit);

  uint32_t Count(const RepoId& repo, const CommitId& commit) const;

  // Is there one on whatever part of the repo?
  bool HasAny(const RepoId& repo) const;

 private:
  struct Book {
    Mutex mutex;
    std::map<Lease::Key, uint32_t> counts ABSL_GUARDED_BY(mutex);
  };

  const std::shared_ptr<Book> book_;
};

}  // namespace batuta::inventory
