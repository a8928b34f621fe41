#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/safety/pickle/value.h"

namespace batuta::safety::pickle {

// A container or object that a pickle builds: no content, but how large it is when every reference to another
// is followed, as a loader that copies or prints it does.
struct Node {
  uint32_t size = 1;                    // of it and all inside; capped at kTooManyParts
  uint16_t depth = 1;                   // of what is inside each other; capped at kTooDeep
  bool is_inside : 1 = false;           // of another one
  bool is_built : 1 = false;            // has been given a state
  bool holds_object_dtype : 1 = false;  // is, or has somewhere inside, a numpy dtype of Python objects
  bool is_kept : 1 = true;              // all its items are
  bool is_flexible : 1 = false;         // a numpy dtype whose state says how large it is
  uint32_t first = 0;                   // of the kept items; of an object the import of its class
  uint32_t count = 0;                   // of items; of a numpy dtype the bytes of one element
};

static_assert(sizeof(Node) == 16);

inline constexpr uint32_t kTooManyParts = 1'000'000'000;
inline constexpr uint16_t kTooDeep = 10'000;

// What the values of one pickle refer to.
class Heap {
 public:
  static constexpr size_t kLongestKept = 256;  // longer than any name, type code or key
  static constexpr size_t kMostKeptBytes = 64 << 20;

  void Clear();

  // Of all that is held here.
  uint64_t memory_bytes() const;

  // `text` is at most kLongestKept long; it is not kept once kMostKeptBytes are.
  Value Keep(Kind kind, std::string_view text);

  bool is_full_of_text() const { return text_end_ + kLongestKept > kMostKeptBytes; }

  // Empty when not kept, or no text.
  std::string_view Text(Value value) const {
    return value.is_kept()
               ? std::string_view(texts_[value.place() / kTextChunk].get() + value.place() % kTextChunk,
                                  value.length())
               : std::string_view();
  }

  size_t node_count() const { return nodes_.size(); }

  size_t edge_count() const { return edges_.size(); }

  Value New(Kind kind) {
    nodes_.emplace_back();
    return Value::Node(kind, static_cast<uint32_t>(nodes_.size() - 1));
  }

  Node& at(Value node) { return nodes_[node.index()]; }

  const Node& at(Value node) const { return nodes_[node.index()]; }

  // Puts items into a container. With `keep`, and as long as nothing else was kept in between, they can be
  // asked for. False when something that holds an object dtype is put into what is inside another already:
  // nobody may rely on what was found there.
  bool Add(Value container, std::span<const Value> items, bool keep);

  // Puts values under an object: arguments, a state. The same.
  bool Hold(Value object, std::span<const Value> parts);

  // What is in a container, where that is kept; see Node::is_kept.
  std::span<const Value> Items(Value container) const {
    const Node& of = at(container);
    return of.is_kept ? std::span(items_).subspan(of.first, of.count) : std::span<const Value>();
  }

  // Has what was added made anything too large or too deep?
  bool is_bomb() const { return largest_ >= kTooManyParts; }

  bool is_too_deep() const { return deepest_ >= kTooDeep; }

  // The same with everything that was put into something after that itself was put elsewhere. Once, at the
  // end.
  void Settle();

 private:
  static constexpr size_t kTextChunk = 64 << 10;

  struct Edge {
    uint32_t outer;
    uint32_t inner;
  };

  std::vector<std::unique_ptr<char[]>> texts_;
  size_t text_end_ = 0;  // where the next text goes, counted over all chunks
  std::deque<Node> nodes_;
  std::deque<Edge> edges_;
  std::vector<Value> items_;
  uint32_t largest_ = 0;
  uint16_t deepest_ = 0;
  bool has_late_parts_ = false;
};

}  // namespace batuta::safety::pickle
