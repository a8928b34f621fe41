#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace batuta::client {

enum class OutputFormat { kHuman, kJson, kQuiet };

struct TerminalSize {
  size_t columns = 80;
  size_t rows = 24;
};

// What the program may do with its two outputs.
struct OutputOptions {
  OutputFormat format = OutputFormat::kHuman;
  bool events = false;            // JSON Lines while a command runs; goes with kJson
  bool talk_is_terminal = false;  // stderr
  bool data_is_terminal = false;  // stdout
  bool progress = true;           // bars and lines of progress are wanted
  bool bars = false;              // stderr can redraw lines
  bool color = false;             // of what goes to stderr
  bool unicode = false;           // bars may use block characters
};

// Where bytes go. Write() takes all of them or fails.
class ByteSink {
 public:
  virtual ~ByteSink() = default;

  //   kCancelled  nobody reads the other end any more. Else as ErrnoError() maps them.
  virtual absl::Status Write(std::string_view bytes) = 0;
};

// A file descriptor, borrowed.
class FdSink final : public ByteSink {
 public:
  explicit FdSink(int fd) : fd_(fd) {}

  absl::Status Write(std::string_view bytes) override;

 private:
  int fd_;
};

// Output is the one door to stdout and stderr: data goes to stdout, everything else to stderr.
//
// Errors of stdout are kept and come back from Finish(), so that nobody has to check each line; a reader that
// went away
// (`| head`) is not an error, and what follows is dropped. Errors of stderr are ignored: there is nowhere to
// tell them. Not thread-safe.
class Output {
 public:
  // Everything borrowed outlives the output. `size` is asked at each use, so that a resized terminal is
  // noticed.
  Output(OutputOptions options, ByteSink& data, ByteSink& talk, std::function<TerminalSize()> size);

  const OutputOptions& options() const { return options_; }

  OutputFormat format() const { return options_.format; }

  bool json() const { return options_.format == OutputFormat::kJson; }

  bool human() const { return options_.format == OutputFormat::kHuman; }

  bool quiet() const { return options_.format == OutputFormat::kQuiet; }

  TerminalSize size() const { return size_(); }

  // Columns a table on stdout may take; 0 (no limit) when stdout is no terminal.
  size_t table_width() const { return options_.data_is_terminal ? size_().columns : 0; }

  // Data, as it is. Written at once when stdout is a terminal or `events`, else when 64 KiB have gathered and
  // at the end.
  void Data(std::string_view text);
  void DataLine(std::string_view line);

  // Hands on what has gathered.
  void Flush();

  // True when nobody reads stdout any more: a stream of data may stop.
  bool reader_left() const { return reader_left_; }

  // A line for people on stderr, in the human format only. Outside text in it must be printable.
  void Talk(std::string_view line);

  // A line for people on stderr in every format: what they should not miss.
  void Warn(std::string_view line);

  // Bytes for stderr as they are: a redraw, an error document.
  void TalkRaw(std::string_view bytes);

  // `text` in a colour where colours are wanted. `code` is a SGR number such as "31" or "1;31".
  std::string Colored(std::string_view code, std::string_view text) const;

  // Writes what is left. The first error of stdout, unless its reader just went away.
  absl::Status Finish();

 private:
  OutputOptions options_;
  ByteSink& data_;
  ByteSink& talk_;
  std::function<TerminalSize()> size_;
  std::string pending_;
  absl::Status data_status_;
  bool reader_left_ = false;
};

}  // namespace batuta::client
