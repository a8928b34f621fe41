#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "common/types/entry.h"
#include "common/types/repo_id.h"
#include "daemon/hub/hub_client.h"
#include "daemon/pull/selection.h"

// What the hub's own scanners say of files, as one pull takes it: it can add a reason to refuse, and nothing
// else. A file of which they say nothing is not safe for that. Pure.
namespace batuta::pull {

// Of the files that a pull would fetch as many as one question takes, the ones that may do harm first.
std::vector<std::string> PathsToScan(const Tree& wanted, RepoType type);

// Of the issues, by path: what the caller does not admit, and what to say of what they do.
struct ScanOpinion {
  Objections objections;
  std::map<std::string, std::string, std::less<>> warnings;
};

// "unsafe" is admitted by allow_malicious alone; "suspicious" and "caution" also by the class of unsafe
// content that the file is of by its name, which is "unknown" where its name promises no harm. Issues of
// files that the tree does not have are none.
ScanOpinion OpinionOf(const std::vector<hub::ScanIssue>& issues, const Tree& tree,
                      const SelectionRequest& request);

// Does the error of the question end the pull? What cannot be asked is not known, and whatever is wrong with
// the hub the files will tell; but a rate limit is kept like any other.
bool EndsThePull(const absl::Status& error);

}  // namespace batuta::pull
