#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "daemon/safety/graph/hdf5_file.h"
#include "daemon/safety/graph/hdf5_messages.h"

namespace batuta::safety::hdf5 {

// What the header of one object says, collected from all its pieces.
struct Object {
  std::optional<Space> space = {};
  std::optional<Type> type = {};
  std::optional<Layout> layout = {};  // a dataset has one
  std::vector<uint16_t> filters = {};
  bool is_known = true;  // false: some of it stands elsewhere
};

// Where the tree of a dataset's chunks stands, and what must hold for each of them.
struct Chunks {
  uint64_t tree = 0;
  uint64_t bytes = 0;    // of one, unpacked
  size_t key_bytes = 0;  // in the tree
  bool filtered = false;
};

// Judges the datasets of one file: filters, places, and sizes, one by one and all together.
class Datasets {
 public:
  explicit Datasets(File& file) : file_(file) {}

  // The chunks that are still to be looked at, if the dataset has some.
  std::optional<Chunks> Judge(const Object& object, uint64_t address);

 private:
  bool JudgeFilters(const Object& object, uint64_t address);
  void JudgeWhole(const Layout& layout, uint64_t declared_bytes, uint64_t address);
  void JudgeSize(uint64_t declared_bytes, uint64_t chunk_bytes, bool expands, uint64_t address);

  File& file_;
  uint64_t plain_bytes_ = 0;     // that all datasets are said to have without filters,
  uint64_t expanded_bytes_ = 0;  // and with those that make them smaller
};

}  // namespace batuta::safety::hdf5
