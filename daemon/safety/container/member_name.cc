#include "daemon/safety/container/member_name.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/text/human.h"
#include "common/text/utf8.h"
#include "daemon/safety/container/rules.h"

namespace batuta::safety {
namespace {

constexpr size_t kMostNameBytes = 4 << 10;
constexpr size_t kMostComponentBytes = 255;

constexpr uint32_t kTypeBits = 0170000;
constexpr uint32_t kRegular = 0100000;
constexpr uint32_t kFolder = 0040000;
constexpr uint32_t kPrivilegeBits = 06000;

bool IsLetter(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

bool EscapesItsFolder(std::string_view name) {
  if (name.starts_with('/') || name.starts_with('\\')) return true;
  if (name.size() >= 2 && IsLetter(name[0]) && name[1] == ':') return true;
  size_t begin = 0;
  while (begin <= name.size()) {
    const size_t end = std::min(name.find_first_of("/\\", begin), name.size());
    if (name.substr(begin, end - begin) == "..") return true;
    begin = end + 1;
  }
  return false;
}

// Is every component of it a file name everywhere?
bool IsPlain(std::string_view name) {
  if (name.ends_with('/')) name.remove_suffix(1);
  if (name.empty() || name.size() > kMostNameBytes) return false;
  if (name.find('\\') != name.npos || !IsValidUtf8(name) || Printable(name) != name) return false;
  size_t begin = 0;
  while (begin <= name.size()) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view component = name.substr(begin, end - begin);
    if (component.empty() || component.size() > kMostComponentBytes) return false;
    if (component.ends_with('.') || component.ends_with(' ')) return false;
    begin = end + 1;
  }
  return true;
}

}  // namespace

void CheckMemberName(Subject& archive, std::string_view name, uint64_t offset) {
  if (EscapesItsFolder(name)) {
    archive.Add(rules::kMemberEscapes, offset, fmt::format("the member {} leaves its folder", Quoted(name)));
  } else if (!IsPlain(name)) {
    archive.Add(rules::kMemberName, offset,
                fmt::format("{} is not the same file name everywhere", Quoted(name)));
  }
}

std::string FoldedMemberName(std::string_view name) {
  if (name.ends_with('/')) name.remove_suffix(1);
  std::string folded(name);
  for (char& byte : folded) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
    if (byte == '\\') byte = '/';
  }
  return folded;
}

void CheckMemberMode(Subject& archive, std::string_view name, uint32_t mode, bool is_folder,
                     uint64_t offset) {
  const uint32_t type = mode & kTypeBits;
  const bool plain = type == 0 || type == kRegular || type == kFolder;
  if (!plain || (mode & kPrivilegeBits) != 0) {
    archive.Add(
        rules::kMemberLink, offset,
        fmt::format("the member {} is a link, a device or privileged (mode {:o})", Quoted(name), mode));
  } else if (type != 0 && (type == kFolder) != is_folder) {
    archive.Add(rules::kMemberFolder, offset,
                fmt::format("{} is a folder for some readers and a file for others", Quoted(name)));
  }
}

}  // namespace batuta::safety
