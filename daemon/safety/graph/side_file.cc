#include "daemon/safety/graph/side_file.h"

#include <algorithm>

#include "common/text/utf8.h"

namespace batuta::safety {

std::string_view SideFileProblem(std::string_view path) {
  if (path.empty()) return "is empty";
  if (path.size() > kMostSideFileBytes) return "is too long";
  if (!IsValidUtf8(path) || ContainsControl(path)) return "is no plain text";
  if (path.front() == '/' || path.front() == '~') return "is absolute";
  // A colon makes a drive, a stream or a URL; stars are how a runtime marks addresses in its own memory.
  if (path.find_first_of("\\:*?\"<>|") != path.npos) return "has characters that no plain file name has";
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part == "..") return "leads out of its folder";
    if (part.empty()) return "has an empty part";
    begin = end + 1;
  }
  return "";
}

}  // namespace batuta::safety
