#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace batuta::review {

// A namespace that another one may be mistaken for.
struct KnownName {
  std::string name;                // as its owner writes it
  bool is_trusted = false;         // this cache took from it before; else it is of the list
  std::vector<std::string> repos;  // well known under it, without the namespace
  std::string skeleton;            // of `name`
  std::string letters;             // of `name`
  std::vector<std::string> stems;  // of `name`: without what stands behind it, five letters and more
};

// The namespaces that are well known, and those that this cache trusts.
class KnownNames {
 public:
  // The list that is compiled in.
  KnownNames();

  // Empty ones and those that are known already change nothing.
  void Trust(std::string_view repo_namespace);

  // Letter case does not count: it does not for the hub.
  bool Contains(std::string_view repo_namespace) const;

  const std::vector<KnownName>& names() const { return names_; }

 private:
  void Add(std::string_view name, bool is_trusted, std::vector<std::string> repos);

  std::vector<KnownName> names_;
  std::unordered_set<std::string> keys_;  // in lower case
};

enum class Affixes { kBehind, kOnBothSides };

// What is left of a skeleton when words that anybody may add to a name (`ai`, `official`, `the` …) are taken
// off it, one after the other; the longest first, none shorter than `least` letters.
std::vector<std::string> Stems(std::string_view skeleton, size_t least, Affixes affixes);

}  // namespace batuta::review
