#include "common/config/locations.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "common/text/url.h"

namespace batuta {
namespace {

using Path = std::filesystem::path;

absl::Status Invalid(std::string_view message, std::string_view hint) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason::kConfigInvalid, message, hint);
}

std::optional<std::string> Get(const Environment& environment, std::string_view name) {
  std::optional<std::string> value = environment(name);
  if (value.has_value() && value->empty()) return std::nullopt;
  return value;
}

absl::StatusOr<Path> Home(const Environment& environment) {
  const std::optional<std::string> home = Get(environment, "HOME");
  if (!home)
    return Invalid("HOME is not set", "set HOME, or name the folders with options or XDG_* variables");
  if (home->front() != '/') {
    return Invalid(fmt::format("HOME is {}, which is not an absolute path", Quoted(*home)),
                   "set HOME to a full path");
  }
  return Path(*home);
}

// An XDG base folder: the variable when it is an absolute path, else `fallback` below the home folder.
absl::StatusOr<Path> XdgFolder(const Environment& environment, std::string_view variable,
                               std::string_view fallback) {
  const std::optional<std::string> value = Get(environment, variable);
  if (value && value->front() == '/') return Path(*value);
  ASSIGN_OR_RETURN(const Path home, Home(environment));
  return home / fallback;
}

// A path variable of the Hugging Face libraries, expanded; empty when it is not set.
absl::StatusOr<std::optional<Path>> HfFolder(const Environment& environment, std::string_view variable) {
  const std::optional<std::string> value = Get(environment, variable);
  if (!value) return std::nullopt;
  const std::string expanded = ExpandPath(environment, *value);
  if (!expanded.starts_with('/')) {
    return Invalid(fmt::format("{} is {}, which is not an absolute path", variable, Quoted(*value)),
                   "give a full path: the daemon and the tools do not share a working folder");
  }
  return Path(expanded).lexically_normal();
}

// The name after a `$`, as shells know it, and how many characters it takes with its braces; an empty name
// when there is none.
struct VariableName {
  std::string_view name;
  size_t length = 0;
};

VariableName NameAt(std::string_view text) {
  const bool is_braced = text.starts_with('{');
  if (is_braced) {
    const size_t close = text.find('}');
    if (close == std::string_view::npos) return {};
    return {text.substr(1, close - 1), close + 1};
  }
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  const auto end = static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_name) - text.begin());
  return {text.substr(0, end), end};
}

}  // namespace

Environment ProcessEnvironment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value =
        std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe): see the header
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

absl::Status CheckSocketPath(const Path& path, std::string_view origin) {
  if (!path.is_absolute()) {
    return Invalid(fmt::format("socket path {} from {} is not absolute", Quoted(path.native()), origin),
                   "give a full path, like /run/user/1000/batuta/batutad.sock");
  }
  if (path.native().size() > kMaxSocketPathBytes) {
    return Invalid(
        fmt::format("socket path {} from {} has {} bytes; a Unix socket allows {}", Quoted(path.native()),
                    origin, path.native().size(), kMaxSocketPathBytes),
        "set BATUTA_SOCKET (or --socket) to a shorter path, or XDG_RUNTIME_DIR to a shorter folder");
  }
  return absl::OkStatus();
}

absl::StatusOr<Path> SocketPath(const Environment& environment, Mode mode) {
  if (const std::optional<std::string> value = Get(environment, "BATUTA_SOCKET")) {
    RETURN_IF_ERROR(CheckSocketPath(*value, "BATUTA_SOCKET"));
    return Path(*value);
  }
  if (mode == Mode::kSystem) return SystemSocketPath();
  if (const std::optional<std::string> value = Get(environment, "XDG_RUNTIME_DIR");
      value && value->front() == '/') {
    Path path = Path(*value) / "batuta" / "batutad.sock";
    RETURN_IF_ERROR(CheckSocketPath(path, "XDG_RUNTIME_DIR"));
    return path;
  }
  ASSIGN_OR_RETURN(const Path state, StateDir(environment, mode));
  Path path = state / "batutad.sock";
  RETURN_IF_ERROR(CheckSocketPath(path, "the state folder"));
  return path;
}

Path SystemSocketPath() {
  return "/run/batuta/batutad.sock";
}

absl::StatusOr<Path> StateDir(const Environment& environment, Mode mode) {
  if (mode == Mode::kSystem) return Path("/var/lib/batuta");
  ASSIGN_OR_RETURN(const Path base, XdgFolder(environment, "XDG_STATE_HOME", ".local/state"));
  return base / "batuta";
}

absl::StatusOr<Path> CacheDir(const Environment& environment, Mode mode) {
  for (const std::string_view variable : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    ASSIGN_OR_RETURN(const std::optional<Path> folder, HfFolder(environment, variable));
    if (folder) return *folder;
  }
  if (mode == Mode::kSystem && !Get(environment, "HF_HOME")) return Path("/var/cache/batuta/hub");
  ASSIGN_OR_RETURN(const Path home, HfHome(environment));
  return home / "hub";
}

absl::StatusOr<Path> HfHome(const Environment& environment) {
  ASSIGN_OR_RETURN(const std::optional<Path> folder, HfFolder(environment, "HF_HOME"));
  if (folder) return *folder;
  ASSIGN_OR_RETURN(const Path base, XdgFolder(environment, "XDG_CACHE_HOME", ".cache"));
  return base / "huggingface";
}

absl::StatusOr<Path> UserConfigFile(const Environment& environment) {
  ASSIGN_OR_RETURN(const Path base, XdgFolder(environment, "XDG_CONFIG_HOME", ".config"));
  return base / "batuta" / "config.toml";
}

Path SystemConfigFile() {
  return "/etc/batuta/config.toml";
}

absl::StatusOr<std::string> Endpoint(const Environment& environment) {
  const std::optional<std::string> value = Get(environment, "HF_ENDPOINT");
  if (!value) return std::string(kDefaultEndpoint);
  return NormaliseEndpoint(*value, "HF_ENDPOINT");
}

absl::StatusOr<std::string> NormaliseEndpoint(std::string_view url, std::string_view origin) {
  absl::StatusOr<UrlParts> parts = SplitUrl(url);
  if (!parts.ok())
    return Invalid(fmt::format("{}: {}", origin, MessageOf(parts.status())), HintOf(parts.status()));
  if (!parts->query.empty()) {
    return Invalid(fmt::format("{}: an endpoint has no query", origin),
                   "write it like `https://host` or `http://host:port`");
  }
  while (parts->path.ends_with('/')) parts->path.pop_back();
  return JoinUrl(*parts);
}

bool IsTrue(std::string_view value) {
  std::string upper(value);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; });
  return upper == "1" || upper == "ON" || upper == "YES" || upper == "TRUE";
}

bool IsTrue(const std::optional<std::string>& value) {
  return value.has_value() && IsTrue(std::string_view(*value));
}

bool IsOffline(const Environment& environment) {
  return IsTrue(environment("HF_HUB_OFFLINE")) || IsTrue(environment("TRANSFORMERS_OFFLINE"));
}

std::string ExpandPath(const Environment& environment, std::string_view path) {
  std::string out;
  if (path == "~" || path.starts_with("~/")) {
    if (const std::optional<std::string> home = Get(environment, "HOME")) {
      out = *home;
      path.remove_prefix(1);
    }
  }
  for (size_t i = 0; i < path.size(); ++i) {
    const VariableName variable = path[i] == '$' ? NameAt(path.substr(i + 1)) : VariableName{};
    const std::optional<std::string> value =
        variable.name.empty() ? std::nullopt : environment(variable.name);
    if (value) {
      out += *value;
      i += variable.length;
    } else {
      out += path[i];
    }
  }
  return out;
}

}  // namespace batuta
