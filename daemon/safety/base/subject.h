#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/base/rule.h"
#include "daemon/safety/base/verdict.h"

namespace batuta::safety {

// What one inspection may take, however large the file. All are bounds on work and memory.
struct Limits {
  int depth = 3;                                // archives and compressions inside each other
  uint64_t memory_bytes = 128 << 20;            // of what is built from the file's content at one time
  uint64_t expanded_bytes = uint64_t{1} << 40;  // all that decompression may give
  uint64_t expansion = 200;                     // that many times the compressed bytes; a MiB is always free
};

// What `packed_bytes` may expand to: `expansion` times as much, or a MiB; never more than expanded_bytes.
uint64_t ExpandableBytes(uint64_t packed_bytes, const Limits& limits);

// What has been found so far, in the file and in everything inside it.
class Report {
 public:
  void Add(const Rule& rule, std::string place, uint64_t offset, std::string_view text);
  void AddGlobal(std::string_view module, std::string_view name);
  void AddNote(std::string_view text);

  void SetFormat(std::string_view format) { verdict_.format = format; }

  std::string_view format() const { return verdict_.format; }

  void SawPickle() { verdict_.has_pickle = true; }

  Grades grades() const { return verdict_.grades; }

  // Findings, kept or not.
  uint64_t finding_count() const { return verdict_.findings.size() + verdict_.findings_left_out; }

  // Decompressed bytes that may still be given, of all there is in the file, however nested; a caller takes
  // before it expands.
  bool TakeExpanded(uint64_t bytes);

  Verdict Take() &&;

 private:
  friend class Subject;
  Verdict verdict_;
  std::set<std::string, std::less<>> globals_;
  uint64_t expandable_bytes_ = 0;  // that are left
};

// One file under inspection, or a member of one: what a parser is given. A parser adds what it finds and
// returns an error only when reading failed. It says what the file is (SetFormat, SawPickle) as soon as it
// knows, since the bytes after that may not be here yet.
class Subject {
 public:
  // Looks into any file by its content: how a parser has its members inspected without knowing all formats.
  using Inspector = absl::Status (*)(Subject& subject);

  Subject(std::string_view name, ByteSource& bytes, Report& report, Inspector inspector,
          const Limits& limits = {});

  // The last name: of the file as the repo calls it, or of the member.
  std::string_view name() const { return name_; }

  // "model.bin » archive/data.pkl".
  const std::string& place() const { return place_; }

  ByteSource& bytes() { return bytes_; }

  uint64_t size_bytes() const { return bytes_.size_bytes(); }

  const Limits& limits() const { return limits_; }

  // Is this the file itself, and not a member of one?
  bool is_outermost() const { return depth_ == 0; }

  Report& report() { return report_; }

  // `text` says what, with names from the file: what would garble a terminal is escaped here.
  void Add(const Rule& rule, uint64_t offset, std::string_view text) {
    report_.Add(rule, place_, offset, text);
  }

  // Names the format; of a member it names nothing, since the verdict is about the file.
  void SetFormat(std::string_view format) {
    if (is_outermost()) report_.SetFormat(format);
  }

  // Inspects a part as a file of its own, by content. Too deep is a finding.
  absl::Status Inspect(std::string_view name, ByteSource& bytes);

  // The same where the container says what the part is: only `parser` looks at it.
  absl::Status InspectAs(std::string_view name, ByteSource& bytes,
                         absl::FunctionRef<absl::Status(Subject& part)> parser);

 private:
  Subject(const Subject& outer, std::string_view name, ByteSource& bytes);

  std::string name_;
  std::string place_;
  ByteSource& bytes_;
  Report& report_;
  Inspector inspector_;
  Limits limits_;
  int depth_ = 0;
};

}  // namespace batuta::safety
