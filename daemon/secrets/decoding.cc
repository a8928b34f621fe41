#include "daemon/secrets/decoding.h"

#include <algorithm>
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

// May bytes that begin so say something? What is left out here is what MaySay() would leave out.
bool MayBegin(int first, int second, int third) {
  const auto is_text = [](int byte) { return (byte >= 9 && byte <= 13) || (byte >= 32 && byte <= 126); };
  if (first == 0x1F && second == 0x8B) return true;
  // UTF-16 has a zero behind each.
  return is_text(first) && is_text(third) ? is_text(second) || second == 0
                                          : is_text(first) && first == 'P' && second == 'K';
}

class Base64Search {
 public:
  Base64Search(std::string_view text, Span zone, absl::FunctionRef<void(Decoded decoded)> found)
      : text_(text), zone_(zone), found_(found) {}

  // A run has a character at each kLeastRun-th place: most of the text is never looked at.
  void Run() {
    size_t at = zone_.begin;
    while (at < zone_.end) {
      const size_t probe = at + kLeastRun - 1;
      if (probe >= text_.size()) return;
      if (!IsBase64(text_[probe])) {
        at = probe + 1;
        continue;
      }
      size_t begin = probe;
      while (begin > at && IsBase64(text_[begin - 1])) --begin;
      if (begin > at) {
        at = begin;
        // The run may be long enough from here.
        size_t end = probe;
        while (end < text_.size() && end - begin < kLeastRun && IsBase64(text_[end])) ++end;
        if (end - begin < kLeastRun) {
          at = end;
          continue;
        }
      }
      at = TakeRun(at);
    }
  }

 private:
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
      const auto value = [&](size_t at) { return Base64Value(run[phase + at]); };
      const int bits = value(0) << 18 | value(1) << 12 | value(2) << 6 | value(3);
      if (!MayBegin(bits >> 16, bits >> 8 & 0xFF, bits & 0xFF)) continue;
      const std::string beginning = DecodeBase64(run.substr(phase, kProbeChars));
      if (beginning.size() < 9 || !MaySay(beginning)) continue;
      // Digits that are hex alone are no base64, all but certainly.
      return IsHex(run) ? end : TakeBase64(begin + phase);
    }
    return end;
  }

  static bool IsHex(std::string_view run) {
    return std::ranges::all_of(run, [](char c) { return HexValue(c) >= 0; });
  }

  static bool MayBeHex(std::string_view run) {
    return run.size() >= kLeastHex && (MayBeginHex(run) || MayBeginHex(run.substr(1)));
  }

  static bool MayBeginHex(std::string_view digits) {
    const auto byte = [&](size_t at) {
      return HexValue(digits[at]) < 0 || HexValue(digits[at + 1]) < 0
                 ? -1
                 : HexValue(digits[at]) << 4 | HexValue(digits[at + 1]);
    };
    return MayBegin(byte(0), byte(2), byte(4));
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
