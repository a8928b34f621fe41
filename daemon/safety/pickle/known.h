#pragma once

#include <cstdint>
#include <string_view>

namespace batuta::safety::pickle {

// Which arguments a listed callable may be given; see arguments.h.
enum class Call : uint8_t {
  kNever,       // only as a value
  kAnything,    // whatever is in a pickle is harmless to it
  kNumbers,     // numbers and None
  kText,        // one string
  kCollection,  // one list, tuple or set
  kMapping,     // nothing, one dict, or one list of pairs
  kDefaultDict,
  kDeque,
  kEmptyBytes,  // nothing: how Python 3 writes b"" for protocols without it
  kByteArray,
  kEncode,  // a string and "latin1": how Python 3 writes bytes for protocols without them
  kDatetime,
  kTimezone,
  kListedClass,    // a class that may be made anew
  kReconstructor,  // the same, with its base and the state of that
  kDtype,
  kReconstructArray,
  kScalar,
  kFromBuffer,
  kRandom,
  kSize,
  kDevice,
  kTensor,
  kTensorV2,
  kTensorV3,
  kParameter,
  kQuantizedTensor,
  kSparseTensor,
  kMetaTensor,
  kTypedTensor,
};

// Which state what it gives may be built with (BUILD).
enum class State : uint8_t {
  kNever,
  kDict,     // of attributes, or of items
  kAny,      // its own method takes the state apart
  kDtype,    // the layout of a numpy dtype
  kArray,    // shape, dtype and data of a numpy array
  kWrapper,  // which array joblib wrote behind it
};

// What else may be done with the class or with what its call gives; bits.
enum Permit : uint8_t {
  kNothing = 0,
  kNew = 1,      // made anew, without arguments (NEWOBJ)
  kItems = 2,    // given items (SETITEMS)
  kAppends = 4,  // given elements (APPENDS)
};

// A global that is known to be harmless, when it is used as said here.
struct Known {
  std::string_view module;
  std::string_view name;
  Call call = Call::kNever;
  State state = State::kNever;
  uint8_t permits = kNothing;
};

// By exact module and name; null when there is none such.
const Known* FindKnown(std::string_view module, std::string_view name);

}  // namespace batuta::safety::pickle
