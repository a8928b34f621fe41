#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/base/subject.h"
#include "daemon/safety/base/verdict.h"

namespace batuta::safety {

// Counts what is read of another source, and may have only its first bytes.
class CountingSource final : public ByteSource {
 public:
  explicit CountingSource(std::string_view bytes) : CountingSource(bytes, bytes.size()) {}

  // A file of `size_bytes` that begins with `here`; the rest cannot be read.
  CountingSource(std::string_view here, uint64_t size_bytes) : here_(here), size_bytes_(size_bytes) {}

  uint64_t size_bytes() const override { return size_bytes_; }

  absl::Status Read(uint64_t offset, std::span<char> out) override;

  uint64_t read_bytes() const { return read_bytes_; }

 private:
  std::string_view here_;
  uint64_t size_bytes_;
  uint64_t read_bytes_ = 0;
};

struct Inspected {
  Verdict verdict;
  absl::Status status;
};

// What `parser` says of a file of that name.
Inspected InspectWith(Subject::Inspector parser, ByteSource& bytes, std::string_view name = "file");
Verdict InspectWith(Subject::Inspector parser, std::string_view bytes, std::string_view name = "file");

// The codes of the findings, with a comma between them; "" of a safe file.
std::string CodesOf(const Verdict& verdict);

}  // namespace batuta::safety
