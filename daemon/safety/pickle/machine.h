#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "daemon/safety/base/subject.h"
#include "daemon/safety/pickle/arguments.h"
#include "daemon/safety/pickle/code_reader.h"
#include "daemon/safety/pickle/memo.h"
#include "daemon/safety/pickle/torch.h"
#include "daemon/safety/pickle/value.h"

namespace batuta::safety::pickle {

// How the loader of this pickle differs from the plain one.
struct Dialect {
  StorageResolver* storages = nullptr;  // gives storages for persistent ids
  bool has_arrays = false;              // joblib: bytes of an array stand behind what announces them
  bool is_inside_array = false;         // joblib: of an array of objects, in protocol 2
  bool keeps_lists = false;             // the items of lists can be asked for
  bool is_probe = false;                // says only whether this is a pickle; nothing is found
};

// The machine that runs a pickle, with abstract values: same stack, marks and memo as the real one, nothing
// imported, called or built. What is refused is found where it stands, and the walk goes on with a value of
// which nothing is known, as long as any real machine would go on.
class Machine {
 public:
  enum class End : uint8_t {
    kStop,    // at the end of one pickle
    kBroken,  // no machine goes on from here, a limit is reached, or reading failed
    kFound,   // of a probe: something is imported or called
  };

  Machine(Subject& subject, CodeReader& code, Dialect dialect);

  Dialect& dialect() { return dialect_; }

  // Walks one pickle from where the reader stands, with an empty stack and memo.
  End Walk();

  // What the last pickle gave, after kStop.
  Value result() const { return result_; }

  const Values& values() const { return values_; }

  // Has anything of a pickle's own grades been found?
  bool is_refused() const { return refused_; }

  // Did it hold an array of joblib?
  bool has_arrays() const { return has_arrays_; }

  // Adds what is to be said about the imports, once, at the end.
  void ReportImports();

  size_t import_count() const { return values_.imports.size(); }

 private:
  static constexpr size_t kMostStack = 4 << 20;
  static constexpr size_t kMostMarks = 100'000;

  End Run();
  bool Rare(uint8_t opcode);
  End Stop();

  // These say false when the walk ends.
  bool Broken(std::string_view what);
  bool TooComplex();
  bool Found();
  bool Truncated();
  bool HasRoom();
  bool GrowStack();

  bool Push(Value value) {
    if (stack_.size() == stack_.capacity() && !GrowStack()) return false;
    stack_.push_back(value);
    return true;
  }

  bool Has(size_t count) {
    return stack_.size() - fence_ >= count || Broken("takes more from its stack than is there");
  }

  Value Pop() {
    const Value value = stack_.back();
    stack_.pop_back();
    return value;
  }

  bool Mark();
  bool PopMark(size_t& first);

  std::span<const Value> Above(size_t first) const { return std::span(stack_).subspan(first); }

  bool Number(char opcode);
  bool LongNumber(uint64_t count);
  bool Text(Kind kind, uint64_t count);
  bool Line(char opcode);
  bool PushBytes(uint64_t count);
  bool Gather(Kind kind, size_t first);
  bool Container(Kind kind);

  bool Put(uint64_t index);
  bool PutLine();
  bool Get(uint64_t index);
  bool GetLine();

  bool Global();
  bool StackGlobal();
  bool Instance();
  bool Import(std::string_view module, std::string_view name, uint64_t at, Value& global);

  enum class Way : uint8_t { kCall, kNew };
  bool Call(Value callee, std::span<const Value> arguments, Way way, Value& result);
  bool CallWithTuple(Value callee, Value arguments, Way way, uint64_t at, Value& result);
  bool Reduce();
  bool NewObject(bool has_keywords);
  bool Object();
  bool Build();
  void BuildDtype(Value dtype, Value state);
  bool RefuseLateDtype(uint64_t at);
  bool Permits(Value target, Permit permit) const;

  bool Append(size_t first);
  bool SetItems(size_t first);
  bool AddItems(size_t first);
  bool PersistentId(Value id);
  bool ReadArray(Value state);
  bool SkipArray(uint64_t bytes, bool is_aligned);
  bool OddMemo(std::string_view line, uint64_t at);

  void Find(const Rule& rule, uint64_t at, std::string_view text);

  Subject& subject_;
  CodeReader& code_;
  Dialect dialect_;
  Values values_;
  absl::flat_hash_map<std::string, uint32_t> import_indexes_;
  std::vector<Value> stack_;
  std::vector<size_t> marks_;
  size_t fence_ = 0;  // where the stack begins above the last mark
  Memo memo_;
  bool has_odd_memo_ = false;  // something was put where it cannot be told
  int protocol_ = 0;
  Value result_;
  bool found_ = false;
  bool refused_ = false;
  bool has_arrays_ = false;
};

}  // namespace batuta::safety::pickle
