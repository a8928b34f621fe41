#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "common/config/locations.h"
#include "common/types/secret.h"

// The caller's token for the hub, where the Hugging Face tools keep it. These functions touch the disk and
// block.
namespace batuta {

struct HubToken {
  enum class Source { kNone, kVariable, kFile };

  Secret token;  // empty when there is none
  Source source = Source::kNone;
  std::string location;  // the variable's name or the file's path; empty when there is none
};

// HF_TOKEN_PATH, else `token` in HfHome(). Absolute.
absl::StatusOr<std::filesystem::path> HubTokenFile(const Environment& environment);

// HF_TOKEN, HUGGING_FACE_HUB_TOKEN, then the token file; blanks around it are stripped, and what is then
// empty is passed over. With HF_HUB_DISABLE_IMPLICIT_TOKEN there is none. A missing file is no error.
//   kInvalidArgument (CONFIG_INVALID)        the token has a control character, a blank or a non-ASCII
//   character inside, or is
//                                            longer than 4,096 bytes: it could not go into a header. The
//                                            message names the place only.
//   kPermissionDenied, kUnavailable          the file is there and cannot be read.
absl::StatusOr<HubToken> FindHubToken(const Environment& environment);

// Writes the token file (mode 0600, its folder 0700 when made) as one step, so that a reader sees the old or
// the new one.
//   kInvalidArgument (CONFIG_INVALID)  the token is empty or malformed, as above.
absl::Status StoreHubToken(const Environment& environment, const Secret& token);

// Removes the token file. False when there was none.
absl::StatusOr<bool> RemoveHubToken(const Environment& environment);

}  // namespace batuta
