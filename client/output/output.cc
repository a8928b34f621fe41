#include "client/output/output.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "common/status/status.h"

namespace batuta::client {
namespace {

constexpr size_t kGather = 64 * 1024;

// A descriptor that somebody made non-blocking (shells share them) may be full for a moment.
void WaitUntilWritable(int fd) {
  pollfd wait{fd, POLLOUT, 0};
  ::poll(&wait, 1, 1000);
}

}  // namespace

absl::Status FdSink::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {
      WaitUntilWritable(fd_);
    } else if (errno == EPIPE) {
      return absl::CancelledError("nobody reads the output any more");
    } else if (errno != EINTR) {
      return ErrnoError(errno, "writing the output");
    }
  }
  return absl::OkStatus();
}

Output::Output(OutputOptions options, ByteSink& data, ByteSink& talk, std::function<TerminalSize()> size)
    : options_(options), data_(data), talk_(talk), size_(std::move(size)) {}

void Output::Data(std::string_view text) {
  if (reader_left_ || !data_status_.ok()) return;
  pending_ += text;
  if (pending_.size() >= kGather || options_.events || options_.data_is_terminal) Flush();
}

void Output::DataLine(std::string_view line) {
  Data(line);
  Data("\n");
}

void Output::Flush() {
  if (pending_.empty()) return;
  const std::string bytes = std::exchange(pending_, {});
  if (reader_left_ || !data_status_.ok()) return;
  absl::Status status = data_.Write(bytes);
  if (status.code() == absl::StatusCode::kCancelled) {
    reader_left_ = true;
  } else {
    data_status_ = std::move(status);
  }
}

void Output::Talk(std::string_view line) {
  if (human()) Warn(line);
}

void Output::Warn(std::string_view line) {
  TalkRaw(fmt::format("{}\n", line));
}

void Output::TalkRaw(std::string_view bytes) {
  talk_.Write(bytes).IgnoreError();
}

std::string Output::Colored(std::string_view code, std::string_view text) const {
  if (!options_.color) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

absl::Status Output::Finish() {
  Flush();
  return std::exchange(data_status_, absl::OkStatus());
}

}  // namespace batuta::client
