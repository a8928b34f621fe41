#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "daemon/push/local_folder.h"
#include "tests/support/files/temp_folder.h"
#include "tests/support/status/status_matchers.h"

namespace batuta::push {
namespace {

namespace fs = std::filesystem;

// What git itself would take of the folder, sorted.
std::vector<std::string> TakenByGit(const fs::path& folder) {
  const std::string command = fmt::format(
      "cd '{}' && export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null && git init -q . && "
      "git ls-files --others --exclude-per-directory=.gitignore -z",
      folder.native());
  FILE* const pipe = ::popen(command.c_str(), "r");
  std::string out;
  std::array<char, 65'536> buffer;
  for (size_t count; (count = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    out.append(buffer.data(), count);
  }
  EXPECT_EQ(::pclose(pipe), 0) << "git must be installed";
  std::vector<std::string> paths;
  for (size_t begin = 0; begin < out.size();) {
    const size_t end = out.find('\0', begin);
    paths.push_back(out.substr(begin, end - begin));
    begin = end + 1;
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Small worlds: few letters, so that patterns often match.
class Worlds {
 public:
  explicit Worlds(unsigned seed) : random_(seed) {}

  void Make(const fs::path& folder, int depth) {
    fs::create_directories(folder);
    if (depth == 0 || Below(3) == 0) {
      std::ofstream rules(folder / ".gitignore", std::ios::binary);
      for (size_t lines = 1 + Below(4); lines > 0; --lines)
        rules << Line() << (Below(9) == 0 ? "\r\n" : "\n");
    }
    for (const std::string_view name : kNames) {
      const size_t fate = Below(depth < 2 ? 5 : 3);
      if (fate == 0) continue;
      if (fate < 3) {
        std::ofstream(folder / name) << "";
      } else if (name.find('.') == std::string_view::npos || Below(3) == 0) {
        Make(folder / name, depth + 1);
      }
    }
  }

 private:
  static constexpr std::string_view kNames[] = {"a", "b", "ab", "ba", "a.b", "[a]", "a b", "-", "!a", "#b"};
  static constexpr std::string_view kPieces[] = {
      "a",   "b",    "ab", "*", "**", "/", "?", "[ab]", "[!a]", ".",    "!",           "\\",   "**/",
      "/**", "/**/", "*/", " ", "#",  "[", "]", "-",    "[a-]", "[]-]", "[[:alpha:]]", "[^b]", "***"};

  size_t Below(size_t limit) { return random_() % limit; }

  std::string Line() {
    std::string line;
    for (size_t pieces = 1 + Below(5); pieces > 0; --pieces) line += kPieces[Below(std::size(kPieces))];
    if (Below(6) == 0) line.insert(0, "!");
    if (Below(6) == 0) line.insert(0, "/");
    if (Below(6) == 0) line += '/';
    return line;
  }

  std::mt19937 random_;
};

TEST(IgnoreAgainstGit, TakesExactlyWhatGitTakes) {
  const char* const chosen = std::getenv("BATUTA_IGNORE_SEED");
  const unsigned seed = chosen == nullptr ? 20'261'128U : static_cast<unsigned>(std::atoi(chosen));
  TempFolder folder;
  Worlds worlds(seed);
  for (int i = 0; i < 15; ++i) worlds.Make(folder / fmt::format("{:03}", i), 0);
  const std::vector<std::string> expected = TakenByGit(folder.path());
  ASSERT_OK_AND_ASSIGN(const auto opened, LocalFolder::Open(folder.path()));
  ASSERT_OK_AND_ASSIGN(const FolderListing listing, opened->Walk());
  EXPECT_THAT(listing.objections, ::testing::IsEmpty());
  std::vector<std::string> taken;
  for (const LocalFile& file : listing.files) taken.push_back(file.path.text());
  ASSERT_GT(taken.size(), 100U);
  std::vector<std::string> differ;
  std::set_symmetric_difference(taken.begin(), taken.end(), expected.begin(), expected.end(),
                                std::back_inserter(differ));
  EXPECT_THAT(differ, ::testing::IsEmpty()) << "seed " << seed << ", in " << taken.size() << " files";
}

}  // namespace
}  // namespace batuta::push
