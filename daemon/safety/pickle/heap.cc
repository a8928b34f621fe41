#include "daemon/safety/pickle/heap.h"

#include <algorithm>

namespace batuta::safety::pickle {
namespace {

uint32_t SumOfSizes(uint32_t a, uint32_t b) {
  return std::min(a + b, kTooManyParts);
}

uint16_t OneDeeper(uint16_t depth) {
  return std::min<uint16_t>(static_cast<uint16_t>(depth + 1), kTooDeep);
}

}  // namespace

void Heap::Clear() {
  if (texts_.size() > 1) texts_.resize(1);
  text_end_ = 0;
  nodes_.clear();
  edges_.clear();
  items_.clear();
  largest_ = 0;
  deepest_ = 0;
  has_late_parts_ = false;
}

uint64_t Heap::memory_bytes() const {
  return texts_.size() * kTextChunk + nodes_.size() * sizeof(Node) + edges_.size() * sizeof(Edge) +
         items_.capacity() * sizeof(Value);
}

Value Heap::Keep(Kind kind, std::string_view text) {
  // No text crosses a chunk.
  if (kTextChunk - text_end_ % kTextChunk < text.size()) text_end_ += kTextChunk - text_end_ % kTextChunk;
  if (text_end_ + text.size() > kMostKeptBytes) return Value::Unkept(kind);
  const size_t chunk = text_end_ / kTextChunk;
  if (chunk == texts_.size()) texts_.emplace_back(new char[kTextChunk]);
  text.copy(texts_[chunk].get() + text_end_ % kTextChunk, text.size());
  const auto place = static_cast<uint32_t>(text_end_);
  text_end_ += text.size();
  return Value::Text(kind, place, static_cast<uint32_t>(text.size()));
}

bool Heap::Add(Value container, std::span<const Value> items, bool keep) {
  Node& of = at(container);
  if (of.count == 0) of.first = static_cast<uint32_t>(items_.size());
  of.is_kept = keep && of.is_kept && of.first + of.count == items_.size();
  if (of.is_kept) items_.insert(items_.end(), items.begin(), items.end());
  of.count += static_cast<uint32_t>(items.size());
  return Hold(container, items);
}

bool Heap::Hold(Value object, std::span<const Value> parts) {
  Node& outer = at(object);
  bool reliable = true;
  for (const Value part : parts) {
    if (!part.is_node()) {
      outer.size = SumOfSizes(outer.size, 1);
      continue;
    }
    Node& inner = at(part);
    inner.is_inside = true;
    edges_.push_back({.outer = object.index(), .inner = part.index()});
    outer.size = SumOfSizes(outer.size, inner.size);
    outer.depth = std::max(outer.depth, OneDeeper(inner.depth));
    if (inner.holds_object_dtype) {
      reliable = reliable && (outer.holds_object_dtype || !outer.is_inside);
      outer.holds_object_dtype = true;
    }
  }
  if (outer.is_inside) has_late_parts_ = true;
  largest_ = std::max(largest_, outer.size);
  deepest_ = std::max(deepest_, outer.depth);
  return reliable;
}

void Heap::Settle() {
  if (!has_late_parts_) return;
  has_late_parts_ = false;
  // The edges of each node side by side.
  const size_t count = nodes_.size();
  std::vector<uint32_t> first(count + 1, 0);
  for (const Edge& edge : edges_) ++first[edge.outer + 1];
  for (size_t i = 0; i < count; ++i) first[i + 1] += first[i];
  std::vector<uint32_t> inner(edges_.size());
  {
    std::vector<uint32_t> next(first.begin(), first.end() - 1);
    for (const Edge& edge : edges_) inner[next[edge.outer]++] = edge.inner;
  }

  // Depth first, children before their parents; what leads back to a node under way is a cycle, which no
  // loader follows for ever, and counts as one part.
  enum : uint8_t { kNew, kUnderWay, kDone };

  std::vector<uint8_t> state(count, kNew);
  std::vector<std::pair<uint32_t, uint32_t>> way;  // a node, and which edge comes next
  for (uint32_t root = 0; root < count; ++root) {
    if (state[root] != kNew) continue;
    way.emplace_back(root, first[root]);
    while (!way.empty()) {
      auto& [at, edge] = way.back();
      Node& node = nodes_[at];
      if (state[at] == kNew) {
        state[at] = kUnderWay;
        node.size = 1;
        node.depth = 1;
      }
      if (edge < first[at + 1]) {
        const uint32_t part = inner[edge++];
        if (state[part] == kNew) way.emplace_back(part, first[part]);
        continue;
      }
      for (uint32_t i = first[at]; i < first[at + 1]; ++i) {
        const bool is_cycle = state[inner[i]] == kUnderWay;
        const Node& part = nodes_[inner[i]];
        node.size = SumOfSizes(node.size, is_cycle ? 1 : part.size);
        node.depth = std::max(node.depth, is_cycle ? uint16_t{1} : OneDeeper(part.depth));
      }
      largest_ = std::max(largest_, node.size);
      deepest_ = std::max(deepest_, node.depth);
      state[at] = kDone;
      way.pop_back();
    }
  }
}

}  // namespace batuta::safety::pickle
