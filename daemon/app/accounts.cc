#include "daemon/app/accounts.h"

#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include <fmt/format.h>
#include <pwd.h>

#include "common/status/status.h"
#include "common/text/human.h"

namespace batuta::app {
namespace {

std::optional<uint32_t> AsUid(std::string_view text) {
  uint32_t uid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), uid);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(uid) : std::nullopt;
}

std::optional<uint32_t> UidOfName(const std::string& name) {
  constexpr size_t kEnough = 16 * 1024;
  std::vector<char> buffer(kEnough);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return std::nullopt;
  }
  return entry.pw_uid;
}

}  // namespace

absl::StatusOr<std::set<uint32_t>> UidsOf(std::string_view accounts) {
  std::set<uint32_t> uids;
  std::vector<std::string> names = absl::StrSplit(std::string(accounts), ',', absl::SkipWhitespace());
  for (std::string& name : names) {
    absl::StripAsciiWhitespace(&name);
    std::optional<uint32_t> uid = AsUid(name);
    if (!uid) uid = UidOfName(name);
    if (!uid) {
      return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid,
                       fmt::format("users.admins names {}, which no account has", Quoted(name)),
                       "correct it in config.toml: names or uids, separated by commas");
    }
    uids.insert(*uid);
  }
  return uids;
}

}  // namespace batuta::app
