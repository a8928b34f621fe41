#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batuta::push {

// IgnorePattern is one line of a .gitignore, as git understands it (gitignore(5) and its wildmatch). Time to
// match is polynomial whatever the pattern. Pure.
class IgnorePattern {
 public:
  // Nothing for a line without a pattern: empty, or a comment. `line` has no line end.
  static std::optional<IgnorePattern> Parse(std::string_view line);

  // `path` is relative to the folder of the file with the line; `name` is the last component of it.
  bool Matches(std::string_view path, std::string_view name, bool is_folder) const;

  bool is_negated() const { return is_negated_; }

  // As it was written.
  const std::string& text() const { return text_; }

 private:
  enum class Kind : uint8_t {
    kLiteral,   // `literal_`
    kSuffix,    // anything and then `literal_`
    kWildcard,  // `tokens_`
    kNever,     // malformed
  };

  struct Token {
    enum class Kind : uint8_t {
      kByte,
      kAny,          // one byte that is no `/`
      kSet,          // one byte of sets_[set], no `/`
      kStar,         // any number of bytes that are no `/`
      kFolders,      // any number of folders, each with its `/`
      kSomeFolders,  // the same, at least one
      kAll,          // whatever there is, to the end
    };

    Kind kind = Kind::kByte;
    char byte = 0;
    uint16_t set = 0;
  };

  bool Compile(std::string_view glob);
  bool CompileSet(std::string_view glob, size_t& position);
  bool MatchesTokens(std::string_view text) const;
  bool MatchesOne(const Token& token, char byte) const;

  std::string text_;
  std::string literal_;
  std::vector<Token> tokens_;
  std::vector<std::bitset<256>> sets_;
  Kind kind_ = Kind::kLiteral;
  bool is_negated_ = false;
  bool is_for_folders_ = false;
  bool is_for_names_ = false;  // without a `/`: in any folder below
};

}  // namespace batuta::push
