#include "tests/support/archives/large_torch_zip.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "tests/support/archives/packed.h"
#include "tests/support/archives/zip_model.h"

namespace batuta::test {
namespace {

std::string Text(std::string_view text) {
  return "X" + Bytes32(static_cast<uint32_t>(text.size())) + std::string(text);
}

std::string Number(uint32_t number) {
  return "J" + Bytes32(number);
}

// {"w0": a tensor of storage "0", …}
std::string Pickle(uint64_t storages, uint32_t elements) {
  std::string pickle = "\x80\x02}(";
  for (uint64_t i = 0; i < storages; ++i) {
    pickle += Text("w" + std::to_string(i)) + "ctorch._utils\n_rebuild_tensor_v2\n((" + Text("storage") +
              "ctorch\nFloatStorage\n" + Text(std::to_string(i)) + Text("cpu") + Number(elements) + "tQ" +
              Number(0) + Number(elements) + "\x85" + Number(1) + "\x85\x89" +
              "ccollections\nOrderedDict\n)RtR";
  }
  return pickle + "u.";
}

// Writes members one after the other, and what the directory says of them.
class Writer {
 public:
  void Add(std::string_view name, std::string_view content, uint32_t size, uint32_t crc32) {
    ZipMember member = DescribedMember(name, "");
    member.crc32 = crc32;
    member.size_bytes = size;
    member.directory.packed_bytes = size;
    member.descriptor.clear();
    const bool is_far = offset_ >= 0xFFFFFFFF;
    member.header_offset = is_far ? 0xFFFFFFFF : static_cast<uint32_t>(offset_);
    if (is_far) member.local.extra = member.directory.extra = ExtraField(1, Bytes64(offset_));
    ZipModel one;
    one.members.push_back(member);
    const std::string bytes = WriteZip(one);
    const size_t local_bytes = 30 + member.name.size() + member.local.extra.size();
    directory_ += bytes.substr(local_bytes, bytes.size() - local_bytes - 22);
    Put(bytes.substr(0, local_bytes) + std::string(content));
    offset_ += size - content.size();
    const std::string sizes = is_far ? Bytes64(size) + Bytes64(size) : Bytes32(size) + Bytes32(size);
    Put("PK\7\10" + Bytes32(crc32) + sizes);
    ++count_;
  }

  SparseFile Finish() && {
    const std::string counts = Bytes64(count_) + Bytes64(count_);
    std::string end = "PK\6\6" + Bytes64(44) + Bytes32(0x002D031E) + Bytes64(0) + counts +
                      Bytes64(directory_.size()) + Bytes64(offset_);
    end += "PK\6\7" + Bytes32(0) + Bytes64(offset_ + directory_.size()) + Bytes32(1);
    end += "PK\5\6" + Bytes32(0) + Bytes32(0xFFFFFFFF) + Bytes64(UINT64_MAX) + std::string(2, '\0');
    Put(directory_ + end);
    return std::move(file_);
  }

 private:
  void Put(std::string bytes) {
    const uint64_t size = bytes.size();
    file_.Write(offset_, std::move(bytes));
    offset_ += size;
  }

  SparseFile file_;
  uint64_t offset_ = 0;
  uint64_t count_ = 0;
  std::string directory_;
};

}  // namespace

void SparseFile::Write(uint64_t offset, std::string bytes) {
  size_bytes_ = std::max(size_bytes_, offset + bytes.size());
  runs_[offset] = std::move(bytes);
}

absl::Status SparseFile::Read(uint64_t offset, std::span<char> out) {
  if (offset < here_from_) return absl::OutOfRangeError("not here yet");
  read_bytes_ += out.size();
  std::fill(out.begin(), out.end(), '\0');
  auto run = runs_.upper_bound(offset);
  if (run != runs_.begin()) --run;
  for (; run != runs_.end() && run->first < offset + out.size(); ++run) {
    const auto& [begin, bytes] = *run;
    const uint64_t from = std::max(offset, begin);
    if (from >= begin + bytes.size()) continue;
    bytes.copy(out.data() + (from - offset), out.size() - (from - offset), from - begin);
  }
  return absl::OkStatus();
}

SparseFile LargeTorchZip(uint64_t storages, uint32_t storage_bytes) {
  Writer writer;
  const std::string pickle = Pickle(storages, storage_bytes / 4);
  writer.Add("model/data.pkl", pickle, static_cast<uint32_t>(pickle.size()), Crc32(pickle));
  for (uint64_t i = 0; i < storages; ++i) {
    writer.Add("model/data/" + std::to_string(i), "", storage_bytes, 0);
  }
  writer.Add("model/version", "3\n", 2, Crc32("3\n"));
  return std::move(writer).Finish();
}

}  // namespace batuta::test
