#include "daemon/hub/commit_body.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <variant>

#include "absl/strings/escaping.h"
#include <fmt/core.h>

#include "nlohmann/json.hpp"

namespace batuta::hub {

using nlohmann::json;

namespace {

// Whole groups of three bytes, so that the base64 of the pieces is that of the whole.
constexpr size_t kPieceBytes = size_t{48} << 10;
static_assert(kPieceBytes % 3 == 0);

std::string Text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

uint64_t Base64Bytes(uint64_t bytes) {
  return (bytes + 2) / 3 * 4;
}

}  // namespace

CommitBody::CommitBody(std::shared_ptr<const CommitRequest> commit) : commit_(std::move(commit)) {
  for (size_t number = 0; number <= commit_->changes.size(); ++number) {
    const Line line = LineOf(number);
    size_bytes_ += line.before.size() + Base64Bytes(line.content.size()) + line.behind.size();
  }
}

absl::StatusOr<size_t> CommitBody::Read(std::span<std::byte> out) {
  size_t count = 0;
  while (count < out.size() && (used_ < piece_.size() || NextPiece())) {
    const size_t taken = std::min(out.size() - count, piece_.size() - used_);
    std::memcpy(out.data() + count, piece_.data() + used_, taken);
    used_ += taken;
    count += taken;
  }
  return count;
}

void CommitBody::Rewind(std::function<void()>) {
  next_line_ = 0;
  line_ = {};
  piece_.clear();
  used_ = 0;
}

CommitBody::Line CommitBody::LineOf(size_t number) const {
  if (number == 0) {
    json header{{"summary", commit_->summary}, {"description", commit_->description}};
    if (commit_->parent) header["parentCommit"] = commit_->parent->hex();
    return {.before = Text({{"key", "header"}, {"value", std::move(header)}}) + "\n",
            .content = {},
            .behind = {}};
  }
  const CommitChange& change = commit_->changes[number - 1];
  if (const auto* file = std::get_if<InlineFile>(&change)) {
    return {.before = fmt::format(R"({{"key":"file","value":{{"path":{},"encoding":"base64","content":")",
                                  Text(file->path.text())),
            .content = file->content,
            .behind = "\"}}\n"};
  }
  json line;
  if (const auto* lfs = std::get_if<LfsFile>(&change)) {
    line = {{"key", "lfsFile"},
            {"value",
             {{"path", lfs->path.text()},
              {"algo", "sha256"},
              {"oid", lfs->object.sha256.hex()},
              {"size", lfs->object.size_bytes}}}};
  } else {
    line = {{"key", "deletedFile"}, {"value", {{"path", std::get<DeletedFile>(change).path.text()}}}};
  }
  return {.before = Text(line) + "\n", .content = {}, .behind = {}};
}

bool CommitBody::NextPiece() {
  used_ = 0;
  if (!line_.content.empty()) {
    const std::string_view bytes = line_.content.substr(0, kPieceBytes);
    line_.content.remove_prefix(bytes.size());
    piece_ = absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()));
    return true;
  }
  if (!line_.behind.empty()) {
    piece_ = std::exchange(line_.behind, {});
    return true;
  }
  piece_.clear();
  if (next_line_ > commit_->changes.size()) return false;
  line_ = LineOf(next_line_++);
  piece_ = std::exchange(line_.before, {});
  return true;
}

}  // namespace batuta::hub
