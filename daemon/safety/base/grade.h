#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace batuta::safety {

// How bad one finding is; what the owner of a machine can allow is told apart by these.
enum class Grade : uint8_t {
  kPickle,  // a pickle, understood to its end, of which every import and operation is known to be harmless
  kUnverified,  // a pickle with anything else in it: what it needs is not listed, or it cannot be read to its
                // end
  kCode,        // runs, or makes its loader run, a program: script, native code, TorchScript, Lambda layer
  kInvalid,     // claims to be of a data format and breaks the rules of it
  kUnknown,     // of no known format, or beyond what can be looked into
  kMalicious,   // does what no weights need: runs a command, opens a file, reaches the network while it is
                // loaded
  kBomb,        // expands, nests or counts beyond every limit
};

inline constexpr int kGradeCount = 7;

// A set of grades. The empty one is what a safe file has.
class Grades {
 public:
  constexpr Grades() = default;

  constexpr Grades(std::initializer_list<Grade> grades) {
    for (const Grade grade : grades) Add(grade);
  }

  constexpr void Add(Grade grade) { bits_ = static_cast<uint8_t>(bits_ | Bit(grade)); }

  constexpr void Add(Grades grades) { bits_ = static_cast<uint8_t>(bits_ | grades.bits_); }

  constexpr bool Has(Grade grade) const { return (bits_ & Bit(grade)) != 0; }

  constexpr bool empty() const { return bits_ == 0; }

  // Those that are not in `others`.
  constexpr Grades Without(Grades others) const {
    return Grades(static_cast<uint8_t>(bits_ & ~others.bits_));
  }

  // As a number, to be stored.
  constexpr uint8_t bits() const { return bits_; }

  static constexpr Grades FromBits(uint8_t bits) { return Grades(bits); }

  friend constexpr bool operator==(Grades, Grades) = default;

 private:
  explicit constexpr Grades(uint8_t bits) : bits_(bits) {}

  static constexpr uint8_t Bit(Grade grade) {
    return static_cast<uint8_t>(1U << static_cast<unsigned>(grade));
  }

  uint8_t bits_ = 0;
};

// "pickle", "unverified", "code", "invalid", "unknown", "malicious", "bomb".
std::string_view GradeName(Grade grade);

}  // namespace batuta::safety
