#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "batuta/v1/inspection.pb.h"

#include "client/output/json_writer.h"
#include "client/output/output.h"

namespace batuta::client {

// What `hf scan` found.
struct ScanReport {
  std::vector<v1::Inspection> files;
  bool has_verdicts = true;  // was it asked whether loading them is safe?
  bool has_secrets = false;  // were secrets looked for?

  uint64_t SecretCount() const;

  // Files that could not be looked into at all.
  uint64_t UnreadCount() const { return Count("unknown"); }

  // Files of this verdict: "safe", "unsafe", "invalid", "unknown".
  uint64_t Count(std::string_view verdict) const;
};

// For people: `unsafe   pickle        model.bin: calls posix.system …`.
std::string ScanLine(const v1::Inspection& file);

// For people: `secret   a/b.py:3:7  hf-token: Hugging Face access token, hf_…9x (37 characters)`.
std::string SecretLine(const v1::SecretFinding& secret);

// {"path","line","column","kind","fingerprint","description","tier","excerpt"}.
void WriteSecret(JsonWriter& json, const v1::SecretFinding& secret);

// {"files":[{"path","verdict","format","reason","pickle","code","globals","notes","findings":[{"code","grade","place",
// "offset","text"}]}],"findings":[{"path","line","column","kind","fingerprint","description","tier",
// "excerpt"}],"unread":[],"allowed"}; human: the summary alone, as files were told; quiet: `VERDICT PATH` of
// what is not safe and `secret PATH:LINE KIND`, a line.
void PrintScan(Output& output, const ScanReport& report);

// A line of JSON: {"file":{as above}}, then one for each secret: {"finding":{as above}}.
void PrintScanEvent(Output& output, const v1::Inspection& file);

// The same as SARIF 2.1.0, for the tools of code reviews.
std::string SarifText(const ScanReport& report, std::string_view version);

}  // namespace batuta::client
