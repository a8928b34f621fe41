#pragma once

#include <string>
#include <string_view>

#include "batuta/v1/fit.pb.h"
#include "batuta/v1/types.pb.h"

#include "client/output/json_writer.h"
#include "client/output/output.h"

// What fits a machine, and why.
namespace batuta::client {

struct FitSubject {
  const v1::RepoId& repo;
  std::string_view revision;    // as it was asked for
  std::string_view cache_type;  // the same; "" = the default
};

// JSON (the contract of the command line):
// {"memory":{"total_bytes","available_bytes","limited_by","devices":[{"name","id","kind","total_bytes","free_bytes",
// "shares_memory"}],"notes":[…]},"candidates":[{"label","files","weights_bytes","kv_bytes","compute_bytes","total_bytes",
// "bits_per_weight","fits","placement","reason",…}],"chosen"} and more; "chosen" is null when nothing fits.
// Quiet: the label.
void PrintFit(Output& output, const FitSubject& subject, const v1::Fit& fit);

// The value of a key of a larger document: as above, with the commit and without the repo.
void WriteFit(const v1::Fit& fit, JsonWriter& json);

// What people see of it: the machine, the model, a line for each candidate, what was chosen and what it cost.
std::string FitText(const v1::Fit& fit, std::string_view cache_type, size_t width);

}  // namespace batuta::client
