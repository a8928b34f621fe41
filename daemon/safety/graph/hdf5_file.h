#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/rule.h"
#include "daemon/safety/base/subject.h"
#include "daemon/safety/graph/random_reader.h"

namespace batuta::safety::hdf5 {

// A product or sum, or 2^64 − 1 where it is larger.
uint64_t CappedProduct(uint64_t a, uint64_t b);
uint64_t CappedSum(uint64_t a, uint64_t b);

// Where an object of the superblock stands, and what is noted beside it of the group that it is.
struct Root {
  uint64_t address = 0;
  std::optional<uint64_t> extension = {};  // an object with settings of the file
  bool notes_group = false;
  uint64_t tree = 0;  // of that group, with its heap of names
  uint64_t heap = 0;
};

// The structures of one file and how much of them may still be read. Addresses count from the signature on,
// which may stand behind a user block.
class File {
 public:
  // Of what is read whole at one time. Writers stay below 64 KiB.
  static constexpr uint64_t kMostPieceBytes = 4 << 20;

  explicit File(Subject& subject);

  // Finds the superblock and judges what stands before and behind the file. Nothing when there is no going
  // on.
  std::optional<Root> Open();

  uint64_t size_bytes() const { return size_bytes_; }

  bool IsInside(uint64_t address, uint64_t count) const;

  // A structure, read whole. Where there is none it is a finding.
  bool Fetch(uint64_t address, uint64_t count, std::string& out);

  // For what is read in another way. False, with a finding, when all structures together are larger than the
  // file: then some are looked at again and again.
  bool Take(uint64_t address, uint64_t count);

  // In the source; `address` is inside.
  uint64_t OffsetOf(uint64_t address) const { return base_ + address; }

  void Add(const Rule& rule, uint64_t address, std::string_view text);

  // Always false.
  bool Broken(uint64_t address, std::string_view text);

  void Unsupported(uint64_t address, std::string_view text);

  // Says that the walk ends here.
  void TooComplex(uint64_t address, std::string_view text);

  void Stop() { stopped_ = true; }

  // Also after a failed read.
  bool stopped() const { return stopped_ || !reader_.status().ok(); }

  const absl::Status& status() const { return reader_.status(); }

 private:
  bool ReadOldSuperblock(uint8_t version, Root& root);
  bool ReadNewSuperblock(Root& root);
  void JudgeUserBlock();
  void JudgePlace(uint8_t offset_bytes, uint8_t length_bytes, uint64_t base, uint64_t end);

  Subject& subject_;
  RandomReader reader_;
  uint64_t size_bytes_;
  uint64_t base_ = 0;  // where the signature stands
  uint64_t budget_bytes_;
  bool stopped_ = false;
};

}  // namespace batuta::safety::hdf5
