#include "daemon/secrets/decoding.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "daemon/secrets/encoding.h"

namespace batuta::secrets {
namespace {

constexpr size_t kLeastRun = 24;
constexpr size_t kLeastHex = 32;
constexpr size_t kLeastLine = 40;  // of base64 in several lines
constexpr size_t kProbeChars = 16;
constexpr size_t kMostProbed = 48;  // of the bytes that the first line says
constexpr size_t kMostEscapedBytes = 8 << 10;

bool IsPackedText(std::string_view bytes) {
  return bytes.starts_with("\x1F\x8B\x08") || bytes.starts_with("PK\x03\x04");
}

// Every other byte a zero, the rest text.
bool IsUtf16Text(std::string_view bytes) {
  if (bytes.size() < 8) return false;
  for (size_t i = 0; i + 1 < std::min<size_t>(bytes.size(), 64); i += 2) {
    if (bytes[i + 1] != '\0' || !IsPrintable(bytes.substr(i, 1))) return false;
  }
  return true;
}

bool MaySay(std::string_view beginning) {
  return IsPrintable(beginning) || IsPackedText(beginning) || IsUtf16Text(beginning);
}

// Most of it: binary data that begins with some letters is not text.
bool IsMostlyText(std::string_view bytes) {
  const auto odd = std::ranges::count_if(
      bytes, [](char c) { return c >= 0 && !((c >= 9 && c <= 13) || (c >= 32 && c <= 126)); });
  return static_cast<size_t>(odd) * 50 <= bytes.size();
}

void Tell(Decoded decoded, absl::FunctionRef<void(Decoded decoded)> found) {
  decoded.is_packed = IsPackedText(decoded.text);
  if (IsUtf16Text(decoded.text)) {
    decoded.text = Utf16ToUtf8(decoded.text, /*is_big_endian=*/false);
    for (Decoded::Piece& piece : decoded.pieces) {
      piece.at /= 2;
      piece.units *= 2;
    }
  } else if (!decoded.is_packed && !IsMostlyText(decoded.text)) {
    return;
  }
  found(std::move(decoded));
}

// What text is made of, tabs and line ends included.
constexpr std::array<bool, 256> kIsTextByte = [] {
  std::array<bool, 256> is_text{};
  for (size_t byte = 9; byte <= 13; ++byte) is_text[byte] = true;
  for (size_t byte = 32; byte <= 126; ++byte) is_text[byte] = true;
  return is_text;
}();

// May six bytes, the first of them the highest, be the beginning of what says something? What is left out
// here is what MaySay() would leave out. Asked of every run, most of which are chance: no branch can foresee
// the answer.
bool MayBegin(uint64_t six) {
  const auto byte = [six](int index) { return static_cast<size_t>(six >> (40 - 8 * index) & 0xFF); };
  const auto text = [&](int index) { return static_cast<unsigned>(kIsTextByte[byte(index)]); };
  const auto zero = [&](int index) { return static_cast<unsigned>(byte(index) == 0); };
  const unsigned even = text(0) & text(2) & text(4);
  const unsigned is_text = even & text(1) & text(3) & text(5);
  const unsigned is_utf16 = even & zero(1) & zero(3) & zero(5);
  const uint64_t mark = six >> 32;
  const unsigned is_packed =
      static_cast<unsigned>(mark == 0x1F8B) | static_cast<unsigned>(mark == ('P' << 8 | 'K'));
  return (is_text | is_utf16 | is_packed) != 0;
}

class Base64Search {
 public:
  Base64Search(std::string_view text, Span zone, absl::FunctionRef<void(Decoded decoded)> found)
      : text_(text), zone_(zone), found_(found) {}

  // A run has a character at each kLeastRun-th place: most of the text is never looked at. What is looked at
  // is taken as a whole, as no branch can foresee where runs begin and end.
  void Run() {
    size_t passed = std::string_view::npos;  // up to here goes a run that says nothing; it may go on
    for (size_t at = zone_.begin; at < zone_.end;) {
      const size_t probe = at + kLeastRun - 1;
      if (probe >= text_.size()) return;
      if (!IsBase64(text_[probe])) {
        at = probe + 1;
        continue;
      }
      const uint64_t mask = MaskAt(at);
      const uint64_t gaps = ~mask & ((uint64_t{1} << (kLeastRun - 1)) - 1);
      const auto lead = static_cast<size_t>(64 - std::countl_zero(gaps));
      const auto length = static_cast<size_t>(std::countr_one(mask >> lead));
      const size_t begin = at + lead;
      if (length >= kLeastRun && begin != passed && MayBeginAt(begin)) {
        at = TakeRun(begin);
        continue;
      }
      at = begin + length;
      if (lead + length == kBase64MaskBytes) passed = at;
    }
  }

 private:
  // Behind the end of the text there is nothing.
  uint64_t MaskAt(size_t at) const {
    if (text_.size() - at >= kBase64MaskBytes) return Base64Mask(text_.data() + at);
    std::array<char, kBase64MaskBytes> padded{};
    std::memcpy(padded.data(), text_.data() + at, text_.size() - at);
    return Base64Mask(padded.data());
  }

  size_t EndOfRun(size_t at) const {
    while (at < text_.size() && IsBase64(text_[at])) ++at;
    return at;
  }

  // Answers where to go on.
  size_t TakeRun(size_t begin) {
    const size_t end = EndOfRun(begin);
    if (begin >= zone_.end) return end;
    const std::string_view run = text_.substr(begin, end - begin);
    if (MayBeHex(run) && IsHex(run)) {
      TakeHex(begin, end);
      return end;
    }
    for (size_t phase = 0; phase < 4; ++phase) {
      if (!MayBeginBase64(run.substr(phase))) continue;
      const std::string beginning = DecodeBase64(run.substr(phase, kProbeChars));
      if (beginning.size() < 9 || !MaySay(beginning)) continue;
      // Digits that are hex alone are no base64, all but certainly.
      return IsHex(run) ? end : TakeBase64(begin + phase);
    }
    return end;
  }

  // Could any coding that begins so say something? Of chance, one in fifty.
  bool MayBeginAt(size_t begin) const {
    const std::string_view run = text_.substr(begin, kLeastRun);
    unsigned may =
        static_cast<unsigned>(MayBeginHex(run)) | static_cast<unsigned>(MayBeginHex(run.substr(1)));
    for (size_t phase = 0; phase < 4; ++phase)
      may |= static_cast<unsigned>(MayBeginBase64(run.substr(phase)));
    return may != 0;
  }

  // Both want twelve characters or more.
  static bool MayBeginBase64(std::string_view run) {
    uint64_t six = 0;
    for (size_t i = 0; i < 8; ++i) six = six << 6 | static_cast<unsigned>(Base64Value(run[i]));
    return MayBegin(six);
  }

  static bool MayBeginHex(std::string_view run) {
    uint64_t six = 0;
    int all = 0;
    for (size_t i = 0; i < 12; ++i) {
      six = six << 4 | static_cast<unsigned>(HexValue(run[i]) & 0xF);
      all |= HexValue(run[i]);
    }
    return all >= 0 && MayBegin(six);
  }

  static bool IsHex(std::string_view run) {
    return std::ranges::all_of(run, [](char c) { return HexValue(c) >= 0; });
  }

  static bool MayBeHex(std::string_view run) {
    return run.size() >= kLeastHex && (MayBeginHex(run) || MayBeginHex(run.substr(1)));
  }

  void TakeHex(size_t begin, size_t end) {
    for (const size_t phase : {size_t{0}, size_t{1}}) {
      const std::string_view digits = text_.substr(begin + phase, end - begin - phase);
      if (!MaySay(DecodeHex(digits.substr(0, kProbeChars)))) continue;
      Decoded decoded;
      decoded.text = DecodeHex(digits);
      decoded.pieces = {{.at = 0, .origin = begin + phase, .units = 2, .bytes = 1}};
      decoded.origin = {begin + phase, end};
      return Tell(std::move(decoded), found_);
    }
  }

  // Where the next line of the same base64 begins: line ends, as such or escaped, quotes and indentation.
  std::optional<size_t> NextLine(size_t at) const {
    bool has_line_end = false;
    size_t from = at;
    for (; from < text_.size() && from - at < 32; ++from) {
      const char c = text_[from];
      if (c == '\n' || (c == '\\' && from + 1 < text_.size() && text_[from + 1] == 'n')) {
        has_line_end = true;
        if (c == '\\') ++from;
      } else if (c == '\\' && from + 1 < text_.size() && text_[from + 1] == 'r') {
        ++from;
      } else if (std::string_view("\r \t\"',").find(c) == std::string_view::npos) {
        break;
      }
    }
    if (!has_line_end || from >= text_.size() || !IsBase64(text_[from])) return std::nullopt;
    return from;
  }

  size_t TakeBase64(size_t begin) {
    Decoded decoded;
    decoded.origin.begin = begin;
    std::string rest;  // of a group that a line end broke
    size_t line = begin;
    size_t end = begin;
    while (true) {
      end = EndOfRun(line);
      if (rest.empty()) {
        decoded.pieces.push_back({.at = decoded.text.size(), .origin = line, .units = 4, .bytes = 3});
      }
      rest += text_.substr(line, end - line);
      const size_t whole = rest.size() / 4 * 4;
      decoded.text += DecodeBase64(std::string_view(rest).substr(0, whole));
      rest.erase(0, whole);
      // Binary data may begin like text: it is not followed, so that what comes behind it is looked at by
      // itself.
      const bool may_say =
          MaySay(std::string_view(decoded.text).substr(0, kMostProbed)) || IsMostlyText(decoded.text);
      if (!may_say) return EndOfRun(begin);
      const bool is_padded = end < text_.size() && text_[end] == '=';
      const std::optional<size_t> next =
          end - line >= kLeastLine && !is_padded ? NextLine(end) : std::nullopt;
      if (!next) break;
      line = *next;
    }
    decoded.text += DecodeBase64(rest);
    decoded.origin.end = end;
    Tell(std::move(decoded), found_);
    return end;
  }

  std::string_view text_;
  Span zone_;
  absl::FunctionRef<void(Decoded decoded)> found_;
};

// The length of an escape at `at` and the byte that it stands for; nothing for what is none, or no ASCII.
std::optional<std::pair<size_t, char>> EscapeAt(std::string_view text, size_t at) {
  const auto digits = [&](size_t from, size_t count) {
    int value = 0;
    for (size_t i = from; i < from + count; ++i) {
      const int digit = i < text.size() ? HexValue(text[i]) : -1;
      if (digit < 0) return -1;
      value = value << 4 | digit;
    }
    return value;
  };
  const auto is_ascii = [](int value) { return value >= 32 && value <= 126; };
  if (text[at] == '%') {
    const int value = digits(at + 1, 2);
    if (is_ascii(value)) return std::pair(size_t{3}, static_cast<char>(value));
  } else if (text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == 'u' || text[at + 1] == 'x')) {
    const size_t count = text[at + 1] == 'u' ? 4 : 2;
    const int value = digits(at + 2, count);
    if (is_ascii(value)) return std::pair(2 + count, static_cast<char>(value));
  }
  return std::nullopt;
}

bool IsBlank(char c) {
  return static_cast<unsigned char>(c) <= ' ';
}

// The words around escapes, with the escapes replaced.
void FindEscapes(std::string_view text, Span zone, char mark,
                 absl::FunctionRef<void(Decoded decoded)> found) {
  for (size_t at = zone.begin; at < zone.end;) {
    const void* next = std::memchr(text.data() + at, mark, zone.end - at);
    if (next == nullptr) return;
    at = static_cast<size_t>(static_cast<const char*>(next) - text.data());
    if (!EscapeAt(text, at)) {
      ++at;
      continue;
    }
    size_t begin = at;
    while (begin > 0 && at - begin < kMostEscapedBytes / 16 && !IsBlank(text[begin - 1])) --begin;
    Decoded decoded;
    decoded.origin.begin = begin;
    decoded.pieces.push_back({.at = 0, .origin = begin, .units = 1, .bytes = 1});
    int escapes = 0;
    size_t i = begin;
    while (i < text.size() && i - begin < kMostEscapedBytes && !IsBlank(text[i])) {
      const auto escape = text[i] == mark ? EscapeAt(text, i) : std::nullopt;
      decoded.text += escape ? escape->second : text[i];
      i += escape ? escape->first : 1;
      if (!escape) continue;
      ++escapes;
      decoded.pieces.push_back({.at = decoded.text.size(), .origin = i, .units = 1, .bytes = 1});
    }
    decoded.origin.end = i;
    if (escapes >= 1) found(std::move(decoded));
    at = std::max(i, at + 1);
  }
}

}  // namespace

size_t Decoded::OriginOf(size_t offset) const {
  const Piece* last = &pieces.front();
  for (const Piece& piece : pieces) {
    if (piece.at > offset) break;
    last = &piece;
  }
  return std::min(last->origin + (offset - last->at) * last->units / last->bytes, origin.end);
}

void FindDecodable(std::string_view text, Span zone, absl::FunctionRef<void(Decoded decoded)> found) {
  Base64Search(text, zone, found).Run();
  FindEscapes(text, zone, '%', found);
  FindEscapes(text, zone, '\\', found);
}

}  // namespace batuta::secrets
