#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/locations.h"

namespace batuta {

// The proxy variables of an environment, as libcurl reads them: lower case before upper case, and HTTP_PROXY
// in lower case alone (a web server may set the other one from a header).
struct Proxies {
  struct Variable {
    std::string name;
    std::string value;
  };

  std::optional<Variable> http;
  std::optional<Variable> https;
  std::optional<Variable> all;
  std::optional<Variable> none;   // NO_PROXY
  bool has_ignored_http = false;  // HTTP_PROXY is set, http_proxy is not
};

Proxies ReadProxies(const Environment& environment);

// Through which proxy a request to `url` goes; empty: through none. Pure.
std::string ProxyFor(const Proxies& proxies, std::string_view url);

// Does NO_PROXY name the host: itself, a domain above it, or `*`? Pure.
bool IsExempt(std::string_view no_proxy, std::string_view host);

// `HTTPS_PROXY=http://***@proxy:3128, NO_PROXY=localhost`, or "none": without passwords. Pure.
std::string Describe(const Proxies& proxies);

// The URL of a proxy without user and password. Pure.
std::string WithoutPassword(std::string_view url);

}  // namespace batuta
