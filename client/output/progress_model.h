#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "batuta/v1/job_service.pb.h"

#include "client/output/output.h"
#include "common/time/clock.h"

namespace batuta::client {

// ProgressModel is what a person sees of a job while it runs: updates of the daemon go in, lines come out.
// Pure: it reads no clock and writes nothing.
//
// What is shown never runs backwards: a total that grows, or a file that starts over because it changed
// upstream, holds the bar where it was until the work has caught up.
//
// Memory: the job and the files that are moving right now; not the thousands that wait or are done.
class ProgressModel {
 public:
  // `name` is how the job is called at the beginning of its lines.
  explicit ProgressModel(std::string name) : name_(std::move(name)) {}

  void Apply(const v1::WatchJobResponse& update);

  // While the connection to the daemon is gone, the lines say so instead of a speed.
  void SetConnected(bool is_connected) { is_connected_ = is_connected; }

  // For a terminal: the job's line, then one for each file on its way, at most `size.rows - 1` lines in all
  // and none wider than `size.columns - 1`. `now` is for the countdown of a job that waits.
  std::vector<std::string> Bars(TerminalSize size, bool unicode, WallTime now) const;

  // The job's line alone.
  std::string TotalBar(size_t columns, bool unicode, WallTime now) const;

  // For a pipe or a log: one line without bars.
  std::string Line(WallTime now) const;

 private:
  struct File {
    std::string path;
    uint64_t size_bytes = 0;
    uint64_t done_bytes = 0;  // the most ever seen
  };

  // A file that begins to move, moves, or (unless it only waits for its turn) has come to rest.
  void ApplyFile(const std::string& path, uint64_t size_bytes, uint64_t done_bytes, bool is_moving,
                 bool is_pending);
  std::string StateText(WallTime now) const;
  std::string WhyItWaits() const;  // the error behind it; empty when there is none
  std::string FileBar(const File& file, size_t columns, bool unicode) const;

  std::string name_;
  v1::Job job_;
  bool is_connected_ = true;
  std::vector<File> moving_;  // in the order in which they began
  uint64_t shown_bytes_ = 0;
  double shown_fraction_ = 0;
};

// `fraction` (clamped to 0–1) as a bar of `width` columns. Pure.
std::string RenderBar(double fraction, size_t width, bool unicode);

// `text`, which must be printable, cut to `width` columns in its middle, so that both ends of a path can be
// read. Pure.
std::string FitMiddle(std::string_view text, size_t width);

}  // namespace batuta::client
