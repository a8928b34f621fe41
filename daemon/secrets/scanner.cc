#include "daemon/secrets/scanner.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/status/status.h"
#include "daemon/secrets/archive_walk.h"
#include "daemon/secrets/column_stream.h"
#include "daemon/secrets/encoding.h"
#include "daemon/secrets/file_profile.h"
#include "daemon/secrets/ignore_list.h"
#include "daemon/secrets/number_ranges.h"
#include "daemon/secrets/parquet.h"
#include "daemon/secrets/stream.h"
#include "daemon/secrets/tensor_file.h"
#include "daemon/secrets/text_search.h"

namespace batuta::secrets {
namespace {

constexpr size_t kBlockBytes = 1 << 20;
constexpr int kMostArchives = 3;  // inside each other
constexpr size_t kMostUnread = 100;
constexpr size_t kMostLineBytes = 4096;

std::string_view LastName(std::string_view path) {
  const size_t slash = path.find_last_of("/!");
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

uint64_t LineEndsIn(std::string_view text) {
  uint64_t count = 0;
  for (const char *at = text.data(), *end = at + text.size(); at < end; ++at) {
    at = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at)));
    if (at == nullptr) break;
    ++count;
  }
  return count;
}

}  // namespace

class Scanner::Impl {
 public:
  Impl(std::shared_ptr<const RuleSet> rules, TextSearch search, const Options& options)
      : rules_(std::move(rules)),
        search_(std::move(search)),
        options_(options),
        block_(kLeadBytes + kBlockBytes + kReachBytes, '\0') {}

  absl::StatusOr<ScanReport> Scan(std::string_view path, safety::ByteSource& bytes);

 private:
  // A stream under a name, with what can be known of it from outside.
  struct Subject {
    std::string path;
    Stream& stream;
    SourceStream* seekable = nullptr;
    safety::ByteSource* source = nullptr;
    uint64_t size_bytes = 0;  // as far as known
    int depth = 0;
  };

  absl::Status ScanSubject(const Subject& subject);
  absl::Status ScanArchive(const Subject& subject, Stream& packed);
  absl::Status ScanColumns(const Subject& subject, const ParquetDescription& parquet);
  absl::Status ScanAsItIs(const std::string& path, Stream& stream);
  absl::Status ScanBlocks(const std::string& path, Stream& stream, const Profile& profile);
  void ScanBlock(const std::string& path, std::string_view text, Span zone, const Profile& profile);
  void CheckName(const std::string& path, std::string_view head);
  void Unread(std::string_view path, std::string_view why);

  std::shared_ptr<const RuleSet> rules_;
  TextSearch search_;
  Options options_;
  std::string block_;  // the end of the block before, and a new one

  size_t used_bytes_ = 0;  // of it

  // Of the file that is being scanned:
  ScanReport report_;
  ArchiveBudget budget_;
  std::set<std::pair<std::string, std::string>> seen_;                         // kind and secret of members
  std::set<std::tuple<std::string, uint64_t, uint64_t, std::string>> places_;  // path, line, column, kind

  // Of the stream that is being scanned, where the zone begins:
  uint64_t lines_ = 0;         // line ends before it
  uint64_t line_offset_ = 0;   // where its line begins
  uint64_t block_offset_ = 0;  // of `block_`
  bool is_again_ =
      false;  // the raw bytes of an archive, after its members; those of columns, after their text
};

absl::StatusOr<Scanner> Scanner::Create(std::shared_ptr<const RuleSet> rules) {
  return Create(std::move(rules), {});
}

absl::StatusOr<Scanner> Scanner::Create(std::shared_ptr<const RuleSet> rules, const Options& options) {
  ASSIGN_OR_RETURN(TextSearch search, TextSearch::Create(rules));
  return Scanner(std::make_unique<Impl>(std::move(rules), std::move(search), options));
}

Scanner::Scanner(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Scanner::Scanner(Scanner&&) noexcept = default;
Scanner& Scanner::operator=(Scanner&&) noexcept = default;
Scanner::~Scanner() = default;

absl::StatusOr<ScanReport> Scanner::Scan(std::string_view path, safety::ByteSource& bytes) {
  return impl_->Scan(path, bytes);
}

absl::StatusOr<ScanReport> Scanner::Impl::Scan(std::string_view path, safety::ByteSource& bytes) {
  report_ = ScanReport();
  used_bytes_ = 0;
  seen_.clear();
  places_.clear();
  is_again_ = false;
  const uint64_t expanded =
      std::max<uint64_t>(256 << 20, std::min<uint64_t>(bytes.size_bytes(), 100 << 20) * 20);
  budget_ = {.expanded_bytes = std::min<uint64_t>(expanded, uint64_t{2} << 30)};
  SourceStream stream(bytes);
  const absl::Status scanned = ScanSubject({.path = std::string(path),
                                            .stream = stream,
                                            .seekable = &stream,
                                            .source = &bytes,
                                            .size_bytes = bytes.size_bytes()});
  ::explicit_bzero(block_.data(), used_bytes_);
  RETURN_IF_ERROR(scanned);
  std::ranges::sort(report_.findings, {}, [](const Finding& finding) {
    return std::tie(finding.path, finding.line, finding.column, finding.kind);
  });
  return std::move(report_);
}

absl::Status Scanner::Impl::ScanSubject(const Subject& subject) {
  ASSIGN_OR_RETURN(HeadedStream headed, HeadedStream::Create(subject.stream, kHeadBytes));
  const std::string head(headed.head());
  if (head.empty()) return absl::OkStatus();
  CheckName(subject.path, head);
  if (IsArchive(head)) {
    if (subject.depth < kMostArchives) return ScanArchive(subject, headed);
    Unread(subject.path, "archives inside archives, too deep to be looked into");
  }
  if (const std::optional<bool> is_big_endian = ProbeUtf16(head); is_big_endian) {
    Utf16Stream text(headed, *is_big_endian);
    ASSIGN_OR_RETURN(HeadedStream decoded, HeadedStream::Create(text, kHeadBytes));
    const Profile profile = ProfileOf(subject.path, decoded.head(), subject.size_bytes / 2);
    return ScanBlocks(subject.path, decoded, profile);
  }
  if (subject.source != nullptr) {
    if (const std::optional<uint64_t> header = HeaderBytes(*subject.source, head); header) {
      SourceStream only(*subject.source, *header);
      return ScanBlocks(subject.path, only,
                        {.most = Tier::kPossible, .has_bare_values = false, .decodes = false});
    }
    if (const auto parquet = DescribeParquet(*subject.source, head); parquet)
      return ScanColumns(subject, *parquet);
  }
  return ScanBlocks(subject.path, headed, ProfileOf(subject.path, head, subject.size_bytes));
}

absl::Status Scanner::Impl::ScanArchive(const Subject& subject, Stream& packed) {
  const auto use = [&](std::string_view name, Stream& content) {
    const std::string inner(name.empty() ? LastName(WithoutPacking(subject.path)) : name);
    return ScanSubject(
        {.path = fmt::format("{}!{}", subject.path, inner), .stream = content, .depth = subject.depth + 1});
  };
  std::string problem;
  if (subject.seekable != nullptr) subject.seekable->Seek(0);
  Stream& from_begin = subject.seekable != nullptr ? static_cast<Stream&>(*subject.seekable) : packed;
  RETURN_IF_ERROR(WalkArchive(from_begin, subject.seekable, budget_, use, problem));
  if (!problem.empty()) Unread(subject.path, problem);
  if (subject.seekable == nullptr) return absl::OkStatus();
  // What stands between the members, or could not be read.
  subject.seekable->Seek(0);
  return ScanAsItIs(subject.path, *subject.seekable);
}

absl::Status Scanner::Impl::ScanColumns(const Subject& subject, const ParquetDescription& parquet) {
  for (const TextColumn& column : parquet.texts) {
    const std::string path = fmt::format("{}!{}", subject.path, column.name);
    ColumnStream values(*subject.source, column);
    ASSIGN_OR_RETURN(HeadedStream headed, HeadedStream::Create(values, kHeadBytes));
    const bool is_text = IsText(headed.head());
    RETURN_IF_ERROR(ScanBlocks(
        path, headed,
        {.most = is_text ? Tier::kLikely : Tier::kCertain, .has_bare_values = false, .decodes = is_text}));
    if (!values.problem().empty()) Unread(path, values.problem());
  }
  // What the description leaves out, or is wrong about: all but plain numbers.
  ASSIGN_OR_RETURN(const std::vector<ByteRange> numbers, NumberRanges(*subject.source, parquet.numbers));
  SparseStream all(*subject.source, numbers);
  return ScanAsItIs(subject.path, all);
}

// What was found in the parts of it is not told again.
absl::Status Scanner::Impl::ScanAsItIs(const std::string& path, Stream& stream) {
  is_again_ = true;
  return ScanBlocks(path, stream, {.most = Tier::kCertain, .has_bare_values = false, .decodes = false});
}

// Each block overlaps its neighbours: a literal is looked at in the block in which all that it may reach is
// there, on both sides.
absl::Status Scanner::Impl::ScanBlocks(const std::string& path, Stream& stream, const Profile& profile) {
  lines_ = 0;
  line_offset_ = 0;
  block_offset_ = 0;
  size_t kept = 0;        // bytes at the beginning of the block from the one before
  size_t zone_begin = 0;  // in the block
  while (true) {
    size_t filled = kept;
    bool at_end = false;
    while (filled < block_.size() && !at_end) {
      ASSIGN_OR_RETURN(const size_t count, stream.Read(std::span(block_).subspan(filled)));
      filled += count;
      at_end = count == 0;
    }
    used_bytes_ = std::max(used_bytes_, filled);
    const size_t zone_end = at_end ? filled : filled - kReachBytes;
    const std::string_view text(block_.data(), filled);
    ScanBlock(path, text, {zone_begin, zone_end}, profile);
    if (at_end) return absl::OkStatus();
    const size_t keep_from = zone_end - std::min(zone_end, kLeadBytes);
    const std::string_view passed = text.substr(zone_begin, zone_end - zone_begin);
    lines_ += LineEndsIn(passed);
    if (const size_t last = passed.rfind('\n'); last != std::string_view::npos) {
      line_offset_ = block_offset_ + zone_begin + last + 1;
    }
    kept = filled - keep_from;
    std::memmove(block_.data(), block_.data() + keep_from, kept);
    block_offset_ += keep_from;
    zone_begin = zone_end - keep_from;
  }
}

void Scanner::Impl::ScanBlock(const std::string& path, std::string_view text, Span zone,
                              const Profile& profile) {
  const std::vector<Match> matches = search_.Find(text, zone, profile);
  // Matches come in the order of the text, but a secret may begin a little before its literal, or far behind.
  for (const Match& match : matches) {
    const std::string_view from_zone =
        text.substr(zone.begin, match.span.begin > zone.begin ? match.span.begin - zone.begin : 0);
    const std::string_view back =
        match.span.begin < zone.begin ? text.substr(match.span.begin, zone.begin - match.span.begin) : "";
    const uint64_t line = lines_ + LineEndsIn(from_zone) - LineEndsIn(back) + 1;
    const size_t line_end = text.substr(0, match.span.begin).rfind('\n');
    const uint64_t offset = block_offset_ + match.span.begin;
    const uint64_t line_begin =
        line_end != std::string_view::npos ? block_offset_ + line_end + 1 : line_offset_;
    const Rule& rule = match.rule->rule;
    if (match.rule->user != nullptr) {
      const bool is_allowed =
          IsAllowed(rules_->user(), *match.rule->user, path, match.secret, match.secret, match.line);
      if (is_allowed) continue;
    }
    if (is_again_ && seen_.contains({std::string(rule.id), match.secret})) continue;
    seen_.emplace(rule.id, match.secret);
    if (options_.allows_comments) {
      const size_t begin = line_end == std::string_view::npos ? 0 : line_end + 1;
      const size_t from = std::max(begin, match.span.begin - std::min(match.span.begin, kMostLineBytes));
      const size_t end =
          std::min({text.find('\n', match.span.end), match.span.end + kMostLineBytes, text.size()});
      if (HasAllowComment(text.substr(from, end - from))) {
        ++report_.allowed;
        continue;
      }
    }
    if (!places_.emplace(path, line, offset, rule.id).second) continue;
    if (report_.findings.size() >= kMostFindings) {
      ++report_.findings_left_out;
      continue;
    }
    report_.findings.push_back({.path = path,
                                .line = line,
                                .column = offset - std::min(offset, line_begin) + 1,
                                .kind = std::string(rule.id),
                                .description = std::string(rule.description),
                                .tier = rule.tier,
                                .excerpt = Redacted(rule, match.secret),
                                .fingerprint = FingerprintOf(path, rule.id, line)});
  }
}

void Scanner::Impl::CheckName(const std::string& path, std::string_view head) {
  const NameRule* const rule = FindNameRule(path);
  if (rule == nullptr) return;
  const std::optional<uint64_t> line = ConfirmName(*rule, head);
  if (!line) return;
  report_.findings.push_back({.path = path,
                              .line = *line,
                              .column = 1,
                              .kind = std::string(rule->id),
                              .description = std::string(rule->description),
                              .tier = Tier::kCertain,
                              .excerpt = "",
                              .fingerprint = FingerprintOf(path, rule->id, *line)});
}

void Scanner::Impl::Unread(std::string_view path, std::string_view why) {
  if (report_.unread.size() < kMostUnread) report_.unread.push_back(fmt::format("{}: {}", path, why));
}

}  // namespace batuta::secrets
