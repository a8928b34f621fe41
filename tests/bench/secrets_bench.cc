// How fast the scan for secrets is, beside `grep -F` on the same files, and what memory it takes:
//
//   secrets_bench [MEGABYTES] [FOLDER]      256 MB each, in /dev/shm
//
// Processor time counts, so that others on the machine do little harm. grep looks for twenty literals in one
// pass over a file in memory, with the plain bytes of LC_ALL=C.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/io/unique_fd.h"
#include "daemon/safety/base/byte_source.h"
#include "daemon/secrets/scanner.h"
#include "tests/support/formats/safetensors.h"

namespace batuta {
namespace {

namespace fs = std::filesystem;

class DiskSource final : public safety::ByteSource {
 public:
  explicit DiskSource(const fs::path& path)
      : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), size_bytes_(fs::file_size(path)) {}

  uint64_t size_bytes() const override { return size_bytes_; }

  absl::Status Read(uint64_t offset, std::span<char> out) override {
    const ssize_t count = ::pread(file_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    return count == static_cast<ssize_t>(out.size()) ? absl::OkStatus() : absl::DataLossError("read");
  }

 private:
  UniqueFd file_;
  uint64_t size_bytes_;
};

std::string Words(std::mt19937_64& random, size_t bytes) {
  // Four in a hundred are names that a rule looks at: several times as many as programs and chats have.
  static constexpr std::string_view kWords[] = {
      "the",   "model",  "of",      "a",        "river",  "and",     "people",    "learns",   "token",
      "to",    "answer", "key",     "with",     "some",   "long",    "sentence",  "secret",   "garden",
      "is",    "read",   "by",      "children", "every",  "day",     "where",     "old",      "trees",
      "stand", "near",   "water",   "that",     "was",    "once",    "clear,",    "however,", "nobody",
      "knows", "why",    "it",      "turned",   "green",  "in",      "those",     "years.",   "They",
      "say",   "fish",   "used",    "to",       "swim",   "there;",  "now",       "only",     "birds",
      "come",  "down",   "from",    "hills",    "when",   "winter",  "is",        "over",     "and",
      "snow",  "melts.", "A",       "boat",     "lies",   "upside",  "down",      "on",       "its",
      "shore", "for",    "as",      "long",     "as",     "anyone",  "remembers", "paint",    "gone,",
      "wood",  "grey",   "like",    "stones",   "around", "it.",     "We",        "sat",      "beside",
      "it",    "until",  "evening", "talking",  "about",  "nothing", "much"};
  std::string text;
  while (text.size() < bytes) {
    text += kWords[random() % std::size(kWords)];
    text += ' ';
  }
  return text;
}

std::string JsonLines(std::mt19937_64& random, size_t bytes) {
  std::string text;
  for (uint64_t id = 0; text.size() < bytes; ++id) {
    text += fmt::format("{{\"id\": {}, \"prompt\": \"{}\", \"answer\": \"{}\\n{}\", \"score\": 0.{}}}\n", id,
                        Words(random, 200), Words(random, 400), Words(random, 100), random() % 1000);
  }
  return text;
}

std::string Table(std::mt19937_64& random, size_t bytes) {
  std::string text = "id,name,value,hash\n";
  while (text.size() < bytes) {
    text += fmt::format("{},{},{:.6f},{:016x}{:016x}\n", random() % 1'000'000, Words(random, 12),
                        static_cast<double>(random() % 1000) / 7, random(), random());
  }
  return text;
}

std::string Program(std::mt19937_64& random, size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    const uint64_t n = random() % 10'000;
    text += fmt::format(
        "def load_tokens_{0}(path: str, max_tokens: int = {0}) -> list:\n    \"\"\"Reads the tokens of a "
        "file.\"\"\"\n"
        "    with open(path) as file:\n        api_key = os.environ[\"KEY_{0}\"]\n"
        "        return [self.tokenizer(line)[\"input_ids\"] for line in file if len(line) > {0}]\n\n"
        "class Layer{0}(nn.Module):\n    def __init__(self, width, depth={0}):\n        super().__init__()\n"
        "        self.norm = nn.LayerNorm(width, eps=1e-6)\n        self.linear = nn.Linear(width, width * "
        "{0}, bias=False)\n\n"
        "    def forward(self, x, mask=None):\n        # The residual goes around both parts, as in the "
        "original.\n"
        "        attended, weights = self.attention(self.norm(x), self.norm(x), self.norm(x), "
        "attn_mask=mask)\n"
        "        x = x + self.dropout(attended)\n        return x + self.linear(self.norm(x)).relu(), "
        "weights\n\n",
        n);
  }
  return text;
}

std::string RandomBytes(std::mt19937_64& random, size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i + 8 <= bytes; i += 8) {
    const uint64_t word = random();
    std::memcpy(text.data() + i, &word, 8);
  }
  return text;
}

std::string Base64Lines(std::mt19937_64& random, size_t bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  while (text.size() < bytes) {
    for (int i = 0; i < 76; ++i) text += kAlphabet[random() % 64];
    text += '\n';
  }
  return text;
}

// In parts, so that the memory of this program is that of the scan.
void Write(const fs::path& path, std::string_view begin, std::string (*make)(std::mt19937_64&, size_t),
           size_t bytes) {
  constexpr size_t kPart = 4 << 20;
  std::mt19937_64 random(1);
  std::ofstream file(path, std::ios::binary);
  file << begin;
  for (size_t written = 0; written < bytes; written += kPart)
    file << make(random, std::min(kPart, bytes - written));
}

// Of this process, or of the programs that it ran.
double ProcessorSeconds(int whose) {
  rusage usage{};
  ::getrusage(whose, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double GrepSeconds(const fs::path& path) {
  std::string command = "LC_ALL=C grep -F -c";
  for (int i = 0; i < 20; ++i) command += fmt::format(" -e 'zq{}_literal'", i);
  command += fmt::format(" '{}' > /dev/null", path.native());
  const double begin = ProcessorSeconds(RUSAGE_CHILDREN);
  if (std::system(command.c_str()) < 0) return 0;
  return ProcessorSeconds(RUSAGE_CHILDREN) - begin;
}

int Run(size_t bytes, const fs::path& folder) {
  absl::StatusOr<std::shared_ptr<const secrets::RuleSet>> rules = secrets::RuleSet::BuiltIn();
  if (!rules.ok()) return 1;
  absl::StatusOr<secrets::Scanner> scanner = secrets::Scanner::Create(*rules);
  if (!scanner.ok()) return 1;
  const std::pair<std::string_view, std::string (*)(std::mt19937_64&, size_t)> kinds[] = {
      {"chats.jsonl", JsonLines},
      {"table.csv", Table},
      {"program.py", Program},
      {"data.txt", Base64Lines},
      {"data.parquet", RandomBytes}};
  const fs::path path = folder / "secrets_bench.data";
  const auto measure = [&](std::string_view name) {
    DiskSource source(path);
    double best = 1e9;  // seconds
    size_t findings = 0;
    for (int run = 0; run < 3; ++run) {
      const double begin = ProcessorSeconds(RUSAGE_SELF);
      const absl::StatusOr<secrets::ScanReport> report = scanner->Scan(name, source);
      best = std::min(best, ProcessorSeconds(RUSAGE_SELF) - begin);
      if (report.ok()) findings = report->findings.size();
    }
    const double grep = std::min(GrepSeconds(path), GrepSeconds(path));
    const auto megabytes = static_cast<double>(source.size_bytes()) / 1e6;
    fmt::print("{:<20} {:>8.0f} MB/s   grep -F {:>8.0f} MB/s   {} findings\n", name, megabytes / best,
               megabytes / grep, findings);
    std::fflush(stdout);
  };
  for (const auto& [name, make] : kinds) {
    Write(path, "", make, bytes);
    measure(name);
  }
  const std::string header =
      fmt::format(R"({{"t":{{"dtype":"U8","shape":[{0}],"data_offsets":[0,{0}]}}}})", bytes);
  Write(path, formats::Safetensors(header, 0), RandomBytes, bytes);
  measure("model.safetensors");
  fs::remove(path);
  return 0;
}

}  // namespace
}  // namespace batuta

int main(int argc, char** argv) {
  const size_t megabytes = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 256;
  const int result = batuta::Run(megabytes << 20, argc > 2 ? argv[2] : "/dev/shm");
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print("peak memory {} MiB\n", usage.ru_maxrss / 1024);
  return result;
}
