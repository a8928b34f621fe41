#include "daemon/hub/answer_memory.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/log/log.h"
#include "common/status/status.h"

namespace batuta::hub {
namespace {

using metadata::Durability;
using metadata::Table;
using nlohmann::json;

constexpr int kLayout = 1;
constexpr std::string_view kYoungestKey = "youngest";  // sorts after the hex digits of every generation

std::string KeyIn(uint64_t generation, std::string_view key) {
  return fmt::format("{:016x}|{}", generation, key);
}

void LogTrouble(std::string_view what, const absl::Status& status) {
  LogWarn("answers of the hub", Field("trouble", what), Field("error", std::string(MessageOf(status))));
}

std::string TextMember(const json& object, std::string_view name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Whatever else the row holds: the disk may have damaged it.
bool IsOfThisLayout(const json& object) {
  if (!object.is_object()) return false;
  const auto layout = object.find("v");
  return layout != object.end() && *layout == kLayout;
}

// One line of JSON, then the body as it came.
std::string Record(const KeptAnswer& answer) {
  const json head = {{"v", kLayout},
                     {"at_ms", ToUnixMillis(answer.at)},
                     {"url", answer.url},
                     {"link", answer.link},
                     {"etag", answer.etag}};
  return head.dump(-1, ' ', true, json::error_handler_t::replace) + "\n" + answer.body;
}

std::optional<KeptAnswer> ReadRecord(std::string_view record) {
  const size_t end = record.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const json head = json::parse(record.substr(0, end), nullptr, /*allow_exceptions=*/false);
  if (!IsOfThisLayout(head) || !head.contains("at_ms") || !head["at_ms"].is_number_integer()) {
    return std::nullopt;
  }
  return KeptAnswer{.body = std::string(record.substr(end + 1)),
                    .url = TextMember(head, "url"),
                    .link = TextMember(head, "link"),
                    .etag = TextMember(head, "etag"),
                    .at = FromUnixMillis(head["at_ms"].get<int64_t>())};
}

}  // namespace

AnswerMemory::AnswerMemory(metadata::MetadataStore& store, uint64_t max_bytes)
    : store_(store), max_bytes_(max_bytes) {
  const absl::StatusOr<std::optional<std::string>> text = store_.Get(Table::kAnswers, kYoungestKey);
  if (!text.ok()) {
    LogTrouble("not read", text.status());
    return;
  }
  const std::optional<Generation> known = Decode(text->value_or(""));
  youngest_ = known.value_or(Generation());
  ForgetBefore(known ? KeyIn(known->number - 1, "") : std::string("\xff"));
}

std::string AnswerMemory::Encode(const Generation& youngest) {
  return json{{"v", kLayout}, {"generation", youngest.number}, {"bytes", youngest.bytes}}.dump();
}

std::optional<AnswerMemory::Generation> AnswerMemory::Decode(std::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!IsOfThisLayout(object)) return std::nullopt;
  for (const char* name : {"generation", "bytes"}) {
    if (!object.contains(name) || !object[name].is_number_unsigned()) return std::nullopt;
  }
  return Generation{object["generation"].get<uint64_t>(), object["bytes"].get<uint64_t>()};
}

uint64_t AnswerMemory::youngest() {
  MutexLock lock(mutex_);
  return youngest_.number;
}

std::optional<KeptAnswer> AnswerMemory::Find(std::string_view key) {
  const uint64_t newest = youngest();
  for (const uint64_t generation : {newest, newest - 1}) {
    const auto record = store_.Get(Table::kAnswers, KeyIn(generation, key));
    if (!record.ok()) {
      LogTrouble("not read", record.status());
      return std::nullopt;
    }
    if (record->has_value()) return ReadRecord(**record);
  }
  return std::nullopt;
}

AnswerMemory::Generation AnswerMemory::MakeRoomFor(uint64_t added_bytes, uint64_t replaced_bytes,
                                                   bool* begins_generation) {
  MutexLock lock(mutex_);
  youngest_.bytes -= std::min(youngest_.bytes, replaced_bytes);
  *begins_generation = youngest_.bytes + added_bytes > max_bytes_ / 2;
  if (*begins_generation) youngest_ = {youngest_.number + 1, 0};
  youngest_.bytes += added_bytes;
  return youngest_;
}

void AnswerMemory::Keep(std::string_view key, const KeptAnswer& answer) {
  if (answer.body.size() > kMaxBodyBytes) return;
  const std::string record = Record(answer);
  const uint64_t added_bytes = record.size() + KeyIn(0, key).size();
  if (added_bytes > max_bytes_ / 2) return;

  const uint64_t newest = youngest();
  const auto replaced = store_.Get(Table::kAnswers, KeyIn(newest, key));
  const uint64_t replaced_bytes =
      replaced.ok() && replaced->has_value() ? (*replaced)->size() + KeyIn(0, key).size() : 0;

  bool begins_generation = false;
  const Generation into = MakeRoomFor(added_bytes, replaced_bytes, &begins_generation);
  metadata::WriteBatch batch;
  batch.Put(Table::kAnswers, KeyIn(into.number, key), record);
  batch.Put(Table::kAnswers, std::string(kYoungestKey), Encode(into));
  const absl::Status status = store_.Write(batch, Durability::kProcess);
  if (!status.ok()) LogTrouble("not kept", status);
  if (begins_generation) ForgetBefore(KeyIn(into.number - 1, ""));
}

void AnswerMemory::Forget(std::string_view key) {
  const uint64_t newest = youngest();
  metadata::WriteBatch batch;
  for (const uint64_t generation : {newest, newest - 1}) {
    batch.Delete(Table::kAnswers, KeyIn(generation, key));
  }
  const absl::Status status = store_.Write(batch, Durability::kProcess);
  if (!status.ok()) LogTrouble("not forgotten", status);
}

// In pieces: a generation may hold very many keys.
void AnswerMemory::ForgetBefore(std::string_view end_key) {
  constexpr size_t kPiece = 1'000;
  for (bool is_done = false; !is_done;) {
    metadata::WriteBatch batch;
    is_done = true;
    absl::Status status =
        store_.Scan(Table::kAnswers, {}, [&](std::string_view key, std::string_view /*record*/) {
          if (key >= end_key) return false;
          batch.Delete(Table::kAnswers, std::string(key));
          is_done = batch.changes().size() < kPiece;
          return is_done;
        });
    if (status.ok() && !batch.changes().empty()) status = store_.Write(batch, Durability::kProcess);
    if (!status.ok()) return LogTrouble("not cleared away", status);
  }
}

}  // namespace batuta::hub
