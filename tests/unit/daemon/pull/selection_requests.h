#pragma once

#include <string>
#include <utility>
#include <vector>

#include "daemon/pull/selection.h"

// Trees and requests as the tests of the selection write them down.
namespace batuta::pull {

using Files = std::vector<std::string>;

inline Tree TreeOf(const Files& files) {
  Tree tree{*CommitId::Parse(std::string(40, 'a')), {}};
  for (const std::string& path : files) {
    tree.entries.push_back({.path = *RepoPath::Parse(path),
                            .size_bytes = 1'000'000'000,
                            .blob = *BlobId::Parse(std::string(40, 'c'))});
  }
  return tree;
}

inline SelectionRequest Format(std::string format) {
  SelectionRequest request;
  request.format = std::move(format);
  return request;
}

inline SelectionRequest Quantization(std::string label) {
  SelectionRequest request;
  request.quantization = std::move(label);
  return request;
}

inline SelectionRequest WithPickle(SelectionRequest request = {}) {
  request.allow_unsafe = {"pickle"};
  return request;
}

inline SelectionRequest Of(RepoType type) {
  SelectionRequest request;
  request.repo_type = type;
  return request;
}

inline SelectionRequest Named(Files paths, Files include = {}, Files exclude = {}) {
  SelectionRequest request;
  request.paths = std::move(paths);
  request.include = std::move(include);
  request.exclude = std::move(exclude);
  return request;
}

}  // namespace batuta::pull
