#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace batuta::jobs {

// ChangeLog knows which files of a job changed when, so that whoever has seen it up to a sequence number is
// told the rest and no more. Of a file only its latest change counts.
class ChangeLog {
 public:
  // Sequence numbers begin after `first`.
  explicit ChangeLog(uint64_t first) : sequence_(first) {}

  uint64_t sequence() const { return sequence_; }

  // Something changed that is no file.
  void Step() { ++sequence_; }

  // There are no files any more.
  void Clear();

  // `file` is a position; those in between are there from then on.
  void Touch(uint32_t file);

  struct Since {
    std::vector<uint32_t> files;  // oldest change first
    uint64_t sequence = 0;        // ask with this one next
    bool more = false;
  };

  // What changed after `sequence` (0 = everything), at most `max_files`.
  Since After(uint64_t sequence, size_t max_files) const;

 private:
  struct Change {
    uint64_t sequence;
    uint32_t file;
  };

  uint64_t sequence_;
  std::vector<Change> changes_;   // oldest first
  std::vector<uint64_t> latest_;  // by file
};

}  // namespace batuta::jobs
