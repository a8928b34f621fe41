#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "batuta/v1/cache_service.pb.h"
#include "batuta/v1/job_service.pb.h"

#include "client/output/output.h"

namespace batuta::client {

// A pull that brings again what a verification found to be broken, when it has ended.
struct RepairOutcome {
  v1::Job job;
  std::string error = {};  // one line; empty when it is done
};

// What `hf cache verify` found, and what became of it.
struct VerifyReport {
  v1::VerifyResponse progress;  // the latest
  std::vector<v1::VerifyFinding> findings;
  std::vector<RepairOutcome> repairs;
  bool has_repairs = false;  // they were asked for
  bool is_whole = true;      // it came to its end

  // Is it mended? Of what no snapshot leads to nobody misses anything once it is out of the way.
  bool IsRepaired(const v1::VerifyFinding& finding) const;

  uint64_t damaged() const;     // findings that are not mended, but for …
  uint64_t unreadable() const;  // … what could not be checked
};

// One line for people: `damaged    model acme/otter 3f1c9a7e0123 model.gguf: its bytes …`.
std::string FindingLine(const v1::VerifyFinding& finding);

// How far it is: `verified 3 of 12 files, 1.2 GB of 4.8 GB`.
std::string ProgressLine(const v1::VerifyResponse& progress);

// {"checked_files","checked_bytes","unchecked_files","findings":[{"repo","type","commit","path","blob",
// "problem","size_bytes","damaged_bytes","detail","repaired"}],"repairs":[{"job_id","repo","type","commit",
// "state","bytes_downloaded","error"}]}; human: the summary alone, as findings were told; quiet: `TYPE ID
// COMMIT PATH` of what is not mended, a line.
void PrintVerification(Output& output, const VerifyReport& report);

// One line of JSON: {"finding":{as above, without "repaired"}}.
void PrintFindingEvent(Output& output, const v1::VerifyFinding& finding);

}  // namespace batuta::client
