#include "daemon/secrets/text_search.h"

#include <algorithm>
#include <cstdint>

#include "absl/container/flat_hash_set.h"

#include "common/status/status.h"
#include "daemon/safety/base/byte_source.h"
#include "daemon/secrets/archive_walk.h"
#include "daemon/secrets/decoding.h"
#include "daemon/secrets/stream.h"

namespace batuta::secrets {
namespace {

constexpr size_t kMostUnpackedBytes = 4 << 20;  // of something compressed inside of text

struct Hit {
  uint32_t literal = 0;
  size_t end = 0;
};

std::string_view LineAround(std::string_view text, Span span) {
  constexpr size_t kMost = 4096;
  size_t begin = span.begin;
  while (begin > 0 && span.begin - begin < kMost && text[begin - 1] != '\n') --begin;
  size_t end = span.end;
  while (end < text.size() && end - span.end < kMost && text[end] != '\n') ++end;
  return text.substr(begin, end - begin);
}

// The texts of all that is in it, one after the other.
std::string Unpacked(const std::string& packed) {
  std::string text;
  safety::MemorySource source(packed);
  SourceStream stream(source);
  ArchiveBudget budget{.expanded_bytes = kMostUnpackedBytes, .members = 1000};
  std::string problem;
  const auto use = [&](std::string_view, Stream& content) -> absl::Status {
    char buffer[16 << 10];
    while (true) {
      ASSIGN_OR_RETURN(const size_t count, content.Read(buffer));
      if (count == 0) break;
      text.append(buffer, count);
    }
    text += '\n';
    return absl::OkStatus();
  };
  // What is cut off or damaged gives as much as it gives.
  WalkArchive(stream, &stream, budget, use, problem).IgnoreError();
  return text;
}

}  // namespace

absl::StatusOr<TextSearch> TextSearch::Create(std::shared_ptr<const RuleSet> rules) {
  ASSIGN_OR_RETURN(LiteralIndex::Scratch certain, rules->SearchFor(Tier::kCertain).index->NewScratch());
  ASSIGN_OR_RETURN(LiteralIndex::Scratch all, rules->SearchFor(Tier::kPossible).index->NewScratch());
  return TextSearch(std::move(rules), std::move(certain), std::move(all));
}

std::vector<Match> TextSearch::Find(std::string_view text, Span zone, const Profile& profile) {
  std::vector<Match> matches;
  FindAll(text, zone, profile, 0, matches);
  DropOverlaps(matches);
  return matches;
}

void TextSearch::FindAll(std::string_view text, Span zone, const Profile& profile, int depth,
                         std::vector<Match>& matches) {
  FindPlain(text, zone, profile, matches);
  if (profile.decodes && depth < kMostDecodings) FindDecoded(text, zone, profile, depth, matches);
}

void TextSearch::FindPlain(std::string_view text, Span zone, const Profile& profile,
                           std::vector<Match>& matches) {
  const RuleSet::Search& search = rules_->SearchFor(profile.most);
  LiteralIndex::Scratch& scratch = profile.most == Tier::kCertain ? certain_ : all_;
  std::vector<Hit> hits;
  search.index->Find(text, scratch, [&](uint32_t literal, size_t end) {
    const size_t begin = end - search.literals[literal].length;
    if (begin >= zone.begin && begin < zone.end) hits.push_back({literal, end});
  });
  absl::flat_hash_set<const CompiledRule*> everywhere(search.without_literal.begin(),
                                                      search.without_literal.end());
  for (const Hit& hit : hits) {
    const RuleSet::Search::Literal& literal = search.literals[hit.literal];
    for (const CompiledRule* rule : literal.rules) {
      if (rule->rule.tier > profile.most) continue;
      if (rule->rule.place == Place::kAnywhere) {
        everywhere.insert(rule);
        continue;
      }
      MatchAround(*rule, text, {hit.end - literal.length, hit.end}, profile, [&](Span secret) {
        matches.push_back({.rule = rule,
                           .span = secret,
                           .secret = std::string(text.substr(secret.begin, secret.end - secret.begin)),
                           .line = {}});
      });
    }
  }
  for (const CompiledRule* rule : everywhere) {
    MatchEverywhere(*rule, text, zone, [&](Span secret, Span match) {
      matches.push_back({.rule = rule,
                         .span = secret,
                         .secret = std::string(text.substr(secret.begin, secret.end - secret.begin)),
                         .line = std::string(LineAround(text, match))});
    });
  }
}

void TextSearch::FindDecoded(std::string_view text, Span zone, const Profile& profile, int depth,
                             std::vector<Match>& matches) {
  FindDecodable(text, zone, [&](const Decoded& decoded) {
    const std::string unpacked = decoded.is_packed ? Unpacked(decoded.text) : "";
    const std::string_view inner = decoded.is_packed ? unpacked : decoded.text;
    std::vector<Match> found;
    FindAll(inner, {0, inner.size()}, profile, depth + 1, found);
    for (Match& match : found) {
      match.span = decoded.is_packed
                       ? decoded.origin
                       : Span{decoded.OriginOf(match.span.begin), decoded.OriginOf(match.span.end)};
      matches.push_back(std::move(match));
    }
  });
}

void DropOverlaps(std::vector<Match>& matches) {
  const auto is_better = [](const Match& a, const Match& b) {
    // A known token in a URL is that, rather than a password.
    const auto rank = [](const Rule& rule) {
      return static_cast<int>(rule.tier) * 2 + (Has(rule.checks, Check::kUrl) ? 1 : 0);
    };
    if (rank(a.rule->rule) != rank(b.rule->rule)) return rank(a.rule->rule) < rank(b.rule->rule);
    return a.span.end - a.span.begin > b.span.end - b.span.begin;
  };
  const auto by_place = [](const Match& a, const Match& b) { return a.span.begin < b.span.begin; };
  std::ranges::stable_sort(matches, by_place);
  std::vector<Match> kept;
  for (Match& match : matches) {
    // Several of one compressed text all stand where that stands.
    const bool are_apart = kept.empty() || kept.back().span.end <= match.span.begin ||
                           (kept.back().span.begin == match.span.begin &&
                            kept.back().span.end == match.span.end && kept.back().secret != match.secret);
    if (are_apart) {
      kept.push_back(std::move(match));
    } else if (is_better(match, kept.back())) {
      kept.back() = std::move(match);
    }
  }
  matches = std::move(kept);
}

}  // namespace batuta::secrets
