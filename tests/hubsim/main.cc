// hubsim: the simulated hub as a program, for people, shell tests and tests in other languages.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/hubsim/fault_json.h"
#include "tests/hubsim/hub_sim.h"

namespace batuta::hubsim {
namespace {

constexpr int kBadInput = 2;

constexpr const char* kExamples = R"(Examples:
  hubsim --root samples                        serve the repos of a folder; prints both addresses when ready
  HF_ENDPOINT=http://127.0.0.1:PORT batuta hf pull model acme/otter
  hubsim --root samples --window-ms 2000       rate limits with windows of two seconds
  hubsim --root samples --faults faults.json   with faults from the start
  curl -X POST -d '{"kind":"cut","path":"model.safetensors","at_bytes":1000}' http://127.0.0.1:PORT/__hubsim/faults
  curl http://127.0.0.1:PORT/__hubsim/requests what was asked so far

The folder's format stands in tests/hubsim/store/folder_loader.h, the faults in tests/hubsim/fault.h.

)";

struct Arguments {
  std::string root;
  std::string port_file;
  std::string faults_file;
  std::int64_t window_ms = 300'000;
  std::int64_t hour_ms = 3'600'000;
  std::string quota_fields = "every";
  std::int64_t link_validity_ms = 3'600'000;
  bool has_no_rate_limits = false;
  bool has_no_resolve_cache = false;
  bool exits_with_parent = false;
  Options options;
};

void Declare(CLI::App& app, Arguments& arguments) {
  app.add_option("--root", arguments.root, "Folder with repos and users; without it the hub starts empty");
  app.add_option("--port", arguments.options.hub_port, "Port of the hub on 127.0.0.1; 0 takes a free one");
  app.add_option("--cdn-port", arguments.options.cdn_port, "Port of the file CDN; 0 takes a free one");
  app.add_option("--port-file", arguments.port_file,
                 "Write the two lines that are printed here, too, in one step");
  app.add_option("--faults", arguments.faults_file, "JSON file with fault rules");
  app.add_option("--window-ms", arguments.window_ms, "Length of a rate-limit window")
      ->check(CLI::PositiveNumber);
  app.add_option("--anonymous-api", arguments.options.anonymous.api,
                 "API requests per window without a token")
      ->check(CLI::PositiveNumber);
  app.add_option("--anonymous-resolvers", arguments.options.anonymous.resolvers,
                 "File requests per window without a token")
      ->check(CLI::PositiveNumber);
  app.add_option("--quota-fields", arguments.quota_fields,
                 "Which answers tell of quotas: every; refusal: only a 429, by Retry-After; none")
      ->check(CLI::IsMember({"every", "refusal", "none"}));
  app.add_option("--commits-per-hour", arguments.options.commits_per_hour,
                 "Commits per hour and caller; 0: any");
  app.add_option("--repo-creations-per-hour", arguments.options.repo_creations_per_hour,
                 "New repos per hour and caller; 0: any");
  app.add_option("--hour-ms", arguments.hour_ms, "Length of that hour")->check(CLI::PositiveNumber);
  app.add_flag("--no-rate-limits", arguments.has_no_rate_limits, "Never refuse for want of quota");
  app.add_flag("--no-resolve-cache", arguments.has_no_resolve_cache, "Serve small files without the 307 hop");
  app.add_option("--tree-page", arguments.options.tree_page_size, "Entries per page of a tree listing")
      ->check(CLI::PositiveNumber);
  app.add_option("--lfs-threshold", arguments.options.lfs_threshold_bytes,
                 "From so many bytes on a file is LFS");
  app.add_option("--multipart-chunk", arguments.options.multipart_chunk_bytes, "Bytes per part of an upload")
      ->check(CLI::PositiveNumber);
  app.add_option("--objects-folder", arguments.options.objects_folder,
                 "Keep what is uploaded in a folder below this one, removed at the end")
      ->check(CLI::ExistingDirectory);
  app.add_option("--ready-bodies", arguments.options.ready_bodies,
                 "Files made ahead for the first long bodies, for measurements");
  app.add_option("--ready-body-bytes", arguments.options.ready_body_bytes, "Bytes of each of these files");
  app.add_option("--keep-bodies", arguments.options.kept_body_bytes,
                 "Show request bodies up to this size in the request log");
  app.add_option("--most-lfs-files", arguments.options.most_lfs_files, "LFS files in one commit");
  app.add_option("--most-inline-bytes", arguments.options.most_inline_bytes,
                 "Bytes of regular files in one commit");
  app.add_option("--largest-inline-file", arguments.options.largest_inline_file, "Bytes of one regular file");
  app.add_option("--most-folder-entries", arguments.options.most_folder_entries, "Entries in one folder");
  app.add_option("--link-validity-ms", arguments.link_validity_ms,
                 "How long a link to the CDN is valid, and to a part of an upload");
  app.add_flag("--exit-with-parent", arguments.exits_with_parent,
               "End when the process that started this one ends");
}

QuotaFields QuotaFieldsFrom(const std::string& word) {
  if (word == "refusal") return QuotaFields::kRefusalsOnly;
  return word == "none" ? QuotaFields::kNone : QuotaFields::kEveryAnswer;
}

int Fail(const std::string& what) {
  std::fprintf(stderr, "hubsim: %s\n", what.c_str());
  return kBadInput;
}

// Written beside the target and renamed, so that a reader sees both lines or none.
bool WriteWhole(const std::filesystem::path& path, const std::string& text) {
  const std::filesystem::path draft = path.string() + ".new";
  {
    std::ofstream file(draft, std::ios::binary);
    file << text;
    if (!file.flush()) return false;
  }
  std::error_code error;
  std::filesystem::rename(draft, path, error);
  return !error;
}

absl::Status AddFaults(HubSim& sim, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(path + ": cannot be read");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto rules = ParseFaults(text);
  if (!rules.ok()) return absl::InvalidArgumentError(path + ": " + std::string(rules.status().message()));
  for (const FaultRule& rule : *rules) sim.AddFault(rule);
  return absl::OkStatus();
}

int Serve(const Arguments& arguments) {
  // Blocked before any thread starts, so that only this one receives them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  if (arguments.exits_with_parent) {
    const pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    // It may have died in between; then nobody would send the signal.
    if (getppid() != parent) return 0;
  }

  absl::StatusOr<std::unique_ptr<HubSim>> started = HubSim::Start(arguments.options);
  if (!started.ok()) return Fail(std::string(started.status().message()));
  HubSim& sim = **started;
  if (!arguments.root.empty()) {
    if (const absl::Status loaded = sim.LoadFolder(arguments.root); !loaded.ok()) {
      return Fail(std::string(loaded.message()));
    }
  }
  if (!arguments.faults_file.empty()) {
    if (const absl::Status added = AddFaults(sim, arguments.faults_file); !added.ok()) {
      return Fail(std::string(added.message()));
    }
  }
  const std::string lines = "hub " + sim.endpoint() + "\ncdn " + sim.cdn_endpoint() + "\n";
  std::fputs(lines.c_str(), stdout);
  std::fflush(stdout);
  if (!arguments.port_file.empty() && !WriteWhole(arguments.port_file, lines)) {
    return Fail(arguments.port_file + ": cannot be written");
  }
  int received = 0;
  sigwait(&signals, &received);
  sim.Stop();
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app{
      "Simulated model hub on loopback: the hub's API, a file CDN, quotas, faults, and a request log."};

  class ExamplesFirst : public CLI::Formatter {
   public:
    std::string make_help(const CLI::App* shown, std::string name, CLI::AppFormatMode mode) const override {
      return kExamples + CLI::Formatter::make_help(shown, std::move(name), mode);
    }
  };

  app.formatter(std::make_shared<ExamplesFirst>());
  Arguments arguments;
  Declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadInput;
  }
  arguments.options.window = std::chrono::milliseconds(arguments.window_ms);
  arguments.options.hour = std::chrono::milliseconds(arguments.hour_ms);
  arguments.options.quota_fields = QuotaFieldsFrom(arguments.quota_fields);
  arguments.options.signed_url_validity = std::chrono::milliseconds(arguments.link_validity_ms);
  arguments.options.rate_limits_enabled = !arguments.has_no_rate_limits;
  arguments.options.regular_via_resolve_cache = !arguments.has_no_resolve_cache;
  return Serve(arguments);
}

}  // namespace
}  // namespace batuta::hubsim

int main(int argc, char** argv) {
  return batuta::hubsim::Main(argc, argv);
}
