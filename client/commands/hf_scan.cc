#include "client/commands/hf_scan.h"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "client/commands/usage_error.h"
#include "client/connection/program_search.h"
#include "client/inspection/file_walk.h"
#include "client/inspection/inspectors.h"
#include "client/output/live_region.h"
#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

constexpr std::chrono::seconds kLineEvery{10};
constexpr std::chrono::milliseconds kDrawEvery{100};

// Tells how far it is: on a terminal in place, elsewhere a line every ten seconds.
class Progress {
 public:
  explicit Progress(Context& context) : context_(context), told_(context.clock.steady()) {
    const OutputOptions& options = context.output.options();
    if (options.bars && options.progress && context.output.human()) region_.emplace(context.output);
  }

  void Tell(size_t files, std::string_view path) {
    const SteadyTime now = context_.clock.steady();
    const std::string line = fmt::format("{} files looked into", files);
    if (region_ && now - told_ >= kDrawEvery) {
      told_ = now;
      region_->Draw({fmt::format("{}: {}", line, Quoted(path, 60))});
    } else if (!region_ && context_.output.options().progress && now - told_ >= kLineEvery) {
      told_ = now;
      context_.output.Talk(line);
    }
  }

  void Clear() {
    if (region_) region_->Clear();
  }

 private:
  Context& context_;
  SteadyTime told_;
  std::optional<LiveRegion> region_;
};

// Unsafe and unknown weigh more than invalid.
absl::Status OutcomeOf(const ScanReport& report) {
  const uint64_t refused = report.Count("unsafe") + report.Count("unknown");
  const uint64_t invalid = report.Count("invalid");
  if (refused > 0) {
    return MakeError(absl::StatusCode::kFailedPrecondition, reason::kUnsafeContent,
                     fmt::format("{} file{} not safe to load", refused + invalid,
                                 refused + invalid == 1 ? " is" : "s are"),
                     "");
  }
  if (invalid > 0) {
    return MakeError(absl::StatusCode::kDataLoss, reason::kInvalidContent,
                     fmt::format("{} file{} not what {} to be", invalid, invalid == 1 ? " is" : "s are",
                                 invalid == 1 ? "it claims" : "they claim"),
                     "");
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view HfScan::examples() const {
  return "batuta hf scan ./my-model\n"
         "batuta hf scan model.safetensors --format quiet && echo fine\n"
         "batuta hf scan . --sarif=scan.sarif  for the code review of a CI\n";
}

void HfScan::DefineFlags(Flags& flags) {
  flags.Required(&path_, "PATH", "a file, or a folder with all that is below it");
  flags.Switch(&safety_, "--safety", "look for what runs code or is broken (without either flag: both)");
  flags.Switch(&secrets_, "--secrets", "look for secrets (not in this version)");
  flags.OptionalValue(&sarif_, "--sarif", "FILE", "",
                      "SARIF 2.1.0 into FILE; without FILE to stdout, in place of the rest");
}

absl::Status HfScan::CheckFlags(const Context& context) const {
  if (secrets_ && !safety_) {
    return UsageError("this version cannot look for secrets", "batuta hf scan PATH --safety");
  }
  if (prints_sarif() && !context.output.human()) {
    return UsageError("--sarif prints SARIF; --format says otherwise", "name a file: --sarif=FILE");
  }
  return absl::OkStatus();
}

absl::Status HfScan::Run(Context& context) {
  RETURN_IF_ERROR(CheckFlags(context));
  ASSIGN_OR_RETURN(SignalWatch signals, SignalWatch::Create());
  ScanReport report;
  RETURN_IF_ERROR(Scan(context, signals, report));
  if (!prints_sarif()) PrintScan(context.output, report);
  if (!sarif_.empty()) RETURN_IF_ERROR(WriteSarif(context, report));
  return OutcomeOf(report);
}

absl::Status HfScan::Scan(Context& context, SignalWatch& signals, ScanReport& report) const {
  Output& output = context.output;
  std::optional<std::filesystem::path> program =
      FindProgram(context.environment, context.this_program, "batuta-inspect");
  if (!program) {
    return MakeError(absl::StatusCode::kUnavailable, reason::kInternal,
                     "the program batuta-inspect is neither beside batuta nor in PATH",
                     "install it, or add its folder to PATH");
  }
  Inspectors inspectors({.program = *std::move(program), .interrupt_fd = signals.fd()});
  Progress progress(context);
  const auto keep = [&](v1::Inspection seen) {
    const bool is_worth_a_line = seen.file().verdict() != "safe" || seen.notes_size() > 0;
    if (is_worth_a_line && output.human() && !prints_sarif()) {
      progress.Clear();
      output.DataLine(ScanLine(seen));
    }
    if (output.options().events) PrintScanEvent(output, seen);
    report.files.push_back(std::move(seen));
  };
  std::map<std::string, std::filesystem::path> locations;
  std::vector<std::pair<WalkedFile, v1::Inspection>>
      speakers;  // what they say of others is looked at when all are known
  absl::Status stopped;
  const auto take = [&](const WalkedFile& file) {
    progress.Tell(report.files.size(), file.path);
    absl::StatusOr<v1::Inspection> seen = inspectors.Inspect(file);
    if (!seen.ok()) {
      stopped = seen.status();
      return false;
    }
    locations.emplace(file.path, file.location);
    if (seen->speaks_of_others()) {
      speakers.emplace_back(file, *std::move(seen));
    } else {
      keep(*std::move(seen));
    }
    return !output.reader_left();
  };
  const absl::Status walked = WalkFiles(path_, take);
  const bool is_folder = locations.size() != 1 || locations.begin()->second != path_;
  const auto find = [&locations](const std::string& path) {
    const auto found = locations.find(path);
    return found == locations.end() ? std::filesystem::path() : found->second;
  };
  for (auto& [file, seen] : speakers) {
    if (stopped.ok() && is_folder) stopped = inspectors.InspectAmongOthers(file, find, seen);
    if (stopped.ok()) keep(std::move(seen));
  }
  std::ranges::sort(report.files, {}, [](const v1::Inspection& file) { return file.file().path(); });
  signals.Next();  // taken, so that it does not end this program another way
  progress.Clear();
  return stopped.ok() ? walked : stopped;
}

absl::Status HfScan::WriteSarif(Context& context, const ScanReport& report) const {
  const std::string text = SarifText(report, BATUTA_VERSION);
  if (prints_sarif()) {
    context.output.Data(text);
    return absl::OkStatus();
  }
  std::ofstream file(sarif_.back(), std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return ErrnoError(errno == 0 ? EIO : errno, fmt::format("write {}", Quoted(sarif_.back())));
  return absl::OkStatus();
}

}  // namespace batuta::client
