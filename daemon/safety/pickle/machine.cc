#include "daemon/safety/pickle/machine.h"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/safety/base/rules.h"
#include "daemon/safety/pickle/argument_text.h"
#include "daemon/safety/pickle/rules.h"

namespace batuta::safety::pickle {

Machine::Machine(Subject& subject, CodeReader& code, Dialect dialect)
    : subject_(subject), code_(code), dialect_(dialect) {}

void Machine::Find(const Rule& rule, uint64_t at, std::string_view text) {
  refused_ = true;
  if (!dialect_.is_probe) subject_.Add(rule, at, text);
}

bool Machine::Broken(std::string_view what) {
  Find(rules::kPickleUnreadable, code_.offset(), what);
  return false;
}

bool Machine::Truncated() {
  // Bytes that could not be read are no finding.
  return code_.status().ok() ? Broken("ends in the middle") : false;
}

bool Machine::TooComplex() {
  if (dialect_.is_probe) return Found();  // what survived for so long may be one
  Find(rules::kTooComplex, code_.offset(), "a pickle that needs more memory than its inspection may take");
  Find(rules::kPickleUnreadable, code_.offset(), "the rest of it was not looked at");
  return false;
}

bool Machine::HasRoom() {
  return values_.heap.memory_bytes() + memo_.memory_bytes() + stack_.capacity() * sizeof(Value) +
                 values_.storages.size() * sizeof(Storage) +
                 values_.imports.size() * 4 * sizeof(pickle::Import) <=
             subject_.limits().memory_bytes ||
         TooComplex();
}

bool Machine::GrowStack() {
  if (stack_.size() >= kMostStack || !HasRoom()) return TooComplex();
  stack_.reserve(std::max<size_t>(1024, stack_.capacity() * 2));
  return true;
}

Machine::End Machine::Walk() {
  stack_.clear();
  marks_.clear();
  fence_ = 0;
  memo_.Clear();
  has_odd_memo_ = false;
  protocol_ = 0;
  values_.heap.Clear();
  values_.storages.clear();
  result_ = Value();
  return Run();
}

Machine::End Machine::Run() {
  while (true) {
    if (!code_.KeepsFrame()) {
      Find(rules::kPickleFrame, code_.offset(), "an opcode crosses the end of its frame");
      return End::kBroken;
    }
    if (!code_.Need(1)) {
      Truncated();
      return End::kBroken;
    }
    const uint8_t opcode = code_.Byte();
    bool goes_on = false;
    size_t first = 0;
    switch (opcode) {
      case 'N':
        goes_on = Push(Value::None());
        break;
      case 0x88:
      case 0x89:
        goes_on = Push(Value::Bool(opcode == 0x88));
        break;
      case 'K':
        goes_on = code_.Need(1) ? Push(Value::Int(code_.Byte())) : Truncated();
        break;
      case 'M':
        goes_on = code_.Need(2) ? Push(Value::Int(code_.Little<uint16_t>())) : Truncated();
        break;
      case 'J':
        goes_on = code_.Need(4) ? Push(Value::Int(code_.Little<int32_t>())) : Truncated();
        break;
      case 'G':
        goes_on = code_.Skip(8) ? Push(Value::Float()) : Truncated();
        break;
      case 0x8a:
        goes_on = code_.Need(1) ? LongNumber(code_.Byte()) : Truncated();
        break;
      case 0x8b:
        // A negative length becomes one beyond every file.
        goes_on = code_.Need(4) ? LongNumber(static_cast<uint64_t>(code_.Little<int32_t>())) : Truncated();
        break;
      case 'I':
      case 'L':
      case 'F':
      case 'S':
      case 'V':
        goes_on = Line(static_cast<char>(opcode));
        break;
      case 0x8c:
        goes_on = code_.Need(1) ? Text(Kind::kStr, code_.Byte()) : Truncated();
        break;
      case 'X':
        goes_on = code_.Need(4) ? Text(Kind::kStr, code_.Little<uint32_t>()) : Truncated();
        break;
      case 0x8d:
        goes_on = code_.Need(8) ? Text(Kind::kStr, code_.Little<uint64_t>()) : Truncated();
        break;
      case 'U':
        goes_on = code_.Need(1) ? Text(Kind::kByteStr, code_.Byte()) : Truncated();
        break;
      case 'T':
        goes_on = code_.Need(4) ? Text(Kind::kByteStr, static_cast<uint64_t>(code_.Little<int32_t>()))
                                : Truncated();
        break;
      case 'C':
        goes_on = code_.Need(1) ? PushBytes(code_.Byte()) : Truncated();
        break;
      case 'B':
        goes_on = code_.Need(4) ? PushBytes(code_.Little<uint32_t>()) : Truncated();
        break;
      case 0x8e:
      case 0x96:
        goes_on = code_.Need(8) ? PushBytes(code_.Little<uint64_t>()) : Truncated();
        break;
      case '(':
        goes_on = Mark();
        break;
      case ')':
        goes_on = Container(Kind::kTuple);
        break;
      case ']':
        goes_on = Container(Kind::kList);
        break;
      case '}':
        goes_on = Container(Kind::kDict);
        break;
      case 0x8f:
        goes_on = Container(Kind::kSet);
        break;
      case 't':
        goes_on = PopMark(first) && Gather(Kind::kTuple, first);
        break;
      case 0x85:
      case 0x86:
      case 0x87:
        goes_on = Has(opcode - 0x84U) && Gather(Kind::kTuple, stack_.size() - (opcode - 0x84U));
        break;
      case 'l':
      case 'd':
      case 0x91:
        goes_on =
            PopMark(first) &&
            Gather(opcode == 'l' ? Kind::kList : (opcode == 'd' ? Kind::kDict : Kind::kFrozenSet), first);
        break;
      case 'a':
        goes_on = Has(2) && Append(stack_.size() - 1);
        break;
      case 'e':
        goes_on = PopMark(first) && Append(first);
        break;
      case 's':
        goes_on = Has(3) && SetItems(stack_.size() - 2);
        break;
      case 'u':
        goes_on = PopMark(first) && SetItems(first);
        break;
      case 0x90:
        goes_on = PopMark(first) && AddItems(first);
        break;
      case '0':
        if (!marks_.empty() && fence_ == stack_.size()) {
          goes_on = PopMark(first);
        } else {
          goes_on = Has(1);
          if (goes_on) stack_.pop_back();
        }
        break;
      case '1':
        goes_on = PopMark(first);
        if (goes_on) stack_.resize(first);
        break;
      case '2':
        goes_on = Has(1) && Push(stack_.back());
        break;
      case 'q':
        goes_on = code_.Need(1) ? Put(code_.Byte()) : Truncated();
        break;
      case 'r':
        goes_on = code_.Need(4) ? Put(code_.Little<uint32_t>()) : Truncated();
        break;
      case 'p':
        goes_on = PutLine();
        break;
      case 0x94:
        // Read as a plain pickle it would count from another number.
        if (dialect_.is_inside_array)
          Find(rules::kJoblibArray, code_.offset(), "objects that are not in protocol 2");
        goes_on = Put(memo_.count());
        break;
      case 'h':
        goes_on = code_.Need(1) ? Get(code_.Byte()) : Truncated();
        break;
      case 'j':
        goes_on = code_.Need(4) ? Get(code_.Little<uint32_t>()) : Truncated();
        break;
      case 'g':
        goes_on = GetLine();
        break;
      case 0x80:
        if (!code_.Need(1)) {
          goes_on = Truncated();
        } else {
          protocol_ = code_.Byte();
          goes_on = protocol_ <= 5 || Broken("of a protocol beyond 5");
        }
        break;
      case 0x95:
        if (!code_.Need(8)) {
          goes_on = Truncated();
        } else {
          goes_on = code_.OpenFrame(code_.Little<uint64_t>());
          if (!goes_on)
            Find(rules::kPickleFrame, code_.offset(), "a frame inside another, or beyond the end");
        }
        break;
      case '.':
        return Stop();
      default:
        goes_on = Rare(opcode);
        break;
    }
    if (!goes_on) return found_ ? End::kFound : End::kBroken;
  }
}

Machine::End Machine::Stop() {
  if (!Has(1)) return End::kBroken;
  result_ = Pop();
  if (!code_.LeaveFrame()) {
    Find(rules::kPickleFrame, code_.offset(), "the pickle ends before its frame");
    return End::kBroken;
  }
  values_.heap.Settle();
  if (values_.heap.is_bomb())
    Find(rules::kPickleBomb, code_.offset(), "expands to more than a billion parts");
  if (values_.heap.is_too_deep()) {
    Find(rules::kPickleBomb, code_.offset(), fmt::format("nests {} deep or deeper", kTooDeep));
  }
  return End::kStop;
}

bool Machine::Mark() {
  if (marks_.size() >= kMostMarks) return TooComplex();
  fence_ = stack_.size();
  marks_.push_back(fence_);
  return true;
}

bool Machine::PopMark(size_t& first) {
  if (marks_.empty()) return Broken("looks for a mark that is not there");
  first = marks_.back();
  marks_.pop_back();
  fence_ = marks_.empty() ? 0 : marks_.back();
  return true;
}

bool Machine::LongNumber(uint64_t count) {
  if (count > Heap::kLongestKept) {
    return code_.Skip(count) ? Push(Value::Unkept(Kind::kLargeInt)) : Truncated();
  }
  if (!code_.Need(static_cast<size_t>(count))) return Truncated();
  const std::string_view bytes = code_.Take(static_cast<size_t>(count));
  if (count > 7) return Push(values_.heap.Keep(Kind::kLargeInt, bytes));
  uint64_t number = 0;
  for (size_t i = 0; i < bytes.size(); ++i) number |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  // The sign of two's complement in as many bytes as there are.
  if (!bytes.empty() && (bytes.back() & '\x80') != 0) number |= ~uint64_t{0} << (8 * bytes.size());
  return Push(Value::Int(static_cast<int64_t>(number)));
}

bool Machine::Text(Kind kind, uint64_t count) {
  if (count > Heap::kLongestKept) return code_.Skip(count) ? Push(Value::Unkept(kind)) : Truncated();
  if (!code_.Need(static_cast<size_t>(count))) return Truncated();
  return Push(values_.heap.Keep(kind, code_.Take(static_cast<size_t>(count))));
}

bool Machine::PushBytes(uint64_t count) {
  return code_.Skip(count) ? Push(Value::Bytes(count)) : Truncated();
}

// The argument is a line of text. It is never understood in order to go on: where it ends is enough.
bool Machine::Line(char opcode) {
  const uint64_t at = code_.offset() - 1;
  std::string_view line;
  if (!code_.Line(line)) return Truncated();
  const ArgumentForm form = FormOf(opcode, line);
  if (dialect_.is_probe && form == ArgumentForm::kImpossible)
    return Broken("an argument that no reader takes");
  if (form != ArgumentForm::kPlain) Find(rules::kPickleOddArgument, at, "an argument that no pickler writes");
  switch (opcode) {
    case 'I':
      if (line == "00" || line == "01") return Push(Value::Bool(line == "01"));
      [[fallthrough]];
    case 'L':
      return Push(NumberOf(line));
    case 'F':
      return Push(Value::Float());
    default: {
      const Kind kind = opcode == 'V' ? Kind::kStr : Kind::kByteStr;
      if (opcode == 'S') line = line.size() >= 2 ? line.substr(1, line.size() - 2) : std::string_view();
      const bool is_plain = line.size() <= Heap::kLongestKept && line.find('\\') == std::string_view::npos;
      return Push(is_plain ? values_.heap.Keep(kind, line) : Value::Unkept(kind));
    }
  }
}

bool Machine::Container(Kind kind) {
  if (values_.heap.node_count() % 4096 == 0 && !HasRoom()) return false;
  return Push(values_.heap.New(kind));
}

bool Machine::Gather(Kind kind, size_t first) {
  if (kind == Kind::kDict && (stack_.size() - first) % 2 != 0) return Broken("a key without a value");
  if (values_.heap.node_count() % 4096 == 0 && !HasRoom()) return false;
  constexpr size_t kLongestTuple = 64;  // no call that is known takes more
  const std::span<const Value> items = Above(first);
  const Value gathered = values_.heap.New(kind);
  values_.heap.Add(gathered, items,
                   (kind == Kind::kTuple && items.size() <= kLongestTuple) ||
                       (kind == Kind::kList && dialect_.keeps_lists));
  stack_.resize(first);
  return Push(gathered);
}

bool Machine::Put(uint64_t index) {
  if (!Has(1) || (memo_.count() % 4096 == 0 && !HasRoom())) return false;
  if (index >= Memo::kMostNumbers) {
    Find(rules::kPickleBomb, code_.offset(), "makes its loader allocate gigabytes for the memo");
  }
  memo_.Put(index, stack_.back());
  return true;
}

bool Machine::Get(uint64_t index) {
  const std::optional<Value> value = memo_.Get(index);
  if (value) return Push(*value);
  return has_odd_memo_ ? Push(Value::Unverified()) : Broken("takes what its memo does not hold");
}

bool Machine::PutLine() {
  const uint64_t at = code_.offset() - 1;
  std::string_view line;
  if (!code_.Line(line)) return Truncated();
  const std::optional<uint64_t> index = PlainDecimal(line);
  if (index) return Put(*index);
  return OddMemo(line, at) && Has(1);
}

bool Machine::GetLine() {
  const uint64_t at = code_.offset() - 1;
  std::string_view line;
  if (!code_.Line(line)) return Truncated();
  const std::optional<uint64_t> index = PlainDecimal(line);
  if (index) return Get(*index);
  return OddMemo(line, at) && Push(Value::Unverified());
}

// From here on it is not known what is where.
bool Machine::OddMemo(std::string_view line, uint64_t at) {
  if (dialect_.is_probe && FormOf('I', line) == ArgumentForm::kImpossible) return Broken("no number");
  Find(rules::kPickleOddArgument, at, "a number in the memo that no pickler writes");
  has_odd_memo_ = true;
  return true;
}

}  // namespace batuta::safety::pickle
