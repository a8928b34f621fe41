#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "batuta/v1/inspection.pb.h"

#include "client/output/output.h"

namespace batuta::client {

// What `hf scan` found.
struct ScanReport {
  std::vector<v1::Inspection> files;

  // Files of this verdict: "safe", "unsafe", "invalid", "unknown".
  uint64_t Count(std::string_view verdict) const;
};

// For people: `unsafe   pickle        model.bin: calls posix.system …`.
std::string ScanLine(const v1::Inspection& file);

// {"files":[{"path","verdict","format","reason","pickle","code","globals","notes","findings":[{"code","grade","place",
// "offset","text"}]}],"findings":[]}; human: the summary alone, as files were told; quiet: `VERDICT PATH` of
// what is not safe, a line.
void PrintScan(Output& output, const ScanReport& report);

// One line of JSON: {"file":{as above}}.
void PrintScanEvent(Output& output, const v1::Inspection& file);

// The same as SARIF 2.1.0, for the tools of code reviews.
std::string SarifText(const ScanReport& report, std::string_view version);

}  // namespace batuta::client
