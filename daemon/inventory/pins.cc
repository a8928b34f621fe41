#include "daemon/inventory/pins.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/status/status.h"

namespace batuta::inventory {
namespace {

constexpr std::string_view kHead =
    "# What batuta never evicts. TYPE REPO COMMIT-or-* SINCE [uid=OWNER] WHY\n";

constexpr std::string_view kOwner = "uid=";

std::string_view NextWord(std::string_view* rest) {
  const size_t begin = std::min(rest->find_first_not_of(" \t"), rest->size());
  rest->remove_prefix(begin);
  const size_t end = std::min(rest->find_first_of(" \t"), rest->size());
  const std::string_view word = rest->substr(0, end);
  rest->remove_prefix(end);
  return word;
}

std::optional<uint32_t> ParseOwner(std::string_view word) {
  uint32_t uid = 0;
  if (!word.starts_with(kOwner)) return std::nullopt;
  word.remove_prefix(kOwner.size());
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), uid);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return uid;
}

std::optional<Pin> ParseLine(std::string_view line) {
  const auto type = ParseRepoType(NextWord(&line));
  if (!type.ok()) return std::nullopt;
  auto repo = RepoId::Parse(*type, NextWord(&line));
  if (!repo.ok()) return std::nullopt;
  Pin pin{*std::move(repo), std::nullopt};
  if (const std::string_view commit = NextWord(&line); commit != "*") {
    auto parsed = CommitId::Parse(commit);
    if (!parsed.ok()) return std::nullopt;
    pin.commit = *std::move(parsed);
  }
  pin.since = NextWord(&line);
  std::string_view behind_owner = line;
  if (const auto owner = ParseOwner(NextWord(&behind_owner))) {
    pin.owner = owner;
    line = behind_owner;
  }
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  pin.reason = line;
  return pin;
}

std::string LineOf(const Pin& pin) {
  const std::string owner = pin.owner ? fmt::format("{}{} ", kOwner, *pin.owner) : std::string();
  return fmt::format("{} {} {} {} {}{}\n", ToString(pin.repo.type()), pin.repo.id(),
                     pin.commit ? pin.commit->hex() : "*", pin.since, owner, pin.reason);
}

// The reason is one line, whatever was given.
std::string OneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Pins>> Pins::Load(std::filesystem::path path, FileSystem& files) {
  std::unique_ptr<Pins> pins(new Pins(std::move(path), files));
  const auto text = ReadSmallFile(files, pins->path_);
  if (absl::IsNotFound(text.status())) return pins;
  RETURN_IF_ERROR(text.status());
  MutexLock lock(pins->mutex_);
  for (std::string_view rest = *text; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (auto pin = ParseLine(line)) {
      pins->pins_.push_back(*std::move(pin));
    } else if (!line.empty() && line != kHead.substr(0, kHead.size() - 1)) {
      pins->foreign_lines_.emplace_back(line);
    }
  }
  return pins;
}

absl::Status Pins::Add(Pin pin) {
  MutexLock writing(writing_);
  std::vector<Pin> pins = All();
  std::erase_if(pins, [&pin](const Pin& known) {
    return known.repo == pin.repo && known.commit == pin.commit && known.owner == pin.owner;
  });
  pin.reason = OneLine(std::move(pin.reason));
  pins.push_back(std::move(pin));
  return Write(pins);
}

absl::StatusOr<size_t> Pins::Remove(const RepoId& repo, const std::optional<CommitId>& commit,
                                    const std::optional<uint32_t>& owner) {
  MutexLock writing(writing_);
  std::vector<Pin> pins = All();
  const size_t removed = std::erase_if(pins, [&](const Pin& known) {
    return known.repo == repo && (!commit || known.commit == commit) && (!owner || known.owner == owner);
  });
  if (removed > 0) RETURN_IF_ERROR(Write(pins));
  return removed;
}

std::optional<std::string> Pins::Of(const RepoId& repo, const CommitId& commit) const {
  MutexLock lock(mutex_);
  for (const Pin& pin : pins_) {
    if (pin.repo == repo && (!pin.commit || *pin.commit == commit)) return pin.reason;
  }
  return std::nullopt;
}

std::vector<Pin> Pins::All() const {
  MutexLock lock(mutex_);
  return pins_;
}

absl::Status Pins::Write(const std::vector<Pin>& pins) {
  std::string text(kHead);
  for (const std::string& line : foreign_lines_) text.append(line).push_back('\n');
  for (const Pin& pin : pins) text += LineOf(pin);
  RETURN_IF_ERROR(ReplaceFile(files_, path_, text));
  MutexLock lock(mutex_);
  pins_ = pins;
  return absl::OkStatus();
}

}  // namespace batuta::inventory
