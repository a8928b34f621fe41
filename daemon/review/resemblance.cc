#include "daemon/review/resemblance.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace batuta::review {
namespace {

constexpr size_t kMostBytes = 64;
constexpr uint32_t kLookAlike = 25;
constexpr uint32_t kSlip = 50;        // doubled letters, swapped neighbours
constexpr uint32_t kNeighbours = 60;  // on the keyboard, or of the same sound
constexpr uint32_t kNumber = 200;     // what is numbered differs by its number

constexpr std::array<std::string_view, 6> kSimilar = {"il1j", "o0", "s5", "z2", "b8", "gq9"};
constexpr std::array<std::string_view, 6> kSameSound = {"ck", "sz", "iy", "ae", "ei", "uv"};

constexpr std::array<std::string_view, 3> kKeyRows = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool AreInOne(const auto& groups, char a, char b) {
  return std::ranges::any_of(groups, [=](std::string_view group) {
    return group.find(a) != std::string_view::npos && group.find(b) != std::string_view::npos;
  });
}

// Where a key lies, in units of keys; each row begins somewhat further right than the one above.
bool FindKey(char c, double& x, double& y) {
  for (size_t row = 0; row < kKeyRows.size(); ++row) {
    const size_t at = kKeyRows[row].find(c);
    if (at == std::string_view::npos) continue;
    y = static_cast<double>(row);
    x = static_cast<double>(at) + 0.4 * y;
    return true;
  }
  return false;
}

bool AreNeighbours(char a, char b) {
  double ax = 0, ay = 0, bx = 0, by = 0;
  if (!FindKey(a, ax, ay) || !FindKey(b, bx, by)) return false;
  return std::abs(ax - bx) <= 1.0 && std::abs(ay - by) <= 1.0;
}

uint32_t Change(char a, char b, bool is_first) {
  if (a == b) return 0;
  if (AreInOne(kSimilar, a, b)) return kLookAlike;
  if (IsDigit(a) && IsDigit(b)) return kNumber;
  if (is_first) return kOneLetter;  // the first letter is seldom wrong
  return AreNeighbours(a, b) || AreInOne(kSameSound, a, b) ? kNeighbours : kOneLetter;
}

// Of the letter at `at`, missing in the other name or one too many there.
uint32_t Extra(std::string_view text, size_t at) {
  if (IsDigit(text[at])) return kNumber;
  return at > 0 && text[at] == text[at - 1] ? kSlip : kOneLetter;
}

}  // namespace

uint32_t Distance(std::string_view a, std::string_view b, uint32_t farthest) {
  a = a.substr(0, kMostBytes);
  b = b.substr(0, kMostBytes);
  // Each letter more costs kSlip at least.
  const size_t difference = std::max(a.size(), b.size()) - std::min(a.size(), b.size());
  if (difference * kSlip > farthest) return farthest + 1;

  std::vector<uint32_t> before(b.size() + 1);
  std::vector<uint32_t> last(b.size() + 1);
  std::vector<uint32_t> row(b.size() + 1);
  for (size_t j = 1; j <= b.size(); ++j) row[j] = row[j - 1] + Extra(b, j - 1);
  for (size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, last);
    std::swap(last, row);
    row[0] = last[0] + Extra(a, i - 1);
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool is_first = i == 1 && j == 1;
      row[j] = std::min({last[j - 1] + Change(a[i - 1], b[j - 1], is_first), last[j] + Extra(a, i - 1),
                         row[j - 1] + Extra(b, j - 1)});
      const bool are_swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (are_swapped) row[j] = std::min(row[j], before[j - 2] + kSlip);
    }
    // A swap goes on from the row before the last.
    if (std::ranges::min(row) > farthest && std::ranges::min(last) > farthest) return farthest + 1;
  }
  return std::min(row.back(), farthest + 1);
}

}  // namespace batuta::review
