#include "client/output/progress_model.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "client/output/wire_text.h"
#include "common/text/human.h"
#include "common/text/table.h"
#include "common/text/utf8.h"

namespace batuta::client {
namespace {

constexpr size_t kMaxFileBars = 12;
constexpr size_t kWidestBar = 30;
constexpr size_t kNarrowestBar = 6;

double Fraction(uint64_t done, uint64_t total) {
  return total == 0 ? 0.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
}

// Never "100 %" before it is whole.
std::string Percent(double fraction) {
  return fmt::format("{:3d} %", static_cast<int>(fraction * 100.0));
}

std::string PadTo(std::string text, size_t width) {
  const size_t used = DisplayWidth(text);
  if (used < width) text.append(width - used, ' ');
  return text;
}

}  // namespace

std::string RenderBar(double fraction, size_t width, bool unicode) {
  static constexpr std::string_view kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  fraction = std::clamp(fraction, 0.0, 1.0);
  const auto eighths = static_cast<size_t>(fraction * static_cast<double>(width) * 8.0);
  const size_t full = eighths / 8;
  std::string bar;
  for (size_t i = 0; i < full; ++i) bar += unicode ? "█" : "#";
  size_t used = full;
  if (unicode && full < width && eighths % 8 != 0) {
    bar += kEighths[eighths % 8];
    ++used;
  }
  for (; used < width; ++used) bar += unicode ? "░" : "-";
  return bar;
}

std::string FitMiddle(std::string_view text, size_t width) {
  const size_t full = DisplayWidth(text);
  if (full <= width) return std::string(text);
  if (width < 5) return FitToWidth(text, width);
  const size_t head = (width - 1) / 2;
  std::string begin = FitToWidth(text, head + 1);  // ends in the ellipsis
  size_t tail_width = full;
  size_t at = 0;
  const size_t room = width - DisplayWidth(begin);
  while (at < text.size() && tail_width > room) {
    const size_t length = NextUtf8(text, at).length;
    tail_width -= DisplayWidth(text.substr(at, length));
    at += length;
  }
  return begin.append(text.substr(at));
}

void ProgressModel::Apply(const v1::WatchJobResponse& update) {
  is_connected_ = true;
  if (update.has_job()) job_ = update.job();
  for (const v1::PullFile& file : update.files()) {
    ApplyFile(file.path(), file.size_bytes(), file.done_bytes(),
              file.status() == v1::PullFile::STATUS_RUNNING, file.status() == v1::PullFile::STATUS_PENDING);
  }
  for (const v1::PushFile& file : update.push_files()) {
    ApplyFile(file.path(), file.size_bytes(), file.done_bytes(),
              file.status() == v1::PushFile::STATUS_RUNNING, file.status() == v1::PushFile::STATUS_PENDING);
  }
  shown_bytes_ = std::min(std::max(shown_bytes_, job_.done_bytes()), job_.total_bytes());
  shown_fraction_ = std::max(shown_fraction_, Fraction(shown_bytes_, job_.total_bytes()));
}

void ProgressModel::ApplyFile(const std::string& path, uint64_t size_bytes, uint64_t done_bytes,
                              bool is_moving, bool is_pending) {
  const auto at = std::find_if(moving_.begin(), moving_.end(), [&](const File& f) { return f.path == path; });
  if (!is_moving) {
    if (at != moving_.end() && !is_pending) moving_.erase(at);
    return;
  }
  if (at == moving_.end()) {
    moving_.push_back({path, size_bytes, done_bytes});
  } else {
    at->size_bytes = size_bytes;
    at->done_bytes = std::max(at->done_bytes, done_bytes);
  }
}

std::string ProgressModel::StateText(WallTime now) const {
  if (!is_connected_) return "waiting for the daemon to come back";
  switch (job_.state()) {
    case v1::Job::STATE_WAITING:
      return fmt::format("waiting: {}", Printable(WaitingText(job_, now)));
    case v1::Job::STATE_RUNNING: {
      // Bytes move only while something is uploaded; the other phases of a push are told by name.
      if (!job_.phase().empty() && job_.phase() != "uploading") return Printable(job_.phase());
      if (job_.total_bytes() == 0) return job_.files_total() == 0 ? "looking up" : "";
      if (job_.bytes_per_second() == 0) return "";
      const double rate = static_cast<double>(job_.bytes_per_second());
      const double seconds = static_cast<double>(job_.total_bytes() - shown_bytes_) / rate;
      const auto left = std::chrono::milliseconds(static_cast<int64_t>(std::min(seconds, 8.64e6) * 1000.0));
      return fmt::format("{}  ETA {}", FormatRate(rate), CountdownText(left));
    }
    default:
      return std::string(StateWord(job_.state()));
  }
}

std::string ProgressModel::WhyItWaits() const {
  const bool is_told = is_connected_ && job_.state() == v1::Job::STATE_WAITING;
  return is_told ? Printable(job_.last_error()) : std::string();
}

std::string ProgressModel::TotalBar(size_t columns, bool unicode, WallTime now) const {
  const std::string name = Printable(name_);
  const std::string state = StateText(now);
  if (job_.total_bytes() == 0) return FitToWidth(fmt::format("{}  {}", name, state), columns);
  std::string tail = fmt::format("  {} / {}", FormatBytes(shown_bytes_), FormatBytes(job_.total_bytes()));
  if (!state.empty()) tail += "  " + state;
  if (job_.files_total() > 1) tail += fmt::format("  {}/{} files", job_.files_done(), job_.files_total());
  const std::string percent = Percent(shown_fraction_);
  const size_t fixed = DisplayWidth(tail) + percent.size() + 4;
  const size_t name_room = std::min(DisplayWidth(name), std::max<size_t>(columns / 3, 8));
  const size_t used = fixed + name_room;
  std::string line = FitMiddle(name, name_room) + "  " + percent;
  if (columns >= used + kNarrowestBar) {
    line += "  " + RenderBar(shown_fraction_, std::min(kWidestBar, columns - used), unicode);
  }
  return FitToWidth(line + tail, columns);
}

std::string ProgressModel::FileBar(const File& file, size_t columns, bool unicode) const {
  const double fraction = Fraction(file.done_bytes, file.size_bytes);
  const std::string tail =
      fmt::format("  {} / {}", FormatBytes(file.done_bytes), FormatBytes(file.size_bytes));
  const size_t name_room = std::clamp<size_t>(columns / 3, 8, 48);
  const std::string head = "  " + PadTo(FitMiddle(Printable(file.path), name_room), name_room);
  std::string line = head + "  " + Percent(fraction);
  const size_t used = DisplayWidth(line) + tail.size() + 2;
  if (columns >= used + kNarrowestBar) {
    line += "  " + RenderBar(fraction, std::min(kWidestBar, columns - used), unicode);
  }
  return FitToWidth(line + tail, columns);
}

std::vector<std::string> ProgressModel::Bars(TerminalSize size, bool unicode, WallTime now) const {
  const size_t columns = size.columns > 1 ? size.columns - 1 : 1;
  std::vector<std::string> lines = {TotalBar(columns, unicode, now)};
  // Where no byte moves there is nothing to show but why.
  if (const std::string why = WhyItWaits(); !why.empty()) lines.push_back(FitToWidth("  " + why, columns));
  if (job_.state() != v1::Job::STATE_RUNNING || !is_connected_) return lines;
  size_t room = std::min(kMaxFileBars, size.rows > 3 ? size.rows - 3 : 0);
  if (moving_.size() == 1 && job_.files_total() <= 1) return lines;
  const size_t shown = moving_.size() <= room ? moving_.size() : (room == 0 ? 0 : room - 1);
  for (size_t i = 0; i < shown; ++i) lines.push_back(FileBar(moving_[i], columns, unicode));
  if (shown < moving_.size() && room > 0) {
    lines.push_back(FitToWidth(fmt::format("  and {} more files", moving_.size() - shown), columns));
  }
  return lines;
}

std::string ProgressModel::Line(WallTime now) const {
  const std::string state = StateText(now);
  std::string line = Printable(name_) + ":";
  if (job_.total_bytes() > 0) {
    line += fmt::format(" {} of {} ({} %)", FormatBytes(shown_bytes_), FormatBytes(job_.total_bytes()),
                        static_cast<int>(shown_fraction_ * 100.0));
  }
  if (job_.files_total() > 1) line += fmt::format(" {}/{} files", job_.files_done(), job_.files_total());
  if (!state.empty()) line += " " + state;
  if (const std::string why = WhyItWaits(); !why.empty()) line += fmt::format(" ({})", why);
  return line;
}

}  // namespace batuta::client
