#include "daemon/safety/text/yaml.h"

#include <exception>
#include <istream>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "common/text/human.h"
#include "daemon/safety/base/rules.h"
#include "daemon/safety/text/config_rules.h"
#include "daemon/safety/text/rules.h"

namespace batuta::safety {
namespace {

constexpr size_t kMostDepth = 64;
constexpr size_t kLongestAnchored = 1'024;
constexpr std::string_view kCore = "tag:yaml.org,2002:";
constexpr std::string_view kCoreTags[] = {"null",   "bool",      "int", "float", "str",   "seq",   "map",
                                          "binary", "timestamp", "set", "omap",  "merge", "value", "pairs"};

bool IsCoreTag(std::string_view tag) {
  if (tag.empty() || tag == "?" || tag == "!") return true;
  if (!tag.starts_with(kCore)) return false;
  tag.remove_prefix(kCore.size());
  for (const std::string_view core : kCoreTags) {
    if (tag == core) return true;
  }
  return false;
}

// Thrown through the parser, which has no other way to be stopped.
struct TooDeep : std::exception {};

struct NoDocument : std::exception {
  const char* what() const noexcept override { return "a document begins with what begins none"; }
};

class Handler final : public YAML::EventHandler {
 public:
  explicit Handler(Subject& subject) : subject_(subject), rules_(subject) {}

  // The parser comes back for ever to a token that begins no document.
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos == document_) throw NoDocument();
    document_ = mark.pos;
    scalars_.clear();
  }

  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark&, YAML::anchor_t) override { Scalar("", 0); }

  // What was anchored was looked at where it stands; here it may be a key, or the value of another key.
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = scalars_.find(anchor);
    if (known == scalars_.end() && is_key()) {
      Scalar("", Offset(mark));
    } else {
      Scalar(known == scalars_.end() ? "" : known->second, Offset(mark));
    }
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    CheckTag(mark, tag);
    if (anchor != YAML::NullAnchor) scalars_[anchor] = value.substr(0, kLongestAnchored);
    Scalar(value, Offset(mark));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    Begin(false);
  }

  void OnSequenceEnd() override { End(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    Begin(true);
  }

  void OnMapEnd() override { End(); }

 private:
  struct Level {
    bool is_map = false;
    bool wants_key = false;
  };

  static uint64_t Offset(const YAML::Mark& mark) {
    return mark.pos > 0 ? static_cast<uint64_t>(mark.pos) : 0;
  }

  bool is_key() const { return !levels_.empty() && levels_.back().wants_key; }

  void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (!IsCoreTag(tag))
      subject_.Add(rules::kYamlTag, Offset(mark), fmt::format("makes an object of {}", Quoted(tag, 100)));
  }

  void Begin(bool is_map) {
    if (levels_.size() == kMostDepth) throw TooDeep();
    // A key that is no scalar has no name.
    if (is_key()) rules_.Key("");
    if (is_map) {
      rules_.BeginObject();
    } else {
      rules_.BeginArray();
    }
    levels_.push_back({.is_map = is_map, .wants_key = is_map});
  }

  void End() {
    levels_.pop_back();
    rules_.End();
    Turn();
  }

  void Scalar(std::string_view value, uint64_t offset) {
    if (is_key()) {
      rules_.Key(value);
    } else if (value == "true" || value == "True" || value == "yes") {
      rules_.Boolean(true, offset);
    } else {
      rules_.String(value, value.size(), offset);
    }
    Turn();
  }

  void Turn() {
    if (!levels_.empty() && levels_.back().is_map) levels_.back().wants_key = !levels_.back().wants_key;
  }

  Subject& subject_;
  ConfigRules rules_;
  std::vector<Level> levels_;
  int document_ = -1;  // where it begins
  std::map<YAML::anchor_t, std::string> scalars_;
};

// A stream over text that is already in memory.
class TextBuffer final : public std::streambuf {
 public:
  explicit TextBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // never written to: there is no put area
    setg(begin, begin, begin + text.size());
  }
};

}  // namespace

void InspectYaml(Subject& subject, std::string_view text) {
  TextBuffer buffer(text);
  std::istream stream(&buffer);
  Handler handler(subject);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(handler)) {
    }
  } catch (const TooDeep&) {
    subject.Add(rules::kTooComplex, 0,
                fmt::format("more than {} maps and lists inside each other", kMostDepth));
  } catch (const std::exception& error) {
    subject.Add(rules::kYamlBroken, 0, error.what());
  }
}

}  // namespace batuta::safety
