#include "daemon/transfer/extents.h"

#include <algorithm>

namespace batuta::transfer {
namespace {

// The first extent that ends at or after `offset`.
template <typename List>
auto FirstReaching(List& list, uint64_t offset) {
  return std::lower_bound(list.begin(), list.end(), offset,
                          [](const Extent& extent, uint64_t value) { return extent.end < value; });
}

// The first extent that ends after `offset`.
template <typename List>
auto FirstBeyond(List& list, uint64_t offset) {
  return std::upper_bound(list.begin(), list.end(), offset,
                          [](uint64_t value, const Extent& extent) { return value < extent.end; });
}

}  // namespace

Extents::Extents(const std::vector<Extent>& extents) {
  for (const Extent& extent : extents) Add(extent);
}

void Extents::Add(Extent extent) {
  if (extent.begin >= extent.end) return;
  const auto first = FirstReaching(list_, extent.begin);
  auto last = first;
  for (; last != list_.end() && last->begin <= extent.end; ++last) {
    extent.begin = std::min(extent.begin, last->begin);
    extent.end = std::max(extent.end, last->end);
    total_ -= last->end - last->begin;
  }
  total_ += extent.end - extent.begin;
  if (first == last) {
    list_.insert(first, extent);
  } else {
    *first = extent;
    list_.erase(first + 1, last);
  }
}

void Extents::Remove(Extent extent) {
  std::vector<Extent> rest;
  rest.reserve(list_.size() + 1);
  total_ = 0;
  for (const Extent& each : list_) {
    const Extent before{each.begin, std::min(each.end, extent.begin)};
    const Extent after{std::max(each.begin, extent.end), each.end};
    for (const Extent& part : {before, after}) {
      if (part.begin >= part.end) continue;
      rest.push_back(part);
      total_ += part.end - part.begin;
    }
  }
  list_ = std::move(rest);
}

void Extents::Clear() {
  list_.clear();
  total_ = 0;
}

bool Extents::Contains(Extent extent) const {
  if (extent.begin >= extent.end) return true;
  return EndOfRun(extent.begin) >= extent.end;
}

std::vector<Extent> Extents::Gaps(Extent within) const {
  std::vector<Extent> gaps;
  uint64_t at = within.begin;
  for (auto i = FirstBeyond(list_, at); i != list_.end() && i->begin < within.end; ++i) {
    if (i->begin > at) gaps.push_back({at, i->begin});
    at = i->end;
  }
  if (at < within.end) gaps.push_back({at, within.end});
  return gaps;
}

std::optional<Extent> Extents::FirstGap(uint64_t size_bytes) const {
  const uint64_t begin = EndOfRun(0);
  if (begin >= size_bytes) return std::nullopt;
  const auto next = FirstBeyond(list_, begin);
  return Extent{begin, next == list_.end() ? size_bytes : std::min(next->begin, size_bytes)};
}

uint64_t Extents::EndOfRun(uint64_t offset) const {
  const auto i = FirstBeyond(list_, offset);
  return i != list_.end() && i->begin <= offset ? i->end : offset;
}

}  // namespace batuta::transfer
