#include "tests/hubsim/store/model_files.h"

#include <cstring>
#include <map>
#include <optional>

namespace batuta::hubsim {
namespace {

using nlohmann::json;

constexpr std::uint64_t kSafetensorsHeaderLimit = 25'000'000;
constexpr std::uint64_t kGgufHeaderLimit = 16ULL << 20U;
constexpr std::uint64_t kMostTensors = 100'000;

std::optional<json> SafetensorsHeader(const Content& file) {
  std::uint64_t length = 0;
  std::array<char, sizeof(length)> raw{};
  if (!file.Read(0, raw)) return std::nullopt;
  std::memcpy(&length, raw.data(), sizeof(length));
  if (length > kSafetensorsHeaderLimit || length > file.size() - sizeof(length)) return std::nullopt;
  std::string text(length, '\0');
  if (!file.Read(sizeof(length), text)) return std::nullopt;
  json header = json::parse(text, nullptr, false);
  if (!header.is_object()) return std::nullopt;
  return header;
}

void CountTensors(const json& header, std::map<std::string, std::uint64_t>& counts) {
  for (const auto& [name, tensor] : header.items()) {
    if (name == "__metadata__" || !tensor.is_object()) continue;
    const auto dtype = tensor.find("dtype");
    const auto shape = tensor.find("shape");
    if (dtype == tensor.end() || !dtype->is_string() || shape == tensor.end() || !shape->is_array()) continue;
    std::uint64_t count = 1;
    for (const json& extent : *shape) count *= extent.is_number_unsigned() ? extent.get<std::uint64_t>() : 0;
    counts[dtype->get<std::string>()] += count;
  }
}

// Value types of GGUF metadata, as the format numbers them.
enum class GgufType : std::uint32_t { kString = 8, kArray = 9 };

std::size_t ScalarBytes(std::uint32_t type) {
  constexpr std::array<std::size_t, 13> kBytes = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < kBytes.size() ? kBytes[type] : 0;
}

// Reads forward through the first bytes of a file; after a failure everything else is zero.
class ByteCursor {
 public:
  explicit ByteCursor(std::string bytes) : bytes_(std::move(bytes)) {}

  bool is_good() const { return is_good_; }

  template <typename T>
  T Take() {
    T value{};
    if (const std::string_view raw = TakeBytes(sizeof(T)); is_good_)
      std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }

  std::string_view TakeString() { return TakeBytes(Take<std::uint64_t>()); }

  std::string_view TakeBytes(std::uint64_t count) {
    if (!is_good_ || count > bytes_.size() - at_) {
      is_good_ = false;
      return {};
    }
    at_ += count;
    return std::string_view(bytes_).substr(at_ - count, count);
  }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
  bool is_good_ = true;
};

struct GgufValue {
  std::string text;
  std::optional<std::uint64_t> number;
  std::vector<std::string> list;
};

GgufValue TakeArray(ByteCursor& cursor) {
  GgufValue value;
  const auto type = cursor.Take<std::uint32_t>();
  const auto count = cursor.Take<std::uint64_t>();
  if (type != static_cast<std::uint32_t>(GgufType::kString)) {
    const std::size_t each = ScalarBytes(type);
    // Nested arrays have no fixed size; nobody writes them.
    if (each == 0 || count > kGgufHeaderLimit) {
      cursor.TakeBytes(kGgufHeaderLimit * 2);
      return value;
    }
    cursor.TakeBytes(count * each);
    return value;
  }
  for (std::uint64_t i = 0; i < count && cursor.is_good(); ++i) value.list.emplace_back(cursor.TakeString());
  return value;
}

GgufValue TakeValue(ByteCursor& cursor) {
  GgufValue value;
  const auto type = cursor.Take<std::uint32_t>();
  if (type == static_cast<std::uint32_t>(GgufType::kString)) {
    value.text = cursor.TakeString();
    return value;
  }
  if (type == static_cast<std::uint32_t>(GgufType::kArray)) return TakeArray(cursor);
  const std::string_view raw = cursor.TakeBytes(ScalarBytes(type));
  std::uint64_t number = 0;
  if (cursor.is_good()) std::memcpy(&number, raw.data(), raw.size());
  value.number = number;
  return value;
}

std::uint64_t CountParameters(ByteCursor& cursor, std::uint64_t tensors) {
  std::uint64_t total = 0;
  for (std::uint64_t i = 0; i < tensors && cursor.is_good(); ++i) {
    cursor.TakeString();
    const auto dimensions = cursor.Take<std::uint32_t>();
    std::uint64_t count = 1;
    for (std::uint32_t d = 0; d < dimensions && cursor.is_good(); ++d) count *= cursor.Take<std::uint64_t>();
    cursor.Take<std::uint32_t>();
    cursor.Take<std::uint64_t>();
    if (cursor.is_good()) total += count;
  }
  return total;
}

json DescribeGguf(const std::map<std::string, GgufValue>& metadata, std::uint64_t total) {
  json facts = {{"total", total}};
  const auto find = [&metadata](const std::string& key) {
    const auto entry = metadata.find(key);
    return entry == metadata.end() ? GgufValue{} : entry->second;
  };
  const std::string architecture = find("general.architecture").text;
  if (!architecture.empty()) facts["architecture"] = architecture;
  if (const auto context = find(architecture + ".context_length").number) facts["context_length"] = *context;
  if (const std::string text = find("tokenizer.chat_template").text; !text.empty())
    facts["chat_template"] = text;
  const std::vector<std::string> tokens = find("tokenizer.ggml.tokens").list;
  for (const std::string name : {"bos", "eos"}) {
    const auto index = find("tokenizer.ggml." + name + "_token_id").number;
    if (index && *index < tokens.size()) facts[name + "_token"] = tokens[*index];
  }
  return facts;
}

json ReadGguf(const Content& file) {
  ByteCursor cursor(ReadPrefix(file, kGgufHeaderLimit));
  if (cursor.TakeBytes(4) != "GGUF") return nullptr;
  cursor.Take<std::uint32_t>();
  const auto tensors = cursor.Take<std::uint64_t>();
  const auto pairs = cursor.Take<std::uint64_t>();
  if (tensors > kMostTensors) return nullptr;
  std::map<std::string, GgufValue> metadata;
  for (std::uint64_t i = 0; i < pairs && cursor.is_good(); ++i) {
    std::string key(cursor.TakeString());
    metadata[std::move(key)] = TakeValue(cursor);
  }
  if (!cursor.is_good()) return nullptr;
  const std::uint64_t total = CountParameters(cursor, tensors);
  return DescribeGguf(metadata, total);
}

}  // namespace

json SafetensorsFacts(const Tree& tree) {
  std::map<std::string, std::uint64_t> counts;
  for (const auto& [path, node] : tree) {
    if (node.is_directory || !path.ends_with(".safetensors")) continue;
    if (const std::optional<json> header = SafetensorsHeader(*node.content)) CountTensors(*header, counts);
  }
  if (counts.empty()) return nullptr;
  std::uint64_t total = 0;
  for (const auto& [dtype, count] : counts) total += count;
  return {{"parameters", counts}, {"total", total}};
}

json GgufFacts(const Tree& tree) {
  for (const auto& [path, node] : tree) {
    if (node.is_directory || !path.ends_with(".gguf")) continue;
    if (json facts = ReadGguf(*node.content); !facts.is_null()) return facts;
  }
  return nullptr;
}

}  // namespace batuta::hubsim
