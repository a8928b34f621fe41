#include "daemon/safety/magic.h"

#include <cstring>

#include "daemon/safety/rules.h"

namespace batuta::safety {
namespace {

// NOLINTNEXTLINE(misc-unused-using-decls): the literals use it, without its name.
using std::string_view_literals::operator""sv;

constexpr Magic kMagics[] = {
    {0,
     "\x7F"
     "ELF"sv,
     "ELF program", &rules::kNative},
    {0, "\xFE\xED\xFA\xCE"sv, "Mach-O program", &rules::kNative},
    {0, "\xFE\xED\xFA\xCF"sv, "Mach-O program", &rules::kNative},
    {0, "\xCE\xFA\xED\xFE"sv, "Mach-O program", &rules::kNative},
    {0, "\xCF\xFA\xED\xFE"sv, "Mach-O program", &rules::kNative},
    {0, "MZqFpD"sv, "APE program", &rules::kNative},
    {0, "\xCA\xFE\xBA\xBE"sv, "Java class or Mach-O program", &rules::kBytecode},
    {0, "\0asm"sv, "WebAssembly", &rules::kBytecode},
    {0, "\x1BLua"sv, "Lua bytecode", &rules::kBytecode},
    {0, "\x1BLJ"sv, "Lua bytecode", &rules::kBytecode},
    {0, "\xAC\xED\0\5"sv, "Java objects", &rules::kJavaObjects},
    {0, "#!"sv, "script", &rules::kShebang},
    {0, "X\n\0\0\0"sv, "R data", &rules::kRData},
    {0, "RDX2\n"sv, "R data", &rules::kRData},
    {0, "RDX3\n"sv, "R data", &rules::kRData},
    {0, "RDA2\n"sv, "R data", &rules::kRData},
    {0, "RDA3\n"sv, "R data", &rules::kRData},
    {0, "ptrt"sv, "TensorRT engine", &rules::kEngine},
    {0, "ftrt"sv, "TensorRT engine", &rules::kEngine},
    {0, "lmgg"sv, "ggml of before GGUF", &rules::kNotInspected},
    {0, "fmgg"sv, "ggml of before GGUF", &rules::kNotInspected},
    {0, "tjgg"sv, "ggml of before GGUF", &rules::kNotInspected},
    {4, "ET12"sv, "ExecuTorch program", &rules::kNotInspected},
    {4, "ET13"sv, "ExecuTorch program", &rules::kNotInspected},
    {0, "CBM1"sv, "CatBoost model", &rules::kNotInspected},
};

// "MZ" alone begins many a text: a DOS header says where the rest is.
bool IsPortableExecutable(std::string_view first) {
  if (!first.starts_with("MZ") || first.size() < 0x40) return false;
  uint32_t at = 0;
  std::memcpy(&at, first.data() + 0x3C, sizeof at);
  // Headers lie at the beginning; where that part is not here, no text has these four bytes.
  return at < first.size() ? first.substr(at).starts_with(std::string_view("PE\0\0", 4)) : at < (64U << 10);
}

// A version of Python, CR LF, and since 3.7 a word of flags.
bool IsPythonBytecode(std::string_view first) {
  if (first.size() < 16 || first.substr(2, 2) != "\r\n") return false;
  uint16_t version = 0;
  std::memcpy(&version, first.data(), sizeof version);
  const bool is_known = (version >= 3'000 && version < 4'000) || version > 20'000;
  return is_known && first.substr(0, 16).find('\0') != std::string_view::npos;
}

constexpr Magic kPortableExecutable{0, "MZ", "Windows program", &rules::kNative};
constexpr Magic kPythonBytecode{2, "\r\n", "Python bytecode", &rules::kBytecode};

}  // namespace

const Magic* FindMagic(std::string_view first) {
  for (const Magic& magic : kMagics) {
    if (first.size() >= magic.offset && first.substr(magic.offset).starts_with(magic.bytes)) return &magic;
  }
  if (IsPortableExecutable(first)) return &kPortableExecutable;
  return IsPythonBytecode(first) ? &kPythonBytecode : nullptr;
}

}  // namespace batuta::safety
