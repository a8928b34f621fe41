#include "daemon/safety/graph/openvino.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

#include <expat.h>
#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/base/rules.h"
#include "daemon/safety/graph/rules.h"
#include "daemon/safety/text/text.h"

namespace batuta::safety {
namespace {

constexpr size_t kMostDepth = 64;

// Of one tag or text, which the parser keeps until it is whole.
constexpr uint64_t kMostTokenBytes = 1 << 20;

struct ParserDeleter {
  void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

using Parser = std::unique_ptr<std::remove_pointer_t<XML_Parser>, ParserDeleter>;

std::optional<uint64_t> NumberOf(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// opset1 to opset99.
bool IsPublishedSet(std::string_view version) {
  constexpr std::string_view kPrefix = "opset";
  if (!version.starts_with(kPrefix)) return false;
  version.remove_prefix(kPrefix.size());
  const std::optional<uint64_t> number = NumberOf(version);
  return number && *number >= 1 && version.size() <= 2 && version.front() != '0';
}

// Names and values by turns, ended by null.
std::optional<std::string_view> Find(const XML_Char** attributes, std::string_view name) {
  for (; *attributes != nullptr; attributes += 2) {
    if (attributes[0] == name) return attributes[1];
  }
  return std::nullopt;
}

class Walk {
 public:
  // The values are held against a .bin of that size, if one is given; then nothing else is said.
  Walk(Subject& subject, std::optional<uint64_t> bin_bytes)
      : subject_(subject), bin_bytes_(bin_bytes), parser_(XML_ParserCreate(nullptr)) {
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(
        parser_.get(),
        [](void* self, const XML_Char* name, const XML_Char** attributes) {
          static_cast<Walk*>(self)->Begin(name, attributes);
        },
        [](void* self, const XML_Char*) { static_cast<Walk*>(self)->End(); });
    XML_SetStartDoctypeDeclHandler(parser_.get(),
                                   [](void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
                                     static_cast<Walk*>(self)->has_doctype_ = true;
                                   });
    // With it entities are not expanded in texts.
    XML_SetDefaultHandler(parser_.get(), [](void*, const XML_Char*, int) {});
  }

  // Until the end, or until it is clear that this is no network.
  absl::Status Run() {
    ByteReader bytes(subject_.bytes());
    while (!stopped_) {
      const std::string_view here = bytes.Window();
      RETURN_IF_ERROR(bytes.status());
      const bool is_last = bytes.left_bytes() == here.size();
      if (XML_Parse(parser_.get(), here.data(), static_cast<int>(here.size()), is_last ? 1 : 0) !=
          XML_STATUS_OK) {
        if (!stopped_) Broken(XML_ErrorString(XML_GetErrorCode(parser_.get())));
        break;
      }
      bytes.Skip(here.size());
      if (is_last) break;
      if (bytes.offset() - Offset() > kMostTokenBytes) TooComplex("a tag longer than any model has");
    }
    return absl::OkStatus();
  }

  // Some other markup.
  bool is_other() const { return is_other_; }

 private:
  void Begin(std::string_view name, const XML_Char** attributes) {
    // A parser that was stopped still tells what it has seen before.
    if (stopped_) return;
    if (open_.empty()) {
      is_other_ = name != "net";
      if (is_other_) return Stop();
      subject_.SetFormat("openvino");
      if (has_doctype_) Broken("a document type, which may hold entities");
    }
    if (open_.size() >= kMostDepth) return TooComplex("elements inside each other, too deep for a model");
    const bool is_constant = name == "layer" && Find(attributes, "type") == "Const";
    if (name == "layer") JudgeLayer(attributes);
    if (name == "data" && !open_.empty() && open_.back()) JudgeData(attributes);
    open_.push_back(is_constant);
  }

  void End() {
    if (!open_.empty()) open_.pop_back();
  }

  void JudgeLayer(const XML_Char** attributes) {
    const std::string_view version = Find(attributes, "version").value_or("");
    if (IsPublishedSet(version)) return;
    const std::string_view type = Find(attributes, "type").value_or("");
    if (version == "extension") {
      Add(rules::kOpenvinoExtension, fmt::format("the layer {} needs a native library", Quoted(type)));
    } else {
      Add(rules::kOpenvinoOpset,
          fmt::format("the layer {} is of the unknown set {}", Quoted(type), Quoted(version)));
    }
  }

  void JudgeData(const XML_Char** attributes) {
    const std::optional<uint64_t> offset = NumberOf(Find(attributes, "offset").value_or(""));
    const std::optional<uint64_t> size_bytes = NumberOf(Find(attributes, "size").value_or(""));
    uint64_t end = 0;
    if (!offset || !size_bytes || __builtin_add_overflow(*offset, *size_bytes, &end)) {
      Add(rules::kOpenvinoData, "a constant does not say where its values are");
    } else if (bin_bytes_ && end > *bin_bytes_) {
      subject_.Add(rules::kOpenvinoData, Offset(),
                   fmt::format("values end at {} of {} bytes that are beside it", end, *bin_bytes_));
    }
  }

  uint64_t Offset() const {
    return static_cast<uint64_t>(std::max<XML_Index>(0, XML_GetCurrentByteIndex(parser_.get())));
  }

  void Add(const Rule& rule, std::string_view text) {
    if (!bin_bytes_) subject_.Add(rule, Offset(), text);
  }

  void Broken(std::string_view text) { Add(rules::kOpenvinoInvalid, text); }

  void TooComplex(std::string_view text) {
    Add(rules::kTooComplex, text);
    Stop();
  }

  void Stop() {
    stopped_ = true;
    XML_StopParser(parser_.get(), XML_FALSE);
  }

  Subject& subject_;
  std::optional<uint64_t> bin_bytes_;
  Parser parser_;
  std::vector<bool> open_;  // elements: is it a constant?
  bool has_doctype_ = false;
  bool is_other_ = false;
  bool stopped_ = false;
};

}  // namespace

absl::Status InspectOpenvino(Subject& subject) {
  subject.SetFormat("markup");
  Walk walk(subject, std::nullopt);
  RETURN_IF_ERROR(walk.Run());
  return walk.is_other() ? InspectText(subject, TextKind::kMarkup) : absl::OkStatus();
}

absl::Status InspectOpenvinoData(Subject& subject, uint64_t size_bytes) {
  return Walk(subject, size_bytes).Run();
}

}  // namespace batuta::safety
