#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/base/subject.h"
#include "daemon/safety/container/zip_records.h"

namespace batuta::safety {

struct ZipEntry {
  std::string name;  // a folder's ends with `/`
  uint16_t flags = 0;
  uint16_t method = 0;
  uint32_t crc32 = 0;
  uint64_t packed_bytes = 0;
  uint64_t size_bytes = 0;
  uint64_t header_offset = 0;
  uint64_t end_offset = 0;   // where the next member's header, or the directory, begins
  uint64_t data_offset = 0;  // 0 until its own header was read
  bool readable = true;      // nothing is so wrong with it that it cannot be opened

  bool is_folder() const { return name.ends_with('/'); }

  bool is_stored() const { return method == zip::kStored; }
};

// A zip under inspection: its directory from the end, then each member's own header, so that every byte
// belongs to exactly one of them. What breaks a rule is found in the subject, and as much as can be read is
// read all the same: loaders are not as strict. An error is about reading; the directory stands at the end,
// so that a source which holds only that tells at least what is inside.
class ZipArchive {
 public:
  static constexpr uint64_t kTailBytes = (64 << 10) + zip::kEndBytes;  // where the end record must be

  // `subject` must outlive it.
  explicit ZipArchive(Subject& subject) : subject_(subject) {}

  // First of all. Finds out which members there are; none when the directory cannot be read.
  absl::Status ReadDirectory();

  // In the order of the directory.
  std::span<const ZipEntry> entries() const { return entries_; }

  // Indexes of entries(): reading members so goes through the file once.
  std::span<const uint32_t> in_file_order() const { return by_offset_; }

  // Reads the own headers of all members and accounts for every byte between them; those that were opened
  // before are not read again.
  absl::Status ReadHeaders();

  // Will the content be compared with its checksum? That reads all of it.
  enum class Digest : uint8_t { kVerified, kIgnored };

  // Hands the content of a member to `use`, or finds out why it cannot.
  absl::Status Open(size_t index, Digest digest, absl::FunctionRef<absl::Status(ByteSource& content)> use);

 private:
  absl::Status FindEnd(zip::End& end, bool& found);
  absl::Status FindEnd64(zip::End& end, bool& found);
  absl::Status ReadEntries(const zip::End& end);
  // What the directory's record of it says of itself.
  void CheckEntry(ZipEntry& entry, uint64_t at);
  void CheckAttributes(const ZipEntry& entry, uint32_t attributes, uint64_t at);
  // Where each member must end, from where the next begins.
  void Arrange(uint64_t directory_offset);
  absl::Status ReadHeader(ZipEntry& entry);
  absl::Status CheckDescriptor(ZipEntry& entry);
  absl::Status OpenStored(const ZipEntry& entry, Digest digest, ByteSource& packed,
                          absl::FunctionRef<absl::Status(ByteSource& content)> use);
  absl::Status OpenDeflated(const ZipEntry& entry, ByteSource& packed,
                            absl::FunctionRef<absl::Status(ByteSource& content)> use);
  // Reads where it is known that the bytes exist.
  absl::Status ReadAt(uint64_t offset, uint64_t count, std::string& out);
  void Unreadable(uint64_t offset, std::string_view why);

  Subject& subject_;
  std::vector<ZipEntry> entries_;
  std::vector<uint32_t> by_offset_;  // indexes of entries_, in the order of their headers
};

}  // namespace batuta::safety
