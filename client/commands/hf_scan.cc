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
#include "client/inspection/inspector_team.h"
#include "client/output/live_region.h"
#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/utf8.h"

namespace batuta::client {
namespace {

constexpr std::chrono::seconds kLineEvery{10};
constexpr std::chrono::milliseconds kDrawEvery{100};
constexpr uintmax_t kMostSettingsBytes = 256 << 10;  // of each file

// All of a file; nothing where there is none.
absl::StatusOr<std::string> ReadSettings(const std::filesystem::path& path, bool must_exist) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error && !must_exist) return "";
  if (error) return ErrnoError(error.value(), fmt::format("read {}", Quoted(path.native())));
  if (size > kMostSettingsBytes) {
    return UsageError(
        fmt::format("{} is larger than {}", Quoted(path.native()), FormatBytes(kMostSettingsBytes)), "");
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<size_t>(size), '\0');
  file.read(text.data(), static_cast<std::streamsize>(size));
  if (!file) return ErrnoError(EIO, fmt::format("read {}", Quoted(path.native())));
  if (!IsValidUtf8(text)) return UsageError(fmt::format("{} is not UTF-8", Quoted(path.native())), "");
  return text;
}

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
  const uint64_t secrets = report.SecretCount();
  const uint64_t unread = report.UnreadCount();
  if (secrets > 0 || (!report.has_verdicts && unread > 0)) {
    const std::string found = fmt::format("{} secret{} found", secrets, secrets == 1 ? " was" : "s were");
    const std::string left =
        fmt::format("{} file{} could not be looked into", unread, unread == 1 ? "" : "s");
    const uint64_t unsafe = report.Count("unsafe");
    std::string what = secrets > 0 ? found : left;
    if (unsafe > 0)
      what += fmt::format(", {} file{} not safe to load", unsafe, unsafe == 1 ? " is" : "s are");
    return MakeError(
        absl::StatusCode::kFailedPrecondition, reason::kUnsafeContent, what,
        secrets > 0 ? "revoke what is real, then take it out: what was once published stays known; a fake is "
                      "allowed by a comment `batuta:allow-secret` on its line, or in .gitleaksignore"
                    : "");
  }
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
  flags.Switch(&secrets_, "--secrets",
               "look for secrets: tokens, keys, passwords (without either flag: both)");
  flags.Path(&rules_file_, "--secret-rules", "FILE",
             "more rules for secrets, a gitleaks TOML (default: .gitleaks.toml of the folder)");
  flags.Switch(&ignores_comments_, "--no-inline-allow", "comments such as batuta:allow-secret allow nothing");
  flags.OptionalValue(&sarif_, "--sarif", "FILE", "",
                      "SARIF 2.1.0 into FILE; without FILE to stdout, in place of the rest");
}

absl::Status HfScan::CheckFlags(const Context& context) const {
  if (!wants_secrets() && (!rules_file_.empty() || ignores_comments_)) {
    return UsageError("with --safety alone no secrets are looked for", "batuta hf scan PATH --secrets");
  }
  if (prints_sarif() && !context.output.human()) {
    return UsageError("--sarif prints SARIF; --format says otherwise", "name a file: --sarif=FILE");
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::InspectionSettings> HfScan::Settings() const {
  v1::InspectionSettings settings;
  settings.set_skips_safety(!wants_safety());
  settings.set_wants_secrets(wants_secrets());
  settings.set_ignores_comments(ignores_comments_);
  if (!wants_secrets()) return settings;
  const std::filesystem::path folder(path_);
  ASSIGN_OR_RETURN(*settings.mutable_allowed_findings(),
                   ReadSettings(folder / ".gitleaksignore", /*must_exist=*/false));
  ASSIGN_OR_RETURN(*settings.mutable_gitleaks_toml(),
                   rules_file_.empty() ? ReadSettings(folder / ".gitleaks.toml", /*must_exist=*/false)
                                       : ReadSettings(rules_file_, /*must_exist=*/true));
  return settings;
}

absl::Status HfScan::Run(Context& context) {
  RETURN_IF_ERROR(CheckFlags(context));
  ASSIGN_OR_RETURN(SignalWatch signals, SignalWatch::Create());
  ScanReport report;
  report.has_verdicts = wants_safety();
  report.has_secrets = wants_secrets();
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
  ASSIGN_OR_RETURN(v1::InspectionSettings settings, Settings());
  InspectorTeam team(
      {.program = *std::move(program), .interrupt_fd = signals.fd(), .settings = std::move(settings)});
  const absl::StatusOr<std::vector<std::string>> warnings = team.CheckSettings();
  if (absl::IsInvalidArgument(warnings.status())) {
    const std::string name =
        rules_file_.empty() ? (std::filesystem::path(path_) / ".gitleaks.toml").native() : rules_file_;
    return UsageError(fmt::format("{}: {}", Quoted(name), Printable(MessageOf(warnings.status()))), "");
  }
  RETURN_IF_ERROR(warnings.status());
  for (const std::string& warning : *warnings) output.Warn(Printable(warning));
  Progress progress(context);
  const auto keep = [&](v1::Inspection seen) {
    const std::string& verdict = seen.file().verdict();
    const bool is_worth_a_line = (verdict != "safe" && !verdict.empty()) || seen.notes_size() > 0;
    if (output.human() && !prints_sarif()) {
      if (is_worth_a_line || seen.secrets_size() > 0) progress.Clear();
      if (is_worth_a_line) output.DataLine(ScanLine(seen));
      for (const v1::SecretFinding& secret : seen.secrets()) output.DataLine(SecretLine(secret));
    }
    for (const std::string& part : seen.unread()) {
      progress.Clear();
      output.Warn(fmt::format("not looked into for secrets: {}", Printable(part)));
    }
    if (output.options().events) PrintScanEvent(output, seen);
    report.files.push_back(std::move(seen));
  };
  std::map<std::string, std::filesystem::path> locations;
  std::vector<std::pair<WalkedFile, v1::Inspection>>
      speakers;  // what they say of others is looked at when all are known
  const auto take = [&](const WalkedFile& file, v1::Inspection seen) {
    if (seen.speaks_of_others()) {
      speakers.emplace_back(file, std::move(seen));
    } else {
      keep(std::move(seen));
    }
    return !output.reader_left();
  };
  absl::Status stopped;
  const auto give = [&](const WalkedFile& file) {
    progress.Tell(report.files.size(), file.path);
    locations.emplace(file.path, file.location);
    const absl::StatusOr<bool> goes_on = team.Give(file, take);
    stopped = goes_on.status();
    return goes_on.value_or(false);
  };
  const absl::Status walked = WalkFiles(path_, give);
  if (stopped.ok() && !output.reader_left()) stopped = team.Finish(take).status();
  const bool is_folder = locations.size() != 1 || locations.begin()->second != path_;
  const auto find = [&locations](const std::string& path) {
    const auto found = locations.find(path);
    return found == locations.end() ? std::filesystem::path() : found->second;
  };
  for (auto& [file, seen] : speakers) {
    if (stopped.ok() && is_folder) stopped = team.first().InspectAmongOthers(file, find, seen);
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
