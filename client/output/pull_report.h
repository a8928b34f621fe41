#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "batuta/v1/fit.pb.h"
#include "batuta/v1/job_service.pb.h"

#include "client/output/job_report.h"
#include "client/output/output.h"

namespace batuta::client {

// PullReport gathers what became of the files of one pull, or what a plan says of them, and tells it at the
// end.
//
// JSON (the contract of the command line):
// {"repo","type","revision","commit","path","files":[{"path","size_bytes","blob",
// "status","reason"}],"bytes_downloaded","elapsed_ms"}. A plan has the status `would_download` instead of
// `downloaded` and also "bytes_to_download" and "as_of"; with an output folder there is "output", with
// something to say of the repo "review" (see review_view.h); where a variant was chosen "chosen" and
// "choice", and in a plan what it was chosen by, "fit" (see fit_view.h). `reason` is null where there is
// nothing to say.
class PullReport final : public JobReport {
 public:
  enum class Kind { kPull, kPlan };

  // Unless `keep_files`, only numbers are kept, whatever the number of files.
  PullReport(Kind kind, bool keep_files) : kind_(kind), keep_files_(keep_files) {}

  void SetSubject(const v1::RepoId& repo, std::string_view revision);

  void SetCommit(std::string_view commit) { commit_ = commit; }

  void SetPath(std::string_view path) { path_ = path; }

  // Of a plan: when the hub said that the revision stands at the commit, where it was not asked.
  void SetAsOf(const google::protobuf::Timestamp& as_of) { as_of_ = as_of; }

  // What there was to say of the repo before anything of it was fetched.
  void SetReview(const v1::RepoReview& review) { review_ = review; }

  // The variant that --auto-quantize chose, and why; empty = none was chosen.
  void SetChoice(std::string_view chosen, std::string_view choice);

  // Of a plan: what it was chosen by, for a cache of this type.
  void SetFit(const v1::Fit& fit, std::string_view cache_type);

  void SetOutputFolder(std::string_view folder) { output_folder_ = folder; }

  void SetTotals(uint64_t bytes_downloaded, uint64_t elapsed_ms);

  // The newest news of a file replaces older ones.
  void AddFile(const v1::PullFile& file);

  void Take(const v1::WatchJobResponse& update) override;
  void ForgetFiles() override;

  const std::string& path() const { return path_; }

  const std::string& commit() const { return commit_; }

  const std::vector<v1::PullFile>& files() const { return files_; }

  // What a pull prints: the path; or in JSON the document; with `events` in one line that begins with
  // "event":"result". A summary for people goes to stderr. A plan shows its files in a table instead of the
  // path.
  void Print(Output& output) const;

  std::string Json(bool one_line) const;

  // `12 files, 4.98 GB; downloaded 3 (1.2 GB in 14 s), 9 cached, 4 skipped`.
  std::string Summary() const;

 private:
  struct Count {
    uint64_t files = 0;
    uint64_t bytes = 0;
  };

  void Tally(const v1::PullFile& file, bool add);
  Count Of(v1::PullFile::Status status) const;
  void PrintPlan(Output& output) const;
  void TellReview(Output& output) const;
  void TellChoice(Output& output) const;

  Kind kind_;
  bool keep_files_;
  v1::RepoId repo_;
  std::string revision_;
  std::string commit_;
  std::string path_;
  std::string output_folder_;
  std::optional<google::protobuf::Timestamp> as_of_;
  std::optional<v1::RepoReview> review_;
  std::string chosen_;
  std::string choice_;
  std::optional<v1::Fit> fit_;
  std::string cache_type_;
  uint64_t bytes_downloaded_ = 0;
  uint64_t elapsed_ms_ = 0;
  std::vector<v1::PullFile> files_;
  std::unordered_map<std::string, size_t> index_;
  std::map<int, Count> counts_;  // by status
  std::set<std::string> warnings_;
};

}  // namespace batuta::client
