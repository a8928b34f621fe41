#include "client/commands/job_start.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <fmt/format.h>
#include <poll.h>
#include <sys/random.h>

#include "client/output/json_writer.h"
#include "client/output/wire_text.h"
#include "common/status/status.h"

namespace batuta::client {
namespace {

void PrintJobId(Output& output, std::string_view id, JsonWriter::Style style) {
  JsonWriter json(style);
  json.BeginObject().Field("job_id", id).EndObject();
  output.Data(json.Take());
}

}  // namespace

std::string NewRequestId() {
  uint64_t bits[2] = {};
  if (::getrandom(bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) return {};
  return fmt::format("{:016x}{:016x}", bits[0], bits[1]);
}

v1::Priority PriorityOf(std::string_view word, bool is_waiting) {
  if (!word.empty()) return WirePriority(word);
  return is_waiting ? v1::PRIORITY_INTERACTIVE : v1::PRIORITY_NORMAL;
}

uint64_t MillisSince(const Clock& clock, SteadyTime start) {
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(clock.steady() - start);
  return static_cast<uint64_t>(std::max<int64_t>(passed.count(), 0));
}

void TellDetached(Output& output, const v1::Job& job) {
  if (output.json()) {
    PrintJobId(output, job.id(),
               output.options().events ? JsonWriter::Style::kOneLine : JsonWriter::Style::kPretty);
  } else {
    output.DataLine(job.id());
  }
  output.Flush();
  output.Talk(fmt::format("batuta hf jobs watch {}  follows it", job.id()));
}

void TellLeft(Output& output, const absl::Status& status) {
  const Facts facts = DetailsOf(status).facts;
  const auto left = facts.find("job_id");
  if (left != facts.end() && output.json()) {
    PrintJobId(output, left->second, JsonWriter::Style::kOneLine);
  }
}

absl::StatusOr<bool> Agrees(Context& context, SignalWatch& signals, std::string_view question,
                            std::string_view when_interrupted) {
  context.output.TalkRaw(fmt::format("{} [y/N] ", question));
  pollfd sources[] = {{context.console.input_fd(), POLLIN, 0}, {signals.fd(), POLLIN, 0}};
  while (::poll(sources, 2, -1) < 0 && errno == EINTR) {
  }
  if (signals.Next()) {
    context.output.TalkRaw("\n");
    return MakeError(absl::StatusCode::kCancelled, reason::kCancelled, when_interrupted);
  }
  const absl::StatusOr<std::string> line = context.console.ReadLine();
  if (!line.ok()) context.output.TalkRaw("\n");  // the input has ended, and the question stands in its line
  return line.ok() && (*line == "y" || *line == "Y" || *line == "yes");
}

}  // namespace batuta::client
