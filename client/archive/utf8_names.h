#pragma once

#include <locale.h>

namespace batuta::client {

// While it lives, libarchive takes names for UTF-8 on this thread, whatever the caller's locale: names in the
// cache are.
class Utf8Names {
 public:
  Utf8Names();
  ~Utf8Names();
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;

 private:
  locale_t before_;
};

}  // namespace batuta::client
