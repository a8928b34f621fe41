#include "common/text/glob.h"

#include <utility>
#include <vector>

#include "common/text/utf8.h"

namespace batuta {
namespace {

// One compiled piece of a pattern. Everything but a star takes exactly one character.
struct Piece {
  enum class Kind { kLiteral, kAny, kStar, kSet };

  Kind kind = Kind::kLiteral;
  char32_t literal = 0;
  bool is_negated = false;
  std::vector<std::pair<char32_t, char32_t>> ranges;  // inclusive
};

// A byte that is not UTF-8 becomes a character of its own, beyond all code points, so that it equals only
// itself.
std::u32string Decode(std::string_view text) {
  constexpr char32_t kRawByte = 0x110000;
  std::u32string points;
  points.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const Utf8Step step = NextUtf8(text, i);
    points += step.valid ? step.point : kRawByte + step.point;
    i += step.length;
  }
  return points;
}

// `body` is what stands between `[` and `]`.
Piece CompileSet(std::u32string_view body) {
  Piece piece;
  piece.kind = Piece::Kind::kSet;
  if (!body.empty() && body.front() == U'!') {
    piece.is_negated = true;
    body.remove_prefix(1);
  }
  for (size_t i = 0; i < body.size();) {
    const bool is_range = i + 2 < body.size() && body[i + 1] == U'-';
    // A range that runs backwards is kept: it matches nothing, as in Python.
    piece.ranges.emplace_back(body[i], is_range ? body[i + 2] : body[i]);
    i += is_range ? 3 : 1;
  }
  return piece;
}

// Where the set that opens at `open` closes; npos when it does not, and then the `[` is an ordinary
// character.
size_t FindClose(const std::u32string& pattern, size_t open) {
  size_t i = open + 1;
  if (i < pattern.size() && pattern[i] == U'!') ++i;
  if (i < pattern.size() && pattern[i] == U']') ++i;  // the first one is a member
  return pattern.find(U']', i);
}

std::vector<Piece> Compile(const std::u32string& pattern) {
  std::vector<Piece> pieces;
  bool may_close = true;  // after one `[` that is never closed, no later one is
  for (size_t i = 0; i < pattern.size(); ++i) {
    Piece piece;
    if (pattern[i] == U'*') {
      if (!pieces.empty() && pieces.back().kind == Piece::Kind::kStar) continue;
      piece.kind = Piece::Kind::kStar;
    } else if (pattern[i] == U'?') {
      piece.kind = Piece::Kind::kAny;
    } else if (const size_t close =
                   pattern[i] == U'[' && may_close ? FindClose(pattern, i) : std::u32string::npos;
               close != std::u32string::npos) {
      piece = CompileSet(std::u32string_view(pattern).substr(i + 1, close - i - 1));
      i = close;
    } else {
      if (pattern[i] == U'[') may_close = pattern.find(U']', i + 1) != std::u32string::npos;
      piece.literal = pattern[i];
    }
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

bool Takes(const Piece& piece, char32_t point) {
  if (piece.kind == Piece::Kind::kAny) return true;
  if (piece.kind == Piece::Kind::kLiteral) return piece.literal == point;
  for (const auto& [first, last] : piece.ranges) {
    if (first <= point && point <= last) return !piece.is_negated;
  }
  return piece.is_negated;
}

}  // namespace

bool MatchesGlob(std::string_view pattern, std::string_view path) {
  std::u32string glob = Decode(pattern);
  if (glob.ends_with(U'/')) glob += U'*';
  const std::vector<Piece> pieces = Compile(glob);
  const std::u32string text = Decode(path);

  // On a mismatch only the latest star needs to take one character more: what an earlier one takes more, it
  // can take.
  constexpr size_t kNone = static_cast<size_t>(-1);
  size_t next_piece = 0;
  size_t after_star = kNone;
  size_t star_end = 0;
  for (size_t i = 0; i < text.size();) {
    if (next_piece < pieces.size() && pieces[next_piece].kind == Piece::Kind::kStar) {
      after_star = ++next_piece;
      star_end = i;
    } else if (next_piece < pieces.size() && Takes(pieces[next_piece], text[i])) {
      ++next_piece;
      ++i;
    } else if (after_star != kNone) {
      next_piece = after_star;
      i = ++star_end;
    } else {
      return false;
    }
  }
  while (next_piece < pieces.size() && pieces[next_piece].kind == Piece::Kind::kStar) ++next_piece;
  return next_piece == pieces.size();
}

}  // namespace batuta
