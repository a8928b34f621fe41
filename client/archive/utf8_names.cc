#include "client/archive/utf8_names.h"

namespace batuta::client {
namespace {

// Made once, kept until the program ends. The C library has it built in.
locale_t Utf8() {
  static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return utf8;
}

}  // namespace

Utf8Names::Utf8Names() : before_(uselocale(Utf8())) {}

Utf8Names::~Utf8Names() {
  uselocale(before_);
}

}  // namespace batuta::client
