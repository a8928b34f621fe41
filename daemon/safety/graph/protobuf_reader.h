#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "daemon/safety/base/byte_reader.h"

namespace batuta::safety {

// Reads the wire format of protobuf field by field, without a schema and without recursion: a caller enters
// the fields that it knows to be messages and passes over the rest, which is then not read. Accepts what
// every protobuf library reads in the same way, and nothing else: no groups, no field 0, no numbers beyond 64
// bits.
class ProtobufReader {
 public:
  // Messages inside each other; what the libraries allow.
  static constexpr size_t kMostDepth = 100;

  enum class Wire : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  struct Field {
    uint32_t number = 0;
    Wire wire = Wire::kVarint;
    uint64_t value = 0;       // of a number
    uint64_t offset = 0;      // in the source: of the content of kBytes, of the tag of a number
    uint64_t size_bytes = 0;  // of the content of kBytes

    bool is_bytes() const { return wire == Wire::kBytes; }

    bool is_varint() const { return wire == Wire::kVarint; }
  };

  // The whole source is one message, and the one at hand.
  explicit ProtobufReader(ByteSource& source) : bytes_(source), ends_{source.size_bytes()} {}

  // The next field of the message at hand. False at its end, and for good when it is broken or cannot be
  // read.
  bool Next(Field& field);

  // This and Text() are about the field that Next() gave last, which must be kBytes. Makes it the message at
  // hand.
  bool Enter();

  // Appends it to `out`, or no more than its first `most_bytes`.
  bool Text(uint64_t most_bytes, std::string& out);

  // Of packed numbers: the next one. Enter() first, and Leave() after the last.
  bool NextVarint(uint64_t& value);

  // Passes over what is left of the message at hand and returns to the one around it.
  void Leave();

  // Messages entered and not left; 0 in the whole.
  size_t depth() const { return ends_.size() - 1; }

  uint64_t offset() const { return bytes_.offset(); }

  // What is broken, where offset() is; empty as long as nothing is.
  std::string_view problem() const { return problem_; }

  // After a problem: may other readers go on, and see more than this one?
  bool may_go_on() const { return may_go_on_; }

  // Not OK when reading failed.
  const absl::Status& status() const { return bytes_.status(); }

  // All of the source was read or passed over, and none of it is broken.
  bool complete() const { return problem_.empty() && !bytes_.failed() && depth() == 0 && bytes_.at_end(); }

 private:
  bool ok() const { return problem_.empty() && !bytes_.failed(); }

  // Passes over what is left of the field that Next() gave.
  bool Settle();
  bool Varint(uint64_t& value);
  bool Break(std::string_view problem);

  ByteReader bytes_;
  std::vector<uint64_t> ends_;  // of the message at hand and those around it
  uint64_t field_end_ = 0;
  std::string_view problem_;
  bool may_go_on_ = false;
};

}  // namespace batuta::safety
