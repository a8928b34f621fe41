#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/push/plan.h"
#include "daemon/secrets/finding.h"

// The names of the files of a push leave with them, and may be secrets: then they are shown nowhere.
namespace batuta::push {

// What the path of a file is called when it is scanned as a text of its own. No file of a repo has that path.
inline constexpr std::string_view kNamePath = "//name";

// Path → how it may be shown.
using HiddenNames = std::map<std::string, std::string, std::less<>>;

// NameFindings tells what was found in names, and nothing of them from the first secret on: of
// `data/hf_….csv` there is `data/` and the redacted secret. Memory is in proportion to what is found.
class NameFindings {
 public:
  // What a scan of the text `path` found, as it may be told. Fingerprints begin with `//name/` and how the
  // name is shown; where that is the same for different secrets, lines count them. What stands in the name of
  // a folder is told once, whatever lies in it. Each path once, in the same order whenever nothing changed.
  secrets::ScanReport Tell(std::string_view path, const secrets::ScanReport& found);

  // `path`, or what it is shown as where something was found in it.
  std::string_view Shown(std::string_view path) const;

  const HiddenNames& hidden() const { return hidden_; }

 private:
  HiddenNames hidden_;
  std::map<std::string, uint64_t> lines_;  // what a finding is → its line
  std::map<std::pair<std::string, std::string>, uint64_t>
      lasts_;  // how it is shown, and its kind → last line
};

// Of a plan that is refused: shows no name that is hidden, wherever it stood.
void HideNames(const HiddenNames& hidden, PushPlan* plan);

}  // namespace batuta::push
