#include "daemon/safety/pickle/arguments.h"

#include <algorithm>
#include <charconv>

#include "daemon/safety/pickle/torch.h"

namespace batuta::safety::pickle {
namespace {

constexpr Objection kOther{"arguments that its picklers do not give"};

using Arguments = std::span<const Value>;

bool IsBytes(Value value) {
  return value.kind() == Kind::kBytes || value.kind() == Kind::kByteStr;
}

bool IsNumber(Value value) {
  return value.kind() == Kind::kInt || value.kind() == Kind::kFloat || value.kind() == Kind::kBool ||
         value.kind() == Kind::kLargeInt;
}

bool IsSwitch(Value value) {
  return value.kind() == Kind::kBool ||
         (value.kind() == Kind::kInt && (value.number() == 0 || value.number() == 1));
}

bool IsCollection(Value value) {
  return value.kind() == Kind::kList || value.kind() == Kind::kTuple || value.kind() == Kind::kSet ||
         value.kind() == Kind::kFrozenSet;
}

bool IsGlobalOf(Value value, const Values& values, std::string_view module) {
  const Known* known = value.kind() == Kind::kGlobal ? values.KnownOf(value) : nullptr;
  return known != nullptr && known->module == module;
}

bool IsGlobal(Value value, const Values& values, std::string_view module, std::string_view name) {
  return IsGlobalOf(value, values, module) && values.KnownOf(value)->name == name;
}

bool IsClassToMake(Value value, const Values& values) {
  const Known* known = value.kind() == Kind::kGlobal ? values.KnownOf(value) : nullptr;
  return known != nullptr && (known->permits & kNew) != 0;
}

bool IsTensor(Value value, const Values& values) {
  const Known* known = value.kind() == Kind::kObject ? values.KnownOf(value) : nullptr;
  return known != nullptr && (known->module == "torch._utils" || known->module == "torch._tensor");
}

bool IsDict(Value value, const Values& values) {
  if (value.kind() == Kind::kDict) return true;
  const Known* known = value.kind() == Kind::kObject ? values.KnownOf(value) : nullptr;
  return known != nullptr && known->module == "collections";
}

// A dtype without Python objects, whose bytes are only numbers.
bool IsPlainDtype(Value value, const Values& values) {
  return values.IsObjectOf(value, State::kDtype) && !values.heap.at(value).holds_object_dtype;
}

bool IsTuple(Value value) {
  return value.kind() == Kind::kTuple;
}

// (qscheme, scale, zero point) or (qscheme, scales, zero points, axis).
bool IsQuantizer(Value value, const Values& values) {
  if (!IsTuple(value)) return false;
  const Arguments items = values.heap.Items(value);
  if (items.size() < 3 || items.size() > 4 || !IsGlobalOf(items[0], values, "torch")) return false;
  return std::ranges::all_of(items.subspan(1),
                             [&](Value item) { return IsNumber(item) || IsTensor(item, values); });
}

// (indices, values, size[, is coalesced]) and the like of other layouts.
bool IsSparse(Value value, const Values& values) {
  if (!IsTuple(value)) return false;
  const Arguments items = values.heap.Items(value);
  return items.size() >= 3 && items.size() <= 5 && std::ranges::all_of(items, [&](Value item) {
           const Known* known = values.KnownOf(item);
           return IsTensor(item, values) || IsTuple(item) || IsSwitch(item) ||
                  (item.kind() == Kind::kObject && known != nullptr && known->call == Call::kSize);
         });
}

Objection WhyNotTyped(Arguments arguments, const Values& values) {
  if (arguments.size() != 4 || !IsTuple(arguments[2])) return kOther;
  const auto known = [&](Value value) {
    return value.kind() == Kind::kGlobal ? values.KnownOf(value) : nullptr;
  };
  const Known* function = known(arguments[0]);
  const Known* type = known(arguments[1]);
  if (function == nullptr || function->module != "torch._utils") return kOther;
  if (type == nullptr || (type->permits & kNew) == 0 || !type->module.starts_with("torch")) return kOther;
  if (arguments[3].kind() != Kind::kNone && !IsDict(arguments[3], values)) return kOther;
  return WhyNotCall(function->call, values.heap.Items(arguments[2]), values);
}

Objection WhyNotEncode(Arguments arguments, const Values& values) {
  if (arguments.size() != 2) return kOther;
  const bool is_text = arguments[0].kind() == Kind::kStr || arguments[0].kind() == Kind::kByteStr;
  const std::optional<std::string_view> codec = values.TextOf(arguments[1]);
  return is_text && (codec == "latin1" || codec == "latin-1") ? Objection() : kOther;
}

bool AreDtypeArguments(Arguments arguments, const Values& values) {
  if (arguments.empty() || arguments.size() > 3) return false;
  const std::optional<std::string_view> code = values.TextOf(arguments[0]);
  return code && ParseDtypeCode(*code) && std::ranges::all_of(arguments.subspan(1), IsSwitch);
}

bool IsHarmlessClass(Value value, const Values& values) {
  return value.kind() == Kind::kGlobal && values.KnownOf(value) != nullptr;
}

}  // namespace

const Known* Values::KnownOf(Value value) const {
  if (value.kind() == Kind::kGlobal) return imports[value.index()].known;
  if (value.kind() == Kind::kObject) return imports[heap.at(value).first].known;
  return nullptr;
}

std::optional<std::string_view> Values::TextOf(Value value) const {
  if ((value.kind() != Kind::kStr && value.kind() != Kind::kByteStr) || !value.is_kept()) return std::nullopt;
  return heap.Text(value);
}

std::optional<uint64_t> Values::ProductOf(Value shape) const {
  if (!IsTuple(shape) || !heap.at(shape).is_kept) return std::nullopt;
  uint64_t product = 1;
  bool is_empty = false;
  for (const Value size : heap.Items(shape)) {
    if (size.kind() != Kind::kInt || size.number() < 0) return std::nullopt;
    // Zeros are seen to at the end, so that the order of the sizes decides nothing.
    if (size.number() == 0) {
      is_empty = true;
    } else if (__builtin_mul_overflow(product, static_cast<uint64_t>(size.number()), &product)) {
      return std::nullopt;
    }
  }
  return is_empty ? 0 : product;
}

std::optional<DtypeCode> ParseDtypeCode(std::string_view code) {
  constexpr std::string_view kLetters = "biufcmMSUVO?";
  if (!code.empty() && std::string_view("<>=|").find(code.front()) != std::string_view::npos)
    code.remove_prefix(1);
  if (code.empty() || kLetters.find(code.front()) == std::string_view::npos) return std::nullopt;
  const char letter = code.front();
  code.remove_prefix(1);
  // Dates have a unit behind: "M8[ns]".
  if ((letter == 'm' || letter == 'M') && code.ends_with(']')) code = code.substr(0, code.find('['));
  DtypeCode parsed{.is_object = letter == 'O',
                   .is_flexible = letter == 'S' || letter == 'U' || letter == 'V'};
  uint32_t number = 0;
  if (!code.empty()) {
    const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), number);
    if (error != std::errc() || end != code.data() + code.size()) return std::nullopt;
  } else if (parsed.is_object) {
    number = 8;
  } else if (letter == '?') {
    number = 1;
  } else if (!parsed.is_flexible) {
    return std::nullopt;  // one letter alone means a C type
  }
  if (number > (uint32_t{1} << 29)) return std::nullopt;
  parsed.element_bytes = letter == 'U' ? number * 4 : number;
  const bool is_size = parsed.is_flexible || number == 1 || number == 2 || number == 4 || number == 8 ||
                       number == 12 || number == 16 || number == 24 || number == 32;
  if (!is_size) return std::nullopt;
  return parsed;
}

Objection WhyNotCall(Call call, Arguments arguments, const Values& values) {
  const auto require = [](bool holds) { return holds ? Objection() : kOther; };
  const size_t count = arguments.size();
  const auto text = [&](size_t i) { return i < count && values.TextOf(arguments[i]).has_value(); };
  const auto kind = [&](size_t i) { return arguments[i].kind(); };
  switch (call) {
    case Call::kNever:
      return {"a call, which nothing that pickles it asks for"};
    case Call::kAnything:
      return {};
    case Call::kNumbers:
      return require(std::ranges::all_of(
          arguments, [](Value value) { return IsNumber(value) || value.kind() == Kind::kNone; }));
    case Call::kText:
      return require(count == 1 && text(0));
    case Call::kCollection:
      return require(count == 0 || (count == 1 && IsCollection(arguments[0])));
    case Call::kMapping:
      return require(count == 0 ||
                     (count == 1 && (IsDict(arguments[0], values) || IsCollection(arguments[0]))));
    case Call::kDefaultDict:
      return require(count >= 1 && count <= 2 &&
                     (kind(0) == Kind::kNone || IsGlobalOf(arguments[0], values, "builtins")) &&
                     (count == 1 || IsDict(arguments[1], values)));
    case Call::kDeque:
      return require(count == 0 || (count <= 2 && IsCollection(arguments[0]) &&
                                    (count == 1 || kind(1) == Kind::kNone || kind(1) == Kind::kInt)));
    case Call::kEmptyBytes:
      return require(count == 0);
    case Call::kByteArray:
      return require(count == 0 || (count == 1 && IsBytes(arguments[0])) ||
                     (count == 2 && kind(0) == Kind::kStr && WhyNotEncode(arguments, values).empty()));
    case Call::kEncode:
      return WhyNotEncode(arguments, values);
    case Call::kDatetime:
      return require(count >= 1 && std::ranges::all_of(arguments, [&](Value value) {
                       return IsBytes(value) || value.kind() == Kind::kInt || value.kind() == Kind::kNone ||
                              value.kind() == Kind::kStr ||
                              (value.kind() == Kind::kObject &&
                               values.KnownOf(value)->call == Call::kTimezone);
                     }));
    case Call::kTimezone:
      return require(count >= 1 && count <= 2 && kind(0) == Kind::kObject && (count == 1 || text(1)) &&
                     values.KnownOf(arguments[0])->module == "datetime");
    case Call::kListedClass:
      return require(count >= 1 && IsClassToMake(arguments[0], values));
    case Call::kReconstructor:
      return require(count == 3 && IsClassToMake(arguments[0], values) &&
                     ((IsGlobal(arguments[1], values, "builtins", "object") && kind(2) == Kind::kNone) ||
                      (IsGlobal(arguments[1], values, "builtins", "dict") && kind(2) == Kind::kDict)));
    case Call::kDtype:
      return require(AreDtypeArguments(arguments, values));
    case Call::kReconstructArray:
      return require(count == 3 && IsGlobal(arguments[0], values, "numpy", "ndarray") &&
                     IsTuple(arguments[1]) && values.heap.at(arguments[1]).count == 1 &&
                     values.ProductOf(arguments[1]) == 0 && IsBytes(arguments[2]));
    case Call::kScalar:
      return require(count == 2 && IsPlainDtype(arguments[0], values) && IsBytes(arguments[1]));
    case Call::kFromBuffer:
      return require(count == 4 && IsBytes(arguments[0]) && IsPlainDtype(arguments[1], values) &&
                     values.ProductOf(arguments[2]) && text(3));
    case Call::kRandom:
      return require(count <= 2 && std::ranges::all_of(arguments, [&](Value value) {
                       return values.TextOf(value) || IsHarmlessClass(value, values) ||
                              (value.kind() == Kind::kObject && values.KnownOf(value)->call == Call::kRandom);
                     }));
    case Call::kSize:
      return require(count == 1 && values.ProductOf(arguments[0]));
    case Call::kDevice:
      return require(text(0) && (count == 1 || (count == 2 && kind(1) == Kind::kInt)));
    case Call::kTensor:
      return count == 4 ? WhyNotTensor(arguments, values) : kOther;
    case Call::kTensorV2:
      if (count < 6 || count > 7 || !IsSwitch(arguments[4]) || !IsDict(arguments[5], values)) return kOther;
      if (count == 7 && kind(6) != Kind::kNone && !IsDict(arguments[6], values)) return kOther;
      return WhyNotTensor(arguments, values);
    case Call::kTensorV3: {
      if (count < 7 || count > 8 || !IsSwitch(arguments[4]) || !IsDict(arguments[5], values)) return kOther;
      if (count == 8 && kind(7) != Kind::kNone && !IsDict(arguments[7], values)) return kOther;
      if (!IsGlobalOf(arguments[6], values, "torch")) return kOther;
      const std::optional<uint64_t> bytes = ElementBytesOfDtype(values.KnownOf(arguments[6])->name);
      return bytes ? WhyNotTensor(arguments, values, bytes) : kOther;
    }
    case Call::kParameter:
      return require(count >= 3 && count <= 4 && IsTensor(arguments[0], values) && IsSwitch(arguments[1]) &&
                     IsDict(arguments[2], values) &&
                     (count == 3 || IsDict(arguments[3], values) || IsTuple(arguments[3])));
    case Call::kQuantizedTensor:
      if (count != 7 || !IsQuantizer(arguments[4], values) || !IsSwitch(arguments[5]) ||
          !IsDict(arguments[6], values)) {
        return kOther;
      }
      return WhyNotTensor(arguments, values);
    case Call::kSparseTensor:
      return require(count == 2 && kind(0) == Kind::kObject && IsSparse(arguments[1], values));
    case Call::kMetaTensor:
      return require(count == 4 && IsGlobalOf(arguments[0], values, "torch") &&
                     values.ProductOf(arguments[1]) && IsTuple(arguments[2]) && IsSwitch(arguments[3]));
    case Call::kTypedTensor:
      return WhyNotTyped(arguments, values);
  }
  return kOther;
}

Objection WhyNotState(State state, Value value, const Values& values) {
  constexpr Objection kOtherState{"a state that its picklers do not write"};
  switch (state) {
    case State::kNever:
      return {"a state, which nothing that pickles it gives"};
    case State::kDict:
      return value.kind() == Kind::kDict ? Objection() : kOtherState;
    case State::kAny:
    case State::kDtype:
      return value.kind() == Kind::kDict || IsTuple(value) || (state == State::kAny && IsNumber(value))
                 ? Objection()
                 : kOtherState;
    case State::kArray: {
      // (version, shape, dtype, is Fortran, data)
      if (!IsTuple(value)) return kOtherState;
      const Arguments items = values.heap.Items(value);
      if (items.size() != 5 || items[0].kind() != Kind::kInt || !IsSwitch(items[3])) return kOtherState;
      const std::optional<uint64_t> product = values.ProductOf(items[1]);
      if (!product || !values.IsObjectOf(items[2], State::kDtype)) return kOtherState;
      if (!values.heap.at(items[2]).holds_object_dtype) return IsBytes(items[4]) ? Objection() : kOtherState;
      // Objects only one by one: bytes would be taken for their addresses, and room is made by the shape.
      return items[4].kind() == Kind::kList && values.heap.at(items[4]).count == *product
                 ? Objection()
                 : Objection{"objects that are not as many as its shape says"};
    }
    case State::kWrapper:
      return value.kind() == Kind::kDict ? Objection() : kOtherState;
  }
  return kOtherState;
}

}  // namespace batuta::safety::pickle
