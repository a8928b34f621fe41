#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

// Where everything lies, worked out from the environment alone: pure functions, no disk. A variable that is
// set to the empty text counts as unset, as in the XDG rules; a relative XDG path is ignored, as there too.
// Errors: kInvalidArgument (CONFIG_INVALID), naming the variable.
namespace batuta {

// Answers like getenv(3): empty when the variable is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// That of this process. Read it before threads start.
Environment ProcessEnvironment();

// User mode: one daemon per user, below the home folder. System mode: one for the machine, below /run and
// /var.
enum class Mode { kUser, kSystem };

// A Unix socket's path holds at most this many bytes (sun_path less its NUL).
inline constexpr size_t kMaxSocketPathBytes = 107;

// kInvalidArgument (CONFIG_INVALID) when `path` is not absolute or longer than a socket's may be; `origin`
// says where it comes from ("--socket", "BATUTA_SOCKET").
absl::Status CheckSocketPath(const std::filesystem::path& path, std::string_view origin);

// Where the daemon of `mode` listens. User mode: BATUTA_SOCKET, $XDG_RUNTIME_DIR/batuta/batutad.sock, else
// `batutad.sock` in the state folder. System mode: BATUTA_SOCKET, else SystemSocketPath().
absl::StatusOr<std::filesystem::path> SocketPath(const Environment& environment, Mode mode = Mode::kUser);

// /run/batuta/batutad.sock
std::filesystem::path SystemSocketPath();

// The daemon's own state. User mode: $XDG_STATE_HOME/batuta, else ~/.local/state/batuta. System mode:
// /var/lib/batuta.
absl::StatusOr<std::filesystem::path> StateDir(const Environment& environment, Mode mode = Mode::kUser);

// The cache root that all tools share: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, `hub` in HfHome(); system mode:
// without those variables /var/cache/batuta/hub. `~` and `$VAR` in the variables are expanded as the Python
// library does. Absolute.
absl::StatusOr<std::filesystem::path> CacheDir(const Environment& environment, Mode mode = Mode::kUser);

// HF_HOME, $XDG_CACHE_HOME/huggingface, ~/.cache/huggingface. `~` and `$VAR` are expanded. Absolute.
absl::StatusOr<std::filesystem::path> HfHome(const Environment& environment);

// $XDG_CONFIG_HOME/batuta/config.toml, else ~/.config/batuta/config.toml.
absl::StatusOr<std::filesystem::path> UserConfigFile(const Environment& environment);

// /etc/batuta/config.toml
std::filesystem::path SystemConfigFile();

inline constexpr std::string_view kDefaultEndpoint = "https://huggingface.co";

// HF_ENDPOINT, else kDefaultEndpoint, through NormaliseEndpoint().
absl::StatusOr<std::string> Endpoint(const Environment& environment);

// The endpoint as it is compared and stored: an http or https URL, host in lower case, default port and
// trailing `/` left out. kInvalidArgument (CONFIG_INVALID) when it is none, or has a query or a user name;
// `origin` says where it comes from.
absl::StatusOr<std::string> NormaliseEndpoint(std::string_view url, std::string_view origin);

// Booleans as the Python library reads them: `1`, `ON`, `YES`, `TRUE` in any letter case are true, all else
// is false.
bool IsTrue(std::string_view value);
bool IsTrue(const std::optional<std::string>& value);

// HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE.
bool IsOffline(const Environment& environment);

// `~` and `~/…` by HOME, `$VAR` and `${VAR}` by the environment; what is not set stays as written. `~name`
// stays.
std::string ExpandPath(const Environment& environment, std::string_view path);

}  // namespace batuta
