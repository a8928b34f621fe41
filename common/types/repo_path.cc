#include "common/types/repo_path.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/utf8.h"

namespace batuta {
namespace {

constexpr size_t kMaxBytes = 4'000;
constexpr size_t kMaxComponentBytes = 255;
constexpr size_t kMaxComponents = 64;

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsDotGit(std::string_view component) {
  return component.size() == 4 && component[0] == '.' && (component[1] | 0x20) == 'g' &&
         (component[2] | 0x20) == 'i' && (component[3] | 0x20) == 't';
}

std::string_view WholeProblem(std::string_view path) {
  if (path.empty()) return "it is empty";
  if (path.size() > kMaxBytes) return "it is longer than 4,000 bytes";
  if (path.front() == '/') return "it is absolute";
  if (path.size() >= 2 && IsLetter(path[0]) && path[1] == ':') return "it starts with a drive letter";
  if (path.find('\\') != std::string_view::npos) return "it contains a backslash";
  if (!IsValidUtf8(path)) return "it is not valid UTF-8";
  if (ContainsControl(path)) return "it contains a control character";
  return {};
}

std::string_view ComponentProblem(std::string_view component) {
  if (component.empty()) return "a component is empty";
  if (component == "." || component == "..") return "`.` and `..` are not allowed as components";
  if (IsDotGit(component)) return "`.git` is not allowed as a component";
  if (component.size() > kMaxComponentBytes) return "a component is longer than 255 bytes";
  return {};
}

std::string_view Problem(std::string_view path) {
  if (const std::string_view problem = WholeProblem(path); !problem.empty()) return problem;
  size_t count = 0;
  for (size_t begin = 0; begin <= path.size(); ++count) {
    if (count == kMaxComponents) return "it has more than 64 components";
    const size_t end = std::min(path.find('/', begin), path.size());
    if (const std::string_view problem = ComponentProblem(path.substr(begin, end - begin));
        !problem.empty()) {
      return problem;
    }
    begin = end + 1;
  }
  return {};
}

}  // namespace

absl::StatusOr<RepoPath> RepoPath::Parse(std::string_view path) {
  if (const std::string_view problem = Problem(path); !problem.empty()) {
    return MakeError(absl::StatusCode::kInvalidArgument, reason::kInvalidPath,
                     fmt::format("path {}: {}", Quoted(path), problem),
                     "a path inside a repo is relative, like `folder/file.bin`");
  }
  return RepoPath(std::string(path));
}

std::string_view RepoPath::name() const {
  const size_t slash = text_.rfind('/');
  return slash == std::string::npos ? std::string_view(text_) : std::string_view(text_).substr(slash + 1);
}

size_t RepoPath::depth() const {
  return 1 + static_cast<size_t>(std::count(text_.begin(), text_.end(), '/'));
}

}  // namespace batuta
