#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "batuta/v1/push_service.pb.h"

#include "client/output/job_report.h"
#include "client/output/output.h"

namespace batuta::client {

// PushReport gathers what one push would do, or did, and tells it at the end.
//
// JSON (the contract of the command line): {"repo","type","commit","url","changed":[PATH],"unchanged":[PATH],
// "deleted":[PATH],"card","bytes_uploaded","findings":[{"path","line","kind","fingerprint",…}]}, and besides
// "revision","head","creates_repo","creates_branch","private","license","card_diff","card_sources",
// "findings_allowed","refusals":[{"path","reason","text"}],"warnings","ignored":[{"path","reason"}],
// "files":[{"path","change","size_bytes","blob","lfs","status","copy_of","warning"}] (what changes),
// "bytes_to_send","commits","elapsed_ms". Of a plan `commit`, `url` and each `status` are null.
class PushReport final : public JobReport {
 public:
  struct Count {
    uint64_t files = 0;
    uint64_t bytes = 0;
  };

  // Unless `keep_all`, what is unchanged or ignored is counted and no more.
  explicit PushReport(bool keep_all) : keep_all_(keep_all) {}

  void SetSpec(const v1::PushSpec& spec);

  void SetPlan(const v1::PushPlan& plan) { plan_ = plan; }

  // The newest news of a file replaces older ones.
  void AddFile(const v1::PushFile& file);

  void Take(const v1::WatchJobResponse& update) override;

  // What was planned stays, and is told again.
  void ForgetFiles() override {}

  // There was nothing to do: the repo stands at `commit` as the folder says.
  void SetUnchanged(std::string_view commit, std::string_view url);

  // What a job that is done says of itself.
  void SetJob(const v1::Job& job);

  void SetElapsed(uint64_t elapsed_ms) { elapsed_ms_ = elapsed_ms; }

  const v1::PushSpec& spec() const { return spec_; }

  const v1::PushPlan& plan() const { return plan_; }

  // All that change, and with `keep_all` the others too.
  const std::vector<v1::PushFile>& files() const { return files_; }

  Count Of(v1::PushFile::Change change) const;

  bool changes_nothing() const;

  // `dataset acme/river-notes@main`, printable.
  std::string Subject() const;

  // Why nothing is done: `nothing to do, everything is there already: 12 unchanged`.
  std::string NothingToDo() const;

  // What a push prints: where it can be looked at; quiet: the commit; in JSON the document, with `events` in
  // one line that begins with "event":"result". A summary for people goes to stderr.
  void Print(Output& output) const;

  std::string Json(bool one_line) const;

  // `6 added (1.3 MB), 1 modified (9 B), 12 unchanged`.
  std::string Changes() const;

 private:
  void Tally(const v1::PushFile& file, bool add);

  const bool keep_all_;
  v1::PushSpec spec_;
  v1::PushPlan plan_;
  std::string commit_;
  std::string url_;
  std::string card_;
  bool has_run_ = false;
  uint64_t bytes_uploaded_ = 0;
  uint64_t elapsed_ms_ = 0;
  std::vector<v1::PushFile> files_;
  std::unordered_map<std::string, size_t> index_;
  std::unordered_set<size_t> passed_;             // hashes of the paths that were counted and not kept
  Count counts_[v1::PushFile::Change_ARRAYSIZE];  // by change
};

}  // namespace batuta::client
