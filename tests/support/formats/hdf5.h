#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// HDF5 files as h5py writes them by default, structure by structure.
namespace batuta::formats {

inline constexpr uint64_t kHdf5Nowhere = ~uint64_t{0};

// One message of an object's header.
struct Hdf5Message {
  uint16_t kind = 0;
  std::string body;
  uint8_t flags = 0;
};

Hdf5Message Hdf5Space(const std::vector<uint64_t>& dimensions);
Hdf5Message Hdf5Float32();
Hdf5Message Hdf5Contiguous(uint64_t address, uint64_t size_bytes);
// `chunk` is without the size of a value, which is four bytes.
Hdf5Message Hdf5Chunked(uint64_t tree, const std::vector<uint32_t>& chunk);
Hdf5Message Hdf5Filters(const std::vector<uint16_t>& ids);
Hdf5Message Hdf5Text(std::string_view name, std::string_view value);  // an attribute, of a fixed length
// The same with its value in a heap.
Hdf5Message Hdf5LongText(std::string_view name, uint64_t heap, uint32_t size_bytes);
Hdf5Message Hdf5HardLink(std::string_view name, uint64_t address);
Hdf5Message Hdf5OtherLink(std::string_view name, uint8_t kind, std::string_view target);
Hdf5Message Hdf5Continuation(uint64_t address, uint64_t size_bytes);

class Hdf5File {
 public:
  // Each gives the address of what was added.
  uint64_t Add(std::string_view bytes);
  uint64_t AddObject(const std::vector<Hdf5Message>& messages);     // with a header of the first version
  uint64_t AddNewObject(const std::vector<Hdf5Message>& messages);  // of the second
  uint64_t AddHeap(std::string_view text);                          // with one string, number 1
  uint64_t AddDataset(const std::vector<uint64_t>& dimensions);     // with the values that it needs
  // A tree with one node of one chunk.
  uint64_t AddChunk(const std::vector<uint32_t>& chunk, std::string_view bytes);

  using Members = std::vector<std::pair<std::string, uint64_t>>;

  // One that leads to its members, at most eight, by a tree of symbols.
  uint64_t AddGroup(Members members, const std::vector<Hdf5Message>& more = {});

  // The whole file, with a superblock of the first or third version.
  std::string Take(uint64_t root) const;
  std::string TakeNew(uint64_t root) const;

 private:
  std::string bytes_;  // behind the superblock
};

// Groups, a dataset, chunks, and the attributes of weights.
std::string Hdf5Weights();

// The same around the text of a model, in the header or in a heap.
std::string Hdf5Model(std::string_view config);
std::string Hdf5LongModel(std::string_view config);

// The messages of a header, as they stand in the file.
std::string Hdf5Messages(const std::vector<Hdf5Message>& messages);

}  // namespace batuta::formats
