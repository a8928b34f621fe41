#include "daemon/safety/pickle/pickle.h"

#include <set>

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/pickle/code_reader.h"
#include "daemon/safety/pickle/machine.h"
#include "daemon/safety/pickle/rules.h"
#include "daemon/safety/pickle/single.h"

namespace batuta::safety {
namespace {

using pickle::CodeReader;
using pickle::FindTrailing;
using pickle::Kind;
using pickle::Machine;
using pickle::StorageResolver;
using pickle::Value;
using pickle::Values;

// 0x1950a86a20f9469cfc6c, little-endian: the first pickle of a torch checkpoint before 1.6.
constexpr std::string_view kTorchMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr int64_t kTorchProtocol = 1001;

bool IsTorchMagic(Value value, const Values& values) {
  return value.kind() == Kind::kLargeInt && values.heap.Text(value) == kTorchMagic;
}

// What stands behind the first pickle of a torch checkpoint before 1.6: its protocol, a word on the system
// that wrote it, the object, the keys of its storages, and these, each behind the count of its elements.
class LegacyStream {
 public:
  LegacyStream(Subject& subject, CodeReader& code, Machine& machine)
      : subject_(subject), code_(code), machine_(machine) {}

  // False when it ends early; that is found, unless reading failed.
  bool Walk() {
    if (!Next()) return false;
    bool is_whole = machine_.result() == Value::Int(kTorchProtocol) || Refuse("its protocol is not 1001");
    if (!Next()) return false;
    // No loader looks at it, and what is behind it is run.
    if (machine_.result().kind() != Kind::kDict) is_whole = Refuse("it does not say what system wrote it");
    machine_.dialect().storages = &storages_;
    if (!Next()) return false;
    machine_.dialect().storages = nullptr;
    machine_.dialect().keeps_lists = true;
    if (!Next()) return false;
    const Value keys = machine_.result();
    if (keys.kind() != Kind::kList || !machine_.values().heap.at(keys).is_kept) {
      return Refuse("it does not list its storages");
    }
    const auto items = machine_.values().heap.Items(keys);
    // Each of those that tensors are made of once, in any order.
    if (items.size() != storages_.seen().size()) return Refuse("it lists other storages than it uses");
    for (const Value key : items) {
      if (!SkipStorage(machine_.values().TextOf(key).value_or(""))) return false;
    }
    return (code_.left_bytes() == 0 || FindTrailing(subject_, code_.offset())) && is_whole;
  }

 private:
  bool Next() { return machine_.Walk() == Machine::End::kStop; }

  bool Refuse(std::string_view why) {
    if (code_.status().ok()) subject_.Add(rules::kTorchLegacy, code_.offset(), why);
    return false;
  }

  bool SkipStorage(std::string_view key) {
    const auto found = storages_.seen().find(key);
    if (found == storages_.seen().end() || !met_.insert(std::string(key)).second) {
      return Refuse("it lists other storages than it uses");
    }
    if (!code_.Need(8)) return Refuse("it ends in its storages");
    const auto count = code_.Little<uint64_t>();
    uint64_t bytes = 0;
    if (count != found->second.count || __builtin_mul_overflow(count, found->second.element_bytes, &bytes)) {
      return Refuse("a storage has another size than its tensors say");
    }
    return code_.Skip(bytes) || Refuse("it ends in its storages");
  }

  Subject& subject_;
  CodeReader& code_;
  Machine& machine_;
  StorageResolver storages_;
  std::set<std::string, std::less<>> met_;
};

}  // namespace

absl::StatusOr<bool> IsPickle(ByteSource& bytes) {
  ByteReader reader(bytes);
  const std::string_view first = reader.Peek(2);
  if (!reader.status().ok()) return reader.status();
  if (first.size() == 2 && first[0] == '\x80' && first[1] >= 2 && first[1] <= 5) return true;
  Report unused;
  Subject probe("", bytes, unused, nullptr);
  CodeReader code(reader);
  Machine machine(probe, code, {.is_probe = true});
  const Machine::End end = machine.Walk();
  if (!code.status().ok()) return code.status();
  return end != Machine::End::kBroken;
}

absl::Status InspectPickle(Subject& subject) {
  subject.SetFormat("pickle");
  subject.report().SawPickle();
  ByteReader reader(subject.bytes());
  CodeReader code(reader);
  Machine machine(subject, code, {.has_arrays = true});
  bool is_whole = machine.Walk() == Machine::End::kStop;
  if (is_whole && IsTorchMagic(machine.result(), machine.values())) {
    subject.SetFormat("torch legacy checkpoint");
    machine.dialect().has_arrays = false;
    is_whole = LegacyStream(subject, code, machine).Walk();
  } else {
    // Pickles in a row, each with a memo of its own.
    while (is_whole && code.left_bytes() > 0) {
      const uint64_t at = code.offset();
      is_whole = machine.Walk() == Machine::End::kStop;
      if (!is_whole && code.status().ok()) FindTrailing(subject, at);
    }
    if (machine.has_arrays()) subject.SetFormat("joblib");
  }
  pickle::Finish(subject, machine, is_whole);
  return code.status();
}

absl::Status InspectTorchPickle(Subject& subject, TorchStorages& storages) {
  ByteReader reader(subject.bytes());
  StorageResolver resolver(storages);
  return pickle::InspectSingle(subject, reader, {.storages = &resolver});
}

bool IsOldJoblib(std::string_view first_bytes) {
  return first_bytes.starts_with("ZF0x");
}

absl::Status InspectOldJoblib(Subject& subject) {
  // "ZF", a length in hex padded to 19 bytes, and with some writers one more blank.
  constexpr size_t kHeaderBytes = 2 + 19;
  subject.SetFormat("joblib");
  ByteReader reader(subject.bytes());
  const std::string header(reader.Peek(kHeaderBytes + 2));
  if (!reader.status().ok()) return reader.status();
  const size_t begin =
      header.size() > kHeaderBytes && header[kHeaderBytes] == ' ' ? kHeaderBytes + 1 : kHeaderBytes;
  const std::string_view length = std::string_view(header).substr(4, kHeaderBytes - 4);
  // What is not zlib would be looked at as a file of its own, which this is not.
  if (header.size() <= begin || header[begin] != '\x78' ||
      length.substr(0, length.find_last_not_of(" L") + 1).find_first_not_of("0123456789abcdef") !=
          std::string_view::npos) {
    subject.Add(rules::kJoblibHeader, 0, "no length and zlib stream behind \"ZF\"");
    return absl::OkStatus();
  }
  PartSource stream(subject.bytes(), begin, subject.size_bytes() - begin);
  return subject.Inspect("zlib stream", stream);
}

}  // namespace batuta::safety
