#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/base/byte_source.h"

namespace batuta::safety {

enum class JsonToken : uint8_t {
  kBeginObject,
  kEndObject,
  kBeginArray,
  kEndArray,
  kKey,
  kString,
  kNumber,
  kTrue,
  kFalse,
  kNull,
  kEnd,    // everything was read and is JSON
  kFault,  // it is not, or could not be read: fault() and status() say which
};

struct JsonOptions {
  int depth = 64;                     // arrays and objects inside each other
  uint64_t string_bytes = (2 << 20);  // kept of a string value; no key may be longer
  uint64_t keys = 4'000'000;          // of all objects that are open at one time
  bool non_finite = false;            // takes NaN, Infinity and -Infinity, as Python writes them
  bool many_values = false;           // takes any number of values one after the other (JSON Lines)
  bool repeated_keys =
      false;  // takes them, and is_repeated() tells; for loaders that look at the last of them
};

// What is wrong with the text, and where.
struct JsonFault {
  enum class Kind : uint8_t {
    kSyntax,
    kText,          // not UTF-8, or half a surrogate pair
    kDuplicateKey,  // two equal keys in one object, after decoding escapes: readers disagree on which counts
    kTrailing,      // something follows the value
    kCutOff,        // the bytes end inside the value (or could not be read: then status() is not OK)
    kTooDeep,
    kTooMuch,  // beyond another of the limits
  };

  Kind kind = Kind::kSyntax;
  uint64_t offset = 0;
  std::string text;  // for a person, may hold names from the file: "the key \"dtype\" stands twice"
};

// A strict reader of JSON that gives one token after the other and builds nothing: RFC 8259, UTF-8 without a
// byte order mark, every key unique in its object, one value and then only whitespace. Memory is bounded by
// the options however long the text is.
//
//   JsonReader reader(source);
//   while (true) {
//     switch (reader.Next()) {
//       case JsonToken::kKey: if (reader.text() == "dtype") …
class JsonReader {
 public:
  // From `offset` of `source`, which must outlive it, to its end (a PartSource ends sooner).
  explicit JsonReader(ByteSource& source, const JsonOptions& options = {}, uint64_t offset = 0);

  // The next token. After kEnd or kFault it is that for ever.
  JsonToken Next();

  // The one that Next() gave last.
  JsonToken token() const { return token_; }

  // Reads on to the end of what has just begun: after kBeginObject or kBeginArray to its end, after kKey to
  // the end of its value, after others nothing. False on a fault.
  bool SkipRest();

  // The key or string, escapes decoded; the number as it is written. Valid until the next call.
  std::string_view text() const { return text_; }

  // A key that stood in the object already, where the options allow that.
  bool is_repeated() const { return is_repeated_; }

  // Of the whole string; more than text() has when only its beginning was kept.
  uint64_t text_bytes() const { return text_bytes_; }

  // Where the last token begins.
  uint64_t token_offset() const { return token_offset_; }

  // Where reading stands: just behind the last token.
  uint64_t offset() const { return reader_.offset() + at_; }

  // Objects and arrays that are open: 1 after the outermost kBeginObject and for its keys, 0 after its end.
  int depth() const { return static_cast<int>(levels_.size()); }

  // After kFault.
  const JsonFault& fault() const { return fault_; }

  // Not OK when reading failed.
  const absl::Status& status() const { return reader_.status(); }

 private:
  // What may come next.
  enum class Expect : uint8_t { kValue, kFirstValue, kFirstKey, kKey, kColon, kSeparator, kNothing };

  struct Level {
    bool is_object = false;
    size_t first_key = 0;  // in keys_
    std::unique_ptr<absl::flat_hash_set<uint64_t>> many_keys;
  };

  // The next byte, or -1 where there is none.
  int Peek() { return at_ < window_.size() || Fill() ? static_cast<unsigned char>(window_[at_]) : -1; }

  bool Fill();
  void SkipSpace();

  JsonToken NextToken();
  JsonToken Separator(int next);
  JsonToken Value(int next);
  JsonToken Key();
  JsonToken Begin(bool is_object);
  JsonToken End();
  JsonToken Number();
  JsonToken Literal(std::string_view word, JsonToken token);
  JsonToken AfterValue(JsonToken token);
  JsonToken Fault(JsonFault::Kind kind, uint64_t offset, std::string text);
  JsonToken Unexpected(std::string_view wanted);

  bool String();
  bool SlowString();
  bool Escape();
  bool HexUnit(uint32_t& out);
  bool Sequence(int lead);
  void Keep(std::string_view text);
  bool IsNewKey(uint64_t hash);

  JsonOptions options_;
  ByteReader reader_;
  std::string_view window_;  // of reader_, which stands at its beginning
  size_t at_ = 0;
  Expect expect_ = Expect::kValue;
  JsonToken token_ = JsonToken::kNull;
  uint64_t token_offset_ = 0;
  std::string_view text_;
  uint64_t text_bytes_ = 0;
  bool is_repeated_ = false;
  std::string scratch_;
  std::vector<Level> levels_;
  std::vector<uint64_t> keys_;  // hashes, of all open objects that have few
  uint64_t key_count_ = 0;      // of all open objects that have many
  JsonFault fault_;
};

// A number as plain decimal digits without sign, fraction, exponent or leading zero that fits.
std::optional<uint64_t> PlainInteger(std::string_view number);

}  // namespace batuta::safety
