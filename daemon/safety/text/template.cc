#include "daemon/safety/text/template.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include <fmt/format.h>

#include "common/text/human.h"
#include "daemon/safety/text/rules.h"
#include "daemon/safety/text/template_lexer.h"
#include "daemon/safety/text/template_words.h"

namespace batuta::safety {
namespace {

using Kind = TemplateToken::Kind;
using Tokens = std::vector<TemplateToken>;
using Names = absl::flat_hash_set<std::string>;

constexpr uint64_t kMostRounds = 10'000;          // of one loop over a range
constexpr uint64_t kMostRoundsInAll = 1'000'000;  // of loops inside each other
constexpr uint64_t kMostRepeatedBytes = 1 << 20;  // of one string multiplied, or padded
constexpr size_t kMostNesting = 64;
constexpr uint64_t kMostWork = 20'000'000;

uint64_t Times(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

bool IsPrivate(std::string_view name) {
  return name.starts_with('_');
}

bool IsDunder(std::string_view name) {
  return name.size() > 4 && name.starts_with("__") && name.ends_with("__");
}

// What a tag's or an expression's tokens say of names that they compute.
class Judge {
 public:
  Judge(Subject& subject, uint64_t offset, TemplateParts parts)
      : subject_(subject), offset_(offset), parts_(std::move(parts.parts)) {}

  // `is_whole`: it was read to its end, so that what is open then stays open.
  void Run(bool is_whole) {
    for (TemplatePart& part : parts_) Fold(part.tokens);
    CollectNames();
    for (const TemplatePart& part : parts_) {
      line_ = part.line;
      size_t begin = 0;
      if (part.is_statement) {
        Statement(part.tokens);
        begin = 1;
      }
      for (size_t at = begin; at < part.tokens.size(); ++at) Token(part.tokens, at);
    }
    if (is_whole && !open_tags_.empty()) Broken(fmt::format("{{% {} %}} has no end", open_tags_.back().name));
  }

 private:
  struct OpenTag {
    std::string name;
    uint64_t rounds = 1;  // of it and the loops around it, as far as they are written down
  };

  void Say(const Rule& rule, std::string_view what) {
    subject_.Add(rule, offset_, fmt::format("the chat template {} (line {})", what, line_));
  }

  void Broken(std::string_view what) { Say(rules::kTemplateBroken, what); }

  // 'a' ~ 'b' and 'a' + 'b' become 'ab', as they will be.
  static void Fold(Tokens& tokens) {
    Tokens folded;
    for (size_t at = 0; at < tokens.size(); ++at) {
      const bool joins = (tokens[at].Is("~") || tokens[at].Is("+")) && at + 1 < tokens.size() &&
                         !folded.empty() && folded.back().kind == Kind::kString &&
                         tokens[at + 1].kind == Kind::kString && tokens[at].kind == Kind::kOperator;
      if (joins) {
        folded.back().text += tokens[at + 1].text;
        folded.back().is_opaque |= tokens[at + 1].is_opaque;
        ++at;
      } else {
        folded.push_back(std::move(tokens[at]));
      }
    }
    tokens = std::move(folded);
  }

  // --- names that the template itself sets ---

  // `built_` gets the names that hold text which is put together while the template runs. It grows until
  // nothing is added: what is built may be handed on through other names.
  void CollectNames() {
    for (const TemplatePart& part : parts_) {
      if (part.is_statement) Declare(part.tokens);
    }
    size_t before = built_.size();
    do {
      before = built_.size();
      for (const TemplatePart& part : parts_) {
        line_ = part.line;
        if (part.is_statement) Spread(part.tokens);
        SpreadIntoMacros(part.tokens);
      }
    } while (before != built_.size() && work_ < kMostWork);
    if (work_ >= kMostWork) Say(rules::kTemplateTooComplex, "hands text on in too many ways");
  }

  static bool IsTag(const Tokens& tokens, std::string_view name) {
    return !tokens.empty() && tokens[0].Is(name);
  }

  static size_t Find(const Tokens& tokens, std::string_view what, size_t from = 0) {
    while (from < tokens.size() && !tokens[from].Is(what)) ++from;
    return from;
  }

  // The tokens before which the names stand that the tag sets.
  static size_t TargetsEnd(const Tokens& tokens) {
    if (IsTag(tokens, "set")) return Find(tokens, "=");
    if (IsTag(tokens, "for")) return Find(tokens, "in");
    return IsTag(tokens, "macro") || IsTag(tokens, "call") || IsTag(tokens, "with") ? tokens.size() : 0;
  }

  void Declare(const Tokens& tokens) {
    const size_t end = TargetsEnd(tokens);
    for (size_t at = 1; at < end; ++at) {
      if (tokens[at].kind == Kind::kName) local_.insert(tokens[at].text);
    }
    const bool is_block_set = IsTag(tokens, "set") && end == tokens.size();
    if (is_block_set && tokens.size() > 1) built_.insert(tokens[1].text);
    if (IsTag(tokens, "macro") && tokens.size() > 1) {
      built_.insert(tokens[1].text);  // a call of it gives text
      Names& parameters = macros_[tokens[1].text];
      for (size_t at = 2; at < tokens.size(); ++at) {
        if (tokens[at].kind == Kind::kName) parameters.insert(tokens[at].text);
      }
    }
    if (IsTag(tokens, "set") && end + 1 < tokens.size()) {
      uint64_t largest = 0;
      bool multiplies = false;
      for (size_t at = end + 1; at < tokens.size(); ++at) {
        if (tokens[at].kind == Kind::kInteger) largest = std::max(largest, tokens[at].integer);
        multiplies |= tokens[at].Is("*") || tokens[at].Is("**");
      }
      if (largest > kMostRounds || (multiplies && largest > 0)) large_.insert(tokens[end - 1].text);
      // A lone literal may be a piece of a name.
      if (end + 2 == tokens.size() && tokens[end + 1].kind == Kind::kString)
        pieces_.insert(tokens[end - 1].text);
    }
  }

  void Spread(const Tokens& tokens) {
    const size_t end = TargetsEnd(tokens);
    if (end == 0 || end >= tokens.size() || !Builds(tokens, end + 1, tokens.size())) return;
    // Whatever its bounds are made of, it gives numbers.
    const bool is_range = IsTag(tokens, "for") && end + 2 < tokens.size() && tokens[end + 1].Is("range") &&
                          tokens[end + 2].Is("(") && Close(tokens, end + 2) + 1 == tokens.size();
    if (is_range) return;
    for (size_t at = 1; at < end; ++at) {
      // Of `ns.key` it is the key that is set.
      const bool is_owner = at + 1 < end && tokens[at + 1].Is(".");
      if (tokens[at].kind == Kind::kName && !is_owner) built_.insert(tokens[at].text);
    }
  }

  // What is built and handed to a macro is what its parameters hold.
  void SpreadIntoMacros(const Tokens& tokens) {
    for (size_t at = 0; at + 1 < tokens.size(); ++at) {
      if (tokens[at].kind != Kind::kName || !tokens[at + 1].Is("(") || IsTag(tokens, "macro")) continue;
      const auto macro = macros_.find(tokens[at].text);
      if (macro == macros_.end() || macro->second.empty()) continue;
      if (!Builds(tokens, at + 2, Close(tokens, at + 1))) continue;
      built_.insert(macro->second.begin(), macro->second.end());
      macro->second.clear();  // once is enough
    }
  }

  // Is text put together here: pieces joined, formatted, repeated, taken apart?
  bool Builds(const Tokens& tokens, size_t begin, size_t end) {
    for (size_t at = begin; at < end; ++at) {
      if (++work_ >= kMostWork) return true;
      const TemplateToken& token = tokens[at];
      const TemplateToken* before = at > begin ? &tokens[at - 1] : nullptr;
      const TemplateToken* after = at + 1 < end ? &tokens[at + 1] : nullptr;
      const auto is_text = [this](const TemplateToken* side) { return side != nullptr && IsText(*side); };
      if (token.kind == Kind::kOperator) {
        if (token.text == "~") return true;
        if (token.text == "[" && is_text(before)) return true;  // a piece of it
        const bool is_joining = token.text == "+" || token.text == "*" || token.text == "%";
        if (is_joining && (is_text(before) || is_text(after))) return true;
      } else if (token.kind == Kind::kName) {
        const bool is_reached = before != nullptr && (before->Is(".") || before->Is("|"));
        if (is_reached && words::kBuilders.contains(token.text)) return true;
        const bool is_argument_name = after != nullptr && after->Is("=");
        const bool is_counted = after != nullptr && after->Is("|") && at + 2 < end &&
                                words::kCounters.contains(tokens[at + 2].text);
        if (built_.contains(token.text) && !is_argument_name && !is_counted) return true;
      }
    }
    return false;
  }

  bool IsText(const TemplateToken& token) const {
    if (token.kind == Kind::kString) return true;
    return token.kind == Kind::kName && (pieces_.contains(token.text) || built_.contains(token.text));
  }

  // The index of the bracket that closes the one at `open`; brackets are known to be balanced.
  static size_t Close(const Tokens& tokens, size_t open) {
    int depth = 0;
    for (size_t at = open; at < tokens.size(); ++at) {
      if (tokens[at].kind != Kind::kOperator) continue;
      const std::string& text = tokens[at].text;
      if (text == "(" || text == "[" || text == "{") ++depth;
      if (text == ")" || text == "]" || text == "}") --depth;
      if (depth == 0) return at;
    }
    return tokens.size();
  }

  // --- tags ---

  void Statement(const Tokens& tokens) {
    if (tokens.empty() || tokens[0].kind != Kind::kName) return Broken("has a tag without a name");
    const std::string& tag = tokens[0].text;
    if (words::kLoadingTags.contains(tag))
      return Say(rules::kTemplateImport, fmt::format("loads another: {{% {} %}}", tag));
    if (tag.starts_with("end")) return CloseTag(tag.substr(3));
    if (words::kBranches.contains(tag)) {
      if (open_tags_.empty()) Broken(fmt::format("has {{% {} %}} outside", tag));
      return;
    }
    if (!words::kTags.contains(tag))
      return Say(rules::kTemplateUnlisted, fmt::format("uses the tag {}", Quoted(tag)));
    if (tag == "filter" && (tokens.size() < 2 || !words::kFilters.contains(tokens[1].text))) {
      Say(rules::kTemplateUnlisted, "uses a filter that is not known");
    }
    const bool is_block =
        words::kBlocks.contains(tag) || (tag == "set" && Find(tokens, "=") == tokens.size());
    if (!is_block) return;
    OpenTag opened{.name = tag, .rounds = open_tags_.empty() ? 1 : open_tags_.back().rounds};
    if (tag == "for") opened.rounds = Times(opened.rounds, Rounds(tokens));
    if (opened.rounds > kMostRoundsInAll) Say(rules::kTemplateBomb, "has loops that never end");
    open_tags_.push_back(std::move(opened));
    if (open_tags_.size() == kMostNesting + 1) Broken("has too many tags inside each other");
  }

  void CloseTag(std::string_view name) {
    if (open_tags_.empty() || open_tags_.back().name != name)
      return Broken(fmt::format("has {{% end{} %}} out of place", name));
    open_tags_.pop_back();
  }

  // Of a loop over a range, as it is written down; 1 of any other.
  static uint64_t Rounds(const Tokens& tokens) {
    const size_t range = Find(tokens, "range");
    if (range + 1 >= tokens.size() || !tokens[range + 1].Is("(")) return 1;
    uint64_t most = 1;
    for (size_t at = range + 1, end = Close(tokens, range + 1); at < end; ++at) {
      if (tokens[at].kind == Kind::kInteger) most = std::max(most, tokens[at].integer);
    }
    return most;
  }

  // --- tokens of expressions ---

  void Token(const Tokens& tokens, size_t at) {
    const TemplateToken& token = tokens[at];
    switch (token.kind) {
      case Kind::kString:
        return String(token);
      case Kind::kName:
        return Name(tokens, at);
      case Kind::kOperator:
        return Operator(tokens, at);
      case Kind::kInteger:
      case Kind::kFloat:
        return;
    }
  }

  void String(const TemplateToken& token) {
    if (token.is_opaque)
      Say(rules::kTemplateComputed, fmt::format("hides a character: {}", Quoted(token.text, 60)));
    // Wherever it stands: it may be used through a variable.
    std::string lower = token.text.find("__") == std::string::npos ? "" : token.text;
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    for (const std::string_view dunder : words::kDunders.words) {
      if (lower.find(dunder) == std::string::npos) continue;
      return Say(rules::kTemplatePrivate, fmt::format("holds {}", Quoted(token.text, 60)));
    }
    if (IsDunder(lower)) Say(rules::kTemplatePrivate, fmt::format("holds {}", Quoted(token.text, 60)));
    if (Traverses(token.text) && token.text.find("__") != std::string::npos) {
      Say(rules::kTemplateFormat, fmt::format("formats {}", Quoted(token.text, 60)));
    }
  }

  void Name(const Tokens& tokens, size_t at) {
    const std::string& name = tokens[at].text;
    const TemplateToken* before = at > 0 ? &tokens[at - 1] : nullptr;
    const TemplateToken* after = at + 1 < tokens.size() ? &tokens[at + 1] : nullptr;
    const bool is_called = after != nullptr && after->Is("(");
    if (before != nullptr && before->Is(".") && before->kind == Kind::kOperator)
      return Attribute(tokens, at, is_called);
    if (before != nullptr && before->Is("|")) return Filter(tokens, at, is_called);
    if (IsTest(tokens, at)) {
      if (!words::kTests.contains(name))
        Say(rules::kTemplateUnlisted, fmt::format("uses the test {}", Quoted(name)));
      return;
    }
    if (name.starts_with("__")) return Say(rules::kTemplatePrivate, fmt::format("reaches {}", Quoted(name)));
    if (after != nullptr && after->Is("=") && IsPrivate(name) && tokens[0].text != "set" &&
        tokens[0].text != "with") {
      return Say(rules::kTemplatePrivate, fmt::format("names an argument {}", Quoted(name)));
    }
    const bool is_reached_into = after != nullptr && (after->Is(".") || after->Is("[") || after->Is("|"));
    if (is_reached_into && words::kExits.contains(name)) {
      return Say(rules::kTemplateEscape, fmt::format("reaches into {}", Quoted(name)));
    }
    if (!is_called || words::kKeywords.contains(name)) return;
    if (name == "range") return Range(tokens, at + 1);
    // What joiner() and cycler() gave is called without arguments.
    const bool is_own = macros_.contains(name) || (local_.contains(name) && tokens[at + 2].Is(")"));
    if (!words::kFunctions.contains(name) && !is_own) {
      Say(rules::kTemplateUnlisted, fmt::format("calls {}", Quoted(name)));
    }
  }

  // Behind `is` or `is not`, where it is not the operand of a test.
  static bool IsTest(const Tokens& tokens, size_t at) {
    if (at > 0 && tokens[at - 1].Is("is") && tokens[at - 1].kind == Kind::kName) return !tokens[at].Is("not");
    return at > 1 && tokens[at - 1].Is("not") && tokens[at - 2].Is("is") &&
           tokens[at - 2].kind == Kind::kName;
  }

  void Reach(std::string_view name) {
    for (size_t begin = 0; begin <= name.size();) {
      const size_t end = std::min(name.find('.', begin), name.size());
      const std::string_view part = name.substr(begin, end - begin);
      if (IsPrivate(part)) return Say(rules::kTemplatePrivate, fmt::format("reaches {}", Quoted(part, 60)));
      if (words::kInternals.contains(part))
        return Say(rules::kTemplateInternal, fmt::format("reaches {}", Quoted(part)));
      begin = end + 1;
    }
  }

  void Attribute(const Tokens& tokens, size_t at, bool is_called) {
    const std::string& name = tokens[at].text;
    Reach(name);
    if (!is_called || (name != "format" && name != "format_map")) return;
    const TemplateToken* owner = at >= 2 ? &tokens[at - 2] : nullptr;
    if (owner == nullptr || owner->kind != Kind::kString) {
      Say(rules::kTemplateFormat, fmt::format("calls {} of text that is not written down", name));
    } else if (Traverses(owner->text)) {
      Say(rules::kTemplateFormat, fmt::format("formats {}", Quoted(owner->text, 60)));
    }
  }

  // Does a field of a format string go into its argument: {0.a}, {x[b]}?
  static bool Traverses(std::string_view format) {
    for (size_t open = format.find('{'); open != format.npos; open = format.find('{', open + 1)) {
      const std::string_view field = format.substr(open + 1, format.find_first_of(":!}", open) - open - 1);
      if (field.find_first_of(".[") != field.npos) return true;
    }
    return false;
  }

  void Filter(const Tokens& tokens, size_t at, bool is_called) {
    const std::string& name = tokens[at].text;
    if (!words::kFilters.contains(name))
      return Say(rules::kTemplateUnlisted, fmt::format("uses the filter {}", Quoted(name)));
    if (name == "format" && at >= 2 && tokens[at - 2].kind == Kind::kString &&
        Traverses(tokens[at - 2].text)) {
      Say(rules::kTemplateFormat, fmt::format("formats {}", Quoted(tokens[at - 2].text, 60)));
    }
    if (!words::kReachingFilters.contains(name)) return;
    if (!is_called) return;
    Arguments(tokens, at + 1, name);
  }

  // What an argument of a filter is to it.
  enum class Role : uint8_t { kValue, kAttribute, kFilter, kTest };

  static Role RoleOf(std::string_view filter, size_t position, std::string_view first) {
    if (filter == "map") {
      if (position == 0) return Role::kFilter;
      return words::kReachingFilters.contains(first) ? Role::kAttribute : Role::kValue;
    }
    const bool is_select = filter == "select" || filter == "reject";
    const bool is_select_attribute = filter == "selectattr" || filter == "rejectattr";
    if (position == (is_select_attribute ? 1 : 0) && (is_select || is_select_attribute)) return Role::kTest;
    const size_t attribute = filter == "sort" ? 2
                             : filter == "unique" || filter == "min" || filter == "max" || filter == "join"
                                 ? 1
                                 : 0;
    return position == attribute && !is_select ? Role::kAttribute : Role::kValue;
  }

  void Arguments(const Tokens& tokens, size_t open, std::string_view filter) {
    const size_t close = Close(tokens, open);
    const bool has_first = open + 1 < close && tokens[open + 1].kind == Kind::kString;
    const std::string_view first = has_first ? std::string_view(tokens[open + 1].text) : std::string_view();
    size_t position = 0;
    for (size_t begin = open + 1; begin < close; ++position) {
      size_t end = begin;
      for (; end < close && !tokens[end].Is(","); ++end) {
        if (tokens[end].Is("(") || tokens[end].Is("[") || tokens[end].Is("{")) end = Close(tokens, end);
      }
      end = std::min(end, close);
      const bool is_named = begin + 1 < end && tokens[begin].kind == Kind::kName && tokens[begin + 1].Is("=");
      if (!is_named) {
        Argument(tokens, begin, end, filter, RoleOf(filter, position, first));
      } else if (tokens[begin].Is("attribute")) {
        Argument(tokens, begin + 2, end, filter, Role::kAttribute);
      }
      begin = end + 1;
    }
  }

  void Argument(const Tokens& tokens, size_t begin, size_t end, std::string_view filter, Role role) {
    if (role == Role::kValue) return;
    const bool is_whole = begin + 1 == end;
    if (is_whole && tokens[begin].kind == Kind::kInteger) return;
    if (!is_whole || tokens[begin].kind != Kind::kString) {
      return Say(rules::kTemplateComputed, fmt::format("computes what {} reaches", Quoted(filter)));
    }
    const std::string& name = tokens[begin].text;
    if (role == Role::kAttribute) return Reach(name);
    const bool is_known =
        role == Role::kFilter ? words::kFilters.contains(name) : words::kTests.contains(name);
    if (!is_known) Say(rules::kTemplateUnlisted, fmt::format("uses the filter or test {}", Quoted(name, 60)));
  }

  void Operator(const Tokens& tokens, size_t at) {
    const std::string& text = tokens[at].text;
    const TemplateToken* before = at > 0 ? &tokens[at - 1] : nullptr;
    if (text == "[" && IsValueEnd(before)) return Subscript(tokens, at);
    if (text == "*") return Repetition(tokens, at);
    if (text == "**") return Power(tokens, at);
    if (text == "(" && before != nullptr && before->kind == Kind::kName) return Padding(tokens, at);
  }

  static bool IsValueEnd(const TemplateToken* token) {
    if (token == nullptr) return false;
    if (token->kind == Kind::kName) return !words::kKeywords.contains(token->text);
    if (token->kind == Kind::kString) return true;
    return token->Is(")") || token->Is("]") || token->Is("}");
  }

  void Subscript(const Tokens& tokens, size_t open) {
    const size_t close = Close(tokens, open);
    for (size_t at = open + 1; at < close; ++at) {
      if (tokens[at].kind == Kind::kString) Reach(tokens[at].text);
    }
    if (Builds(tokens, open + 1, close)) {
      Say(rules::kTemplateComputed, "puts the name of what it reaches together");
    }
  }

  void Range(const Tokens& tokens, size_t open) {
    uint64_t product = 1;
    bool is_large = false;
    for (size_t at = open + 1, end = Close(tokens, open); at < end; ++at) {
      if (tokens[at].kind == Kind::kInteger) {
        const bool multiplies = tokens[at - 1].Is("*") || tokens[at - 1].Is("**");
        product = multiplies ? Times(product, tokens[at].integer) : tokens[at].integer;
        is_large |= product > kMostRounds || (tokens[at - 1].Is("**") && tokens[at].integer > 2);
      }
      is_large |= tokens[at].kind == Kind::kName && large_.contains(tokens[at].text);
      is_large |= tokens[at].kind == Kind::kFloat;
    }
    if (is_large) Say(rules::kTemplateBomb, fmt::format("counts further than {}", kMostRounds));
  }

  // A string and all numbers that it is multiplied with, in either order.
  void Repetition(const Tokens& tokens, size_t at) {
    if (at == 0 || at + 1 >= tokens.size()) return;
    if (at >= 2 && tokens[at - 2].Is("*")) return;  // seen from its first star
    uint64_t size = 1;
    bool has_string = false;
    bool has_large = false;
    for (size_t factor = at - 1; factor < tokens.size(); factor += 2) {
      const TemplateToken& token = tokens[factor];
      if (token.kind == Kind::kString) {
        has_string = true;
        size = Times(size, token.text.size());
      } else if (token.kind == Kind::kInteger) {
        size = Times(size, token.integer);
      } else {
        has_string |= token.Is("]") || token.Is(")") || IsText(token);
        has_large |= large_.contains(token.text);
      }
      if (factor + 1 >= tokens.size() || !tokens[factor + 1].Is("*")) break;
    }
    if (has_string && (size > kMostRepeatedBytes || has_large))
      Say(rules::kTemplateBomb, "repeats text without bound");
  }

  void Power(const Tokens& tokens, size_t at) {
    const bool is_chain = at + 2 < tokens.size() && tokens[at + 2].Is("**");
    const bool is_large =
        at + 1 < tokens.size() && tokens[at + 1].kind == Kind::kInteger && tokens[at + 1].integer > 64;
    if (is_chain || is_large) Say(rules::kTemplateBomb, "computes a power without bound");
  }

  // center(…), indent(…), zfill(…): what pads or repeats takes a number.
  void Padding(const Tokens& tokens, size_t open) {
    for (size_t at = open + 1, end = Close(tokens, open); at < end; ++at) {
      if (tokens[at].kind == Kind::kInteger && tokens[at].integer > kMostRepeatedBytes) {
        return Say(rules::kTemplateBomb,
                   fmt::format("hands {} to {}", tokens[at].text, Quoted(tokens[open - 1].text)));
      }
    }
  }

  Subject& subject_;
  uint64_t offset_;
  std::vector<TemplatePart> parts_;
  int line_ = 0;
  uint64_t work_ = 0;  // tokens that were looked at to follow text
  std::vector<OpenTag> open_tags_;
  absl::flat_hash_map<std::string, Names> macros_;  // with their parameters
  Names local_;   // that the template sets: variables, macros, their parameters
  Names built_;   // of those, that hold text which is put together
  Names pieces_;  // that hold a literal
  Names large_;   // that hold a large number
};

}  // namespace

void InspectTemplate(Subject& subject, std::string_view source, uint64_t offset) {
  if (source.size() > kMostTemplateBytes) {
    subject.Add(rules::kTemplateTooLarge, offset,
                fmt::format("the chat template has {} bytes", source.size()));
    return;
  }
  TemplateParts parts = SplitTemplate(source);
  if (!parts.problem.empty()) {
    subject.Add(
        rules::kTemplateBroken, offset,
        fmt::format("the chat template is not valid: {} (line {})", parts.problem, parts.problem_line));
  }
  // What was read before it broke may have run.
  const bool is_broken = !parts.problem.empty();
  Judge(subject, offset, std::move(parts)).Run(!is_broken);
}

}  // namespace batuta::safety
