#include "common/config/proxies.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>

#include <fmt/format.h>

#include "common/text/human.h"
#include "common/text/url.h"

namespace batuta {
namespace {

std::optional<Proxies::Variable> First(const Environment& environment,
                                       std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (std::optional<std::string> value = environment(name); value && !value->empty()) {
      return Proxies::Variable{std::string(name), *std::move(value)};
    }
  }
  return std::nullopt;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

}  // namespace

Proxies ReadProxies(const Environment& environment) {
  return {.http = First(environment, {"http_proxy"}),
          .https = First(environment, {"https_proxy", "HTTPS_PROXY"}),
          .all = First(environment, {"all_proxy", "ALL_PROXY"}),
          .none = First(environment, {"no_proxy", "NO_PROXY"}),
          .has_ignored_http = !First(environment, {"http_proxy"}) && First(environment, {"HTTP_PROXY"})};
}

bool IsExempt(std::string_view no_proxy, std::string_view host) {
  const std::string wanted = Lower(host);
  for (size_t at = 0; at < no_proxy.size();) {
    const size_t begin = no_proxy.find_first_not_of(", \t", at);
    if (begin == std::string_view::npos) return false;
    const size_t end = std::min(no_proxy.find_first_of(", \t", begin), no_proxy.size());
    std::string name = Lower(no_proxy.substr(begin, end - begin));
    at = end;
    if (name == "*") return true;
    if (name.starts_with('.')) name.erase(0, 1);
    if (wanted == name || (!name.empty() && wanted.ends_with("." + name))) return true;
  }
  return false;
}

std::string ProxyFor(const Proxies& proxies, std::string_view url) {
  const absl::StatusOr<UrlParts> parts = SplitUrl(url);
  if (!parts.ok()) return {};
  if (proxies.none && IsExempt(proxies.none->value, parts->host)) return {};
  const std::optional<Proxies::Variable>& own = parts->scheme == "https" ? proxies.https : proxies.http;
  if (own) return own->value;
  return proxies.all ? proxies.all->value : std::string();
}

std::string WithoutPassword(std::string_view url) {
  const size_t scheme = url.find("://");
  const size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
  const size_t at = url.rfind('@');
  if (at == std::string_view::npos || at < host) return Printable(url);
  return Printable(fmt::format("{}***{}", url.substr(0, host), url.substr(at)));
}

std::string Describe(const Proxies& proxies) {
  std::string text;
  for (const auto* variable : {&proxies.https, &proxies.http, &proxies.all, &proxies.none}) {
    if (!*variable) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", (*variable)->name,
                        WithoutPassword((*variable)->value));
  }
  return text.empty() ? "none" : text;
}

}  // namespace batuta
