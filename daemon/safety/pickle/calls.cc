// What a pickle imports, calls and builds.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "daemon/safety/base/rules.h"
#include "daemon/safety/pickle/argument_text.h"
#include "daemon/safety/pickle/danger.h"
#include "daemon/safety/pickle/machine.h"
#include "daemon/safety/pickle/rules.h"

namespace batuta::safety::pickle {

bool Machine::Rare(uint8_t opcode) {
  const uint64_t at = code_.offset() - 1;
  switch (opcode) {
    case 'c':
      return Global();
    case 0x93:
      return StackGlobal();
    case 'i':
      return Instance();
    case 'R':
      return Reduce();
    case 'o':
      return Object();
    case 0x81:
    case 0x92:
      return NewObject(opcode == 0x92);
    case 'b':
      return Build();
    case 0x82:
    case 0x83:
    case 0x84: {
      const size_t width = opcode == 0x82 ? 1 : (opcode == 0x83 ? 2 : 4);
      if (!code_.Skip(width)) return Truncated();
      if (dialect_.is_probe) return Found();
      Find(rules::kPickleExtension, at, "imports by the number of an extension");
      return Push(Value::Unverified());
    }
    case 'P': {
      std::string_view line;
      if (!code_.Line(line)) return Truncated();
      if (dialect_.is_probe) return Broken("no loader of such a file has ids");
      Find(rules::kPicklePersistentId, at, "asks its loader for something by an id");
      return Push(Value::Unverified());
    }
    case 'Q':
      return Has(1) && PersistentId(Pop());
    case 0x97:
      Find(rules::kPickleBuffer, at, "needs bytes from outside the file");
      return Push(Value::Unverified());
    case 0x98:
      Find(rules::kPickleBuffer, at, "needs bytes from outside the file");
      return Has(1);
    default:
      return Broken(fmt::format("no opcode is 0x{:02x}", opcode));
  }
}

bool Machine::Found() {
  found_ = true;
  return false;
}

bool Machine::Import(std::string_view module, std::string_view name, uint64_t at, Value& global) {
  constexpr size_t kLongestName = 1 << 10;
  if (module.size() > kLongestName || name.size() > kLongestName) {
    if (dialect_.is_probe) return Broken("no name of a module");
    Find(rules::kPickleComputedImport, at, "imports by a name that is longer than any");
    global = Value::Unverified();
    return true;
  }
  // Readers of protocols below 3 rename what Python 2 wrote.
  const bool is_old = protocol_ < 3;
  const auto [slot, is_new] =
      import_indexes_.try_emplace(fmt::format("{}\n{}{}", module, name, is_old ? "\n" : ""),
                                  static_cast<uint32_t>(values_.imports.size()));
  global = Value::Global(slot->second);
  if (!is_new) return true;
  if (values_.imports.size() % 256 == 0 && !HasRoom()) return false;
  const Renamed renamed = RenamedForPython3(module, name);
  pickle::Import import;
  import.module = module;
  import.name = name;
  import.offset = at;
  import.known = is_old ? FindKnown(renamed.module, renamed.name) : FindKnown(module, name);
  if (import.known == nullptr) {
    import.danger = FindDanger(module, name);
    if (import.danger.empty()) import.danger = FindDanger(renamed.module, renamed.name);
    refused_ = true;
  }
  const bool is_certain = import.known != nullptr || !import.danger.empty();
  values_.imports.push_back(std::move(import));
  if (!dialect_.is_probe) {
    subject_.report().AddGlobal(module, name);
    return true;
  }
  // A list of words may begin with c; what comes of an import that could be one decides.
  if (is_certain) return Found();
  return (IsPlausibleName(module) && IsPlausibleName(name)) || Broken("no name of a module");
}

bool Machine::Global() {
  const uint64_t at = code_.offset() - 1;
  std::string_view line;
  if (!code_.Line(line)) return Truncated();
  const std::string module(line);
  if (!code_.Line(line)) return Truncated();
  Value global;
  return Import(module, line, at, global) && Push(global);
}

bool Machine::Instance() {
  const uint64_t at = code_.offset() - 1;
  std::string_view line;
  if (!code_.Line(line)) return Truncated();
  const std::string module(line);
  if (!code_.Line(line)) return Truncated();
  Value global;
  Value result;
  size_t first = 0;
  // One machine imports before it looks for the mark.
  if (!Import(module, line, at, global) || !PopMark(first) ||
      !Call(global, Above(first), Way::kCall, result)) {
    return false;
  }
  stack_.resize(first);
  return Push(result);
}

bool Machine::StackGlobal() {
  const uint64_t at = code_.offset() - 1;
  if (!Has(2)) return false;
  const std::optional<std::string_view> name = values_.TextOf(Pop());
  const std::optional<std::string_view> module = values_.TextOf(Pop());
  if (module && name) {
    Value global;
    return Import(*module, *name, at, global) && Push(global);
  }
  if (dialect_.is_probe) return Found();
  if (values_.heap.is_full_of_text()) return TooComplex();
  Find(rules::kPickleComputedImport, at, "imports by a name that it computes");
  return Push(Value::Unverified());
}

bool Machine::Call(Value callee, std::span<const Value> arguments, Way way, Value& result) {
  const uint64_t at = code_.offset() - 1;
  result = Value::Unverified();
  if (dialect_.is_probe && callee.kind() == Kind::kGlobal) return Found();
  if (callee.kind() != Kind::kGlobal) {
    Find(rules::kPickleComputedCall, at, "calls what is no import but a value that it made");
    return true;
  }
  pickle::Import& import = values_.imports[callee.index()];
  if (!import.called_at) import.called_at = at;
  if (import.known == nullptr) return true;
  const Known& known = *import.known;
  const auto refuse = [&](Objection why) {
    Find(why.is_about_size ? rules::kTorchTensor : rules::kPickleArguments, at,
         fmt::format("gives {}.{} {}", import.module, import.name, why.text));
    return true;
  };
  if (way == Way::kNew) {
    if ((known.permits & kNew) == 0) return refuse({"to be made anew"});
    const bool is_plain = arguments.empty() || (known.module.starts_with("torch") && arguments.size() <= 2);
    if (!is_plain) return refuse({"arguments that its picklers do not give"});
  } else if (const Objection why = WhyNotCall(known.call, arguments, values_); !why.empty()) {
    return refuse(why);
  }
  if (known.call == Call::kEncode || known.call == Call::kEmptyBytes) {
    result = Value::Bytes(0);
    return true;
  }
  if (values_.heap.node_count() % 4096 == 0 && !HasRoom()) return false;
  result = values_.heap.New(Kind::kObject);
  // Some make an object of the class that they are given.
  const bool is_of_argument = known.call == Call::kReconstructArray || known.call == Call::kReconstructor ||
                              known.call == Call::kListedClass;
  Node& node = values_.heap.at(result);
  node.first = is_of_argument ? arguments[0].index() : callee.index();
  if (known.call == Call::kDtype) {
    const DtypeCode code = *ParseDtypeCode(*values_.TextOf(arguments[0]));
    node.count = code.element_bytes;
    node.holds_object_dtype = code.is_object;
    node.is_flexible = code.is_flexible;
  }
  values_.heap.Hold(result, arguments);
  return true;
}

bool Machine::Reduce() {
  const uint64_t at = code_.offset() - 1;
  if (!Has(2)) return false;
  const Value arguments = Pop();
  const Value callee = Pop();
  Value result;
  if (!CallWithTuple(callee, arguments, Way::kCall, at, result)) return false;
  return Push(result);
}

bool Machine::NewObject(bool has_keywords) {
  const uint64_t at = code_.offset() - 1;
  if (!Has(has_keywords ? 3 : 2)) return false;
  const Value keywords = has_keywords ? Pop() : Value::None();
  const Value arguments = Pop();
  const Value callee = Pop();
  Value result;
  if (!CallWithTuple(callee, arguments, Way::kNew, at, result)) return false;
  // Nothing that is listed is made with arguments by name.
  const bool has_none =
      !has_keywords || (keywords.kind() == Kind::kDict && values_.heap.at(keywords).count == 0);
  if (!has_none && result.kind() != Kind::kUnverified) {
    Find(rules::kPickleArguments, at, "makes an object with arguments by name");
    result = Value::Unverified();
  }
  return Push(result);
}

bool Machine::CallWithTuple(Value callee, Value arguments, Way way, uint64_t at, Value& result) {
  const bool is_kept = arguments.kind() == Kind::kTuple && values_.heap.at(arguments).is_kept;
  if (is_kept || callee.kind() != Kind::kGlobal || values_.KnownOf(callee) == nullptr) {
    return Call(callee, values_.ItemsOf(arguments), way, result);
  }
  if (dialect_.is_probe) return Found();
  result = Value::Unverified();
  if (arguments.kind() != Kind::kUnverified) {
    Find(rules::kPickleArguments, at, "calls something with what is no plain tuple of arguments");
  }
  return true;
}

bool Machine::Object() {
  size_t first = 0;
  if (!PopMark(first)) return false;
  if (stack_.size() == first) return Broken("makes an object of no class");
  Value result;
  if (!Call(stack_[first], Above(first + 1), Way::kCall, result)) return false;
  stack_.resize(first);
  return Push(result);
}

bool Machine::Build() {
  const uint64_t at = code_.offset() - 1;
  if (!Has(2)) return false;
  const Value state = Pop();
  const Value target = stack_.back();
  if (target.kind() == Kind::kUnverified) return true;
  const Known* known = target.kind() == Kind::kObject ? values_.KnownOf(target) : nullptr;
  if (known == nullptr) {
    Find(rules::kPickleState, at, "gives a state to what is no object that it made");
    return true;
  }
  Objection why = state.kind() == Kind::kUnverified ? Objection{"a state that is refused already"}
                                                    : WhyNotState(known->state, state, values_);
  Node& node = values_.heap.at(target);
  // An attribute may be set again; what decides how bytes are read may not.
  if (why.empty() && node.is_built && known->state != State::kDict) why = {"a second state"};
  if (!why.empty()) {
    Find(rules::kPickleState, at, fmt::format("gives {}.{} {}", known->module, known->name, why.text));
    return true;
  }
  node.is_built = true;
  if (!values_.heap.Hold(target, {&state, 1})) return RefuseLateDtype(at);
  if (known->state == State::kDtype) BuildDtype(target, state);
  return known->state != State::kWrapper || ReadArray(state);
}

// (version, order, base and shape, names, fields, size, alignment, flags)
void Machine::BuildDtype(Value dtype, Value state) {
  const std::span<const Value> items = values_.ItemsOf(state);
  Node& node = values_.heap.at(dtype);
  const auto number = [&](size_t i) {
    return i < items.size() && items[i].kind() == Kind::kInt ? items[i].number() : int64_t{-1};
  };
  constexpr int64_t kLargest = int64_t{1} << 31;
  if (node.is_flexible && number(5) >= 0) node.count = static_cast<uint32_t>(std::min(number(5), kLargest));
  if (number(7) > 0 && (number(7) & 1) != 0) node.holds_object_dtype = true;
}

bool Machine::RefuseLateDtype(uint64_t at) {
  Find(rules::kPickleItems, at, "puts a dtype of objects into what is in use already");
  return true;
}

bool Machine::Append(size_t first) {
  const uint64_t at = code_.offset() - 1;
  if (first <= fence_) return Broken("takes more from its stack than is there");
  const Value target = stack_[first - 1];
  const std::span<const Value> items = Above(first);
  if (items.empty()) return true;
  if (target.kind() == Kind::kList) {
    if (values_.heap.edge_count() % 4096 < items.size() && !HasRoom()) return false;
    if (!values_.heap.Add(target, items, dialect_.keeps_lists)) RefuseLateDtype(at);
  } else if (Permits(target, kAppends)) {
    if (!values_.heap.Hold(target, items)) RefuseLateDtype(at);
  } else if (target.kind() != Kind::kUnverified) {
    Find(rules::kPickleItems, at, "appends to what is no list");
  }
  stack_.resize(first);
  return true;
}

bool Machine::SetItems(size_t first) {
  const uint64_t at = code_.offset() - 1;
  if (first <= fence_) return Broken("takes more from its stack than is there");
  const Value target = stack_[first - 1];
  const std::span<const Value> items = Above(first);
  if (items.size() % 2 != 0) return Broken("a key without a value");
  if (items.empty()) return true;
  if (values_.heap.edge_count() % 4096 < items.size() && !HasRoom()) return false;
  if (target.kind() == Kind::kDict) {
    // What joblib says of an array, below which that array stands.
    const bool is_kept =
        first >= fence_ + 2 && items.size() <= 32 && values_.IsObjectOf(stack_[first - 2], State::kWrapper);
    if (!values_.heap.Add(target, items, is_kept)) RefuseLateDtype(at);
  } else if (Permits(target, kItems)) {
    if (!values_.heap.Hold(target, items)) RefuseLateDtype(at);
  } else if (target.kind() != Kind::kUnverified) {
    Find(rules::kPickleItems, at, "sets items of what is no dict");
  }
  stack_.resize(first);
  return true;
}

bool Machine::AddItems(size_t first) {
  const uint64_t at = code_.offset() - 1;
  if (first <= fence_) return Broken("takes more from its stack than is there");
  const Value target = stack_[first - 1];
  if (target.kind() == Kind::kSet) {
    if (!values_.heap.Add(target, Above(first), false)) RefuseLateDtype(at);
  } else if (target.kind() != Kind::kUnverified) {
    Find(rules::kPickleItems, at, "adds to what is no set");
  }
  stack_.resize(first);
  return true;
}

bool Machine::Permits(Value target, Permit permit) const {
  const Known* known = target.kind() == Kind::kObject ? values_.KnownOf(target) : nullptr;
  return known != nullptr && (known->permits & permit) != 0;
}

bool Machine::PersistentId(Value id) {
  const uint64_t at = code_.offset() - 1;
  if (dialect_.is_probe) return Broken("no loader of such a file has ids");
  if (dialect_.storages == nullptr) {
    Find(rules::kPicklePersistentId, at, "asks its loader for something by an id");
    return Push(Value::Unverified());
  }
  const StorageResolver::Resolved resolved = dialect_.storages->Resolve(id, values_);
  if (!resolved.storage) {
    Find(resolved.why_not.is_about_size ? rules::kTorchStorage : rules::kPicklePersistentId, at,
         fmt::format("asks for {}", resolved.why_not.text));
    return Push(Value::Unverified());
  }
  if (values_.storages.size() % 4096 == 0 && !HasRoom()) return false;
  values_.storages.push_back(*resolved.storage);
  return Push(Value::Storage(static_cast<uint32_t>(values_.storages.size() - 1)));
}

void Machine::ReportImports() {
  for (const pickle::Import& import : values_.imports) {
    if (import.known != nullptr) continue;
    const uint64_t at = import.called_at.value_or(import.offset);
    if (import.danger.empty()) {
      Find(rules::kPickleUnlisted, at,
           fmt::format("needs {}.{}, which is not known to be harmless", import.module, import.name));
    } else {
      Find(rules::kPickleDanger, at,
           fmt::format("{} {}.{} ({} when loaded)", import.called_at ? "calls" : "imports", import.module,
                       import.name, import.danger));
    }
  }
}

}  // namespace batuta::safety::pickle
