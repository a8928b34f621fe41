#include "daemon/safety/pickle/plain_reading.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "daemon/safety/pickle/argument_text.h"

namespace batuta::safety::pickle {
namespace {

// How the argument of an opcode is framed.
enum class Form : uint8_t { kNoOpcode, kFixed, kCounted, kLine, kImport, kStackImport, kStop };

struct Opcode {
  Form form = Form::kNoOpcode;
  uint8_t bytes = 0;  // of the argument, or of the count in front of it
};

constexpr std::array<Opcode, 256> Table() {
  std::array<Opcode, 256> table = {};
  const auto set = [&](std::string_view opcodes, Form form, uint8_t bytes) {
    for (const char opcode : opcodes) table[static_cast<uint8_t>(opcode)] = {form, bytes};
  };
  set("(012NRabde}]lst)uoQ\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x94\x98", Form::kFixed, 0);
  set("Kqh\x80", Form::kFixed, 1);
  set("M", Form::kFixed, 2);
  set("Jrj", Form::kFixed, 4);
  set("G\x95", Form::kFixed, 8);
  set("U\x8c"
      "C\x8a",
      Form::kCounted, 1);
  set("TXB\x8b", Form::kCounted, 4);
  set("\x8d\x8e\x96", Form::kCounted, 8);
  set("ILFSVpg", Form::kLine, 0);
  set("ci", Form::kImport, 0);
  set("\x93", Form::kStackImport, 0);
  set(".", Form::kStop, 0);
  return table;
}

constexpr std::array<Opcode, 256> kOpcodes = Table();

class Reading {
 public:
  Reading(std::string_view bytes, uint64_t left_bytes) : bytes_(bytes), left_bytes_(left_bytes) {}

  bool CouldImport() {
    while (true) {
      if (at_ >= bytes_.size()) return at_ < left_bytes_;
      const char opcode = bytes_[at_++];
      const Opcode& known = kOpcodes[static_cast<uint8_t>(opcode)];
      switch (known.form) {
        case Form::kNoOpcode:
        case Form::kStop:
          return false;
        case Form::kStackImport:
          return texts_ >= 2;
        case Form::kImport: {
          const std::string_view module = Line();
          return IsPlausibleName(module) && IsPlausibleName(Line());
        }
        case Form::kFixed:
          at_ += known.bytes;
          // What is in the memo may be text.
          texts_ += opcode == 'h' || opcode == 'j' || opcode == '2' ? 1 : 0;
          break;
        case Form::kCounted:
          if (!PassCounted(known.bytes)) return false;
          ++texts_;
          break;
        case Form::kLine:
          if (FormOf(opcode == 'p' || opcode == 'g' ? 'I' : opcode, Line()) == ArgumentForm::kImpossible)
            return false;
          ++texts_;
          break;
      }
    }
  }

 private:
  // What is left of the bytes where no line ends in them.
  std::string_view Line() {
    const std::string_view rest = bytes_.substr(std::min<uint64_t>(at_, bytes_.size()));
    const std::string_view line = rest.substr(0, rest.find('\n'));
    at_ += line.size() + 1;
    return line;
  }

  bool PassCounted(uint8_t width) {
    if (at_ + width > bytes_.size()) return false;
    uint64_t count = 0;
    std::memcpy(&count, bytes_.data() + at_, width);
    at_ += width;
    if (count > left_bytes_ - std::min<uint64_t>(at_, left_bytes_)) return false;
    at_ += count;
    return true;
  }

  std::string_view bytes_;
  uint64_t left_bytes_;
  uint64_t at_ = 0;
  int texts_ = 0;
};

}  // namespace

bool CouldImport(std::string_view bytes, uint64_t left_bytes) {
  return Reading(bytes, left_bytes).CouldImport();
}

}  // namespace batuta::safety::pickle
