#include "daemon/safety/graph/onnx.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common/text/human.h"
#include "daemon/safety/base/arithmetic.h"
#include "daemon/safety/base/rules.h"
#include "daemon/safety/graph/onnx_schema.h"
#include "daemon/safety/graph/protobuf_reader.h"
#include "daemon/safety/graph/rules.h"
#include "daemon/safety/graph/side_file.h"

namespace batuta::safety {
namespace {

using onnx::Message;
using Wire = ProtobufReader::Wire;

constexpr uint64_t kMostNameBytes = kMostSideFileBytes;
constexpr size_t kMostKept = 10'000;  // operators of other domains, files with data
constexpr uint64_t kMostSigned = (uint64_t{1} << 63U) - 1;

std::string_view MessageName(Message message) {
  switch (message) {
    case Message::kModel:
      return "the model";
    case Message::kGraph:
      return "a graph";
    case Message::kNode:
      return "a node";
    case Message::kAttribute:
      return "an attribute";
    case Message::kTensor:
      return "a tensor";
    case Message::kSparse:
      return "a sparse tensor";
    case Message::kFunction:
      return "a function";
    case Message::kTraining:
      return "the training";
    case Message::kExternal:
      return "the place of a tensor's data";
    case Message::kOther:
      break;
  }
  return "a message";
}

// A message that is being read.
struct Frame {
  Message message = Message::kModel;
  uint64_t offset = 0;
  uint64_t seen = 0;   // bits by number, of the fields that stand once
  std::string name;    // of an operator, a function or an attribute
  std::string domain;  // of the operator or function
  std::string text;    // of an attribute
  uint64_t number = 0;
  std::string context;  // of an operator: compiled code, or a path to it
  bool has_context_path = false;
};

// The tensor that is being read; tensors have none inside of them.
struct Tensor {
  uint64_t type = 0;
  uint64_t elements = 1;
  bool is_countable = true;
  bool is_part = false;
  bool is_external = false;
  std::optional<uint64_t> raw_bytes;
  std::string name;
  std::string key;    // of the external entry at hand
  std::string value;  // of it
  std::map<std::string, std::string, std::less<>> external;
};

std::optional<uint64_t> Decimal(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class Inspection {
 public:
  explicit Inspection(Subject& subject) : subject_(subject), reader_(subject.bytes()) {}

  absl::Status Run() {
    frames_.emplace_back();
    while (!frames_.empty()) {
      ProtobufReader::Field field;
      if (reader_.Next(field)) {
        Take(field);
      } else if (reader_.problem().empty() && reader_.status().ok()) {
        End();
      } else {
        break;
      }
    }
    if (!reader_.status().ok()) return reader_.status();
    if (!reader_.problem().empty()) {
      Add(reader_.may_go_on() ? rules::kOnnxUnread : rules::kOnnxBroken, reader_.offset(),
          fmt::format("{}: {}", MessageName(frames_.back().message), reader_.problem()));
    } else if (!has_graph_) {
      Add(rules::kOnnxNoGraph, 0, "it has no graph");
    }
    CheckOperators();
    return absl::OkStatus();
  }

  // The files that hold data of its tensors, and how long each must be.
  const std::map<std::string, uint64_t>& data_files() const { return data_files_; }

 private:
  void Take(const ProtobufReader::Field& field) {
    Frame& frame = frames_.back();
    const onnx::Field* known = onnx::FindField(frame.message, field.number);
    if (known == nullptr) {
      Add(rules::kOnnxField, field.offset,
          fmt::format("field {} of {}", field.number, MessageName(frame.message)));
      return;
    }
    if (!onnx::Fits(*known, field.wire)) {
      Add(rules::kOnnxBroken, field.offset,
          fmt::format("field {} of {} is of another kind", field.number, MessageName(frame.message)));
      return;
    }
    if (!known->many) {
      const uint64_t bit = uint64_t{1} << field.number;
      if ((frame.seen & bit) != 0) {
        Add(rules::kOnnxBroken, field.offset,
            fmt::format("field {} of {} stands twice", field.number, MessageName(frame.message)));
      }
      frame.seen |= bit;
    }
    if (known->message != Message::kOther) {
      Begin(known->message, field.offset);
    } else {
      TakeValue(frame, field);
    }
  }

  void Begin(Message message, uint64_t offset) {
    if (!reader_.Enter()) return;
    if (message == Message::kGraph && frames_.size() == 1) has_graph_ = true;
    if (message == Message::kTensor) tensor_ = {};
    Frame frame;
    frame.message = message;
    frame.offset = offset;
    frames_.push_back(std::move(frame));
  }

  void TakeValue(Frame& frame, const ProtobufReader::Field& field) {
    switch (frame.message) {
      case Message::kNode:
        if (field.number == 4) Text(frame.name);
        if (field.number == 7) Text(frame.domain);
        break;
      case Message::kFunction:
        if (field.number == 1) Text(frame.name);
        if (field.number == 10) Text(frame.domain);
        break;
      case Message::kAttribute:
        if (field.number == 1) Text(frame.name);
        if (field.number == 3) frame.number = field.value;
        if (field.number == 4) Text(frame.text);
        break;
      case Message::kTensor:
        TakeOfTensor(field);
        break;
      case Message::kExternal:
        Text(field.number == 1 ? tensor_.key : tensor_.value);
        break;
      default:
        break;
    }
  }

  void TakeOfTensor(const ProtobufReader::Field& field) {
    switch (field.number) {
      case 1:
        if (field.is_varint()) {
          TakeDimension(field.value);
        } else if (reader_.Enter()) {
          for (uint64_t size = 0; reader_.NextVarint(size);) TakeDimension(size);
          reader_.Leave();
        }
        break;
      case 2:
        tensor_.type = field.value;
        break;
      case 3:
        tensor_.is_part = true;
        break;
      case 8:
        Text(tensor_.name);
        break;
      case 9:
        tensor_.raw_bytes = field.size_bytes;
        break;
      case 14:
        tensor_.is_external = field.value != 0;
        break;
      default:
        break;
    }
  }

  void TakeDimension(uint64_t size) {
    tensor_.is_countable = tensor_.is_countable && size <= kMostSigned && MultiplyBy(tensor_.elements, size);
  }

  // One byte more than there may be says that it is too long.
  void Text(std::string& text) { reader_.Text(kMostNameBytes + 1, text); }

  void End() {
    const Frame frame = std::move(frames_.back());
    frames_.pop_back();
    switch (frame.message) {
      case Message::kNode:
        EndNode(frame);
        break;
      case Message::kAttribute:
        EndAttribute(frame);
        break;
      case Message::kFunction:
        if (!onnx::IsKnownDomain(frame.domain)) Keep(functions_, frame);
        break;
      case Message::kTensor:
        EndTensor(frame.offset);
        break;
      case Message::kExternal:
        EndExternal(frame.offset);
        break;
      default:
        break;
    }
    if (!frames_.empty()) reader_.Leave();
  }

  void EndNode(const Frame& frame) {
    if (frame.name.size() > kMostNameBytes || frame.domain.size() > kMostNameBytes) {
      AddTooComplex(frame.offset);
    } else if (onnx::RunsCode(frame.name)) {
      const std::string_view problem = frame.has_context_path ? SideFileProblem(frame.context) : "";
      if (!problem.empty()) {
        Add(rules::kOnnxPath, frame.offset,
            fmt::format("compiled code is in {}, which {}", Quoted(frame.context), problem));
      }
      Add(rules::kOnnxCode, frame.offset, fmt::format("the operator {} runs code", Quoted(frame.name)));
    } else if (!onnx::IsKnownDomain(frame.domain)) {
      Keep(operators_, frame);
    }
  }

  // Compiled code (EPContext) stands in the model, or in a file beside it.
  void EndAttribute(const Frame& frame) {
    if (frames_.empty()) return;
    Frame& node = frames_.back();
    if (frame.name == "ep_cache_context") node.context = frame.text;
    if (frame.name == "embed_mode") node.has_context_path = frame.number == 0;
  }

  // Functions may stand behind the graph that calls them.
  void Keep(std::map<std::pair<std::string, std::string>, uint64_t>& operators, const Frame& frame) {
    if (operators.size() < kMostKept) {
      operators.emplace(std::pair(frame.domain, frame.name), frame.offset);
    } else {
      AddTooComplex(frame.offset);
    }
  }

  void CheckOperators() {
    for (const auto& [key, offset] : operators_) {
      if (functions_.contains(key)) continue;
      Add(rules::kOnnxDomain, offset,
          fmt::format("the operator {} of {} needs a native library or Python", Quoted(key.second),
                      Quoted(key.first)));
    }
  }

  void EndExternal(uint64_t offset) {
    if (tensor_.key == "location") {
      const std::string_view problem = SideFileProblem(tensor_.value);
      if (!problem.empty()) {
        Add(rules::kOnnxPath, offset,
            fmt::format("the data of a tensor is in {}, which {}", Quoted(tensor_.value), problem));
      }
    }
    // Others, such as a checksum, no reader acts on.
    const bool counts = tensor_.key == "location" || tensor_.key == "offset" || tensor_.key == "length";
    if (counts && !tensor_.external.emplace(tensor_.key, tensor_.value).second) {
      Add(rules::kOnnxBroken, offset, fmt::format("{} of a tensor's data stands twice", Quoted(tensor_.key)));
    }
    tensor_.key.clear();
    tensor_.value.clear();
  }

  void EndTensor(uint64_t offset) {
    const uint64_t element_bits = onnx::ElementBits(tensor_.type);
    if (element_bits == 0 && tensor_.type != onnx::kStringType) {
      return AddTensor(offset, fmt::format("is of the unknown type {}", tensor_.type));
    }
    uint64_t bits = tensor_.elements;
    if (!tensor_.is_countable || !MultiplyBy(bits, element_bits)) {
      return AddTensor(offset, "has more elements than can be counted");
    }
    if (tensor_.is_part) return AddTensor(offset, "is one part of several");
    const uint64_t bytes = bits / 8 + (bits % 8 > 0 ? 1 : 0);
    if (tensor_.is_external) return EndExternalTensor(offset, bytes);
    if (!tensor_.raw_bytes.has_value()) return;
    if (element_bits == 0) return AddTensor(offset, "holds texts as raw data");
    if (*tensor_.raw_bytes != bytes) {
      AddTensor(offset, fmt::format("has {} bytes by its shape and {} of data", bytes, *tensor_.raw_bytes));
    }
  }

  void EndExternalTensor(uint64_t offset, uint64_t bytes) {
    if (tensor_.raw_bytes.has_value()) return AddTensor(offset, "has data here and elsewhere");
    const auto location = tensor_.external.find("location");
    if (location == tensor_.external.end()) {
      Add(rules::kOnnxExternal, offset, fmt::format("tensor {} does not say where its data is", Name()));
      return;
    }
    if (!SideFileProblem(location->second).empty()) return;  // was told
    const std::optional<uint64_t> begin = External("offset", 0);
    const std::optional<uint64_t> length = External("length", bytes);
    uint64_t end = begin.value_or(0);
    if (!begin.has_value() || !length.has_value() || !AddTo(end, *length)) {
      Add(rules::kOnnxExternal, offset, fmt::format("tensor {} has data at no place", Name()));
      return;
    }
    if (*length != bytes) {
      return AddTensor(offset, fmt::format("has {} bytes by its shape and {} of data", bytes, *length));
    }
    if (data_files_.size() >= kMostKept) return AddTooComplex(offset);
    uint64_t& needed = data_files_[location->second];
    needed = std::max(needed, end);
  }

  std::optional<uint64_t> External(std::string_view key, uint64_t missing) const {
    const auto found = tensor_.external.find(key);
    return found == tensor_.external.end() ? missing : Decimal(found->second);
  }

  std::string Name() const { return tensor_.name.empty() ? "without a name" : Quoted(tensor_.name); }

  void AddTensor(uint64_t offset, std::string_view what) {
    Add(rules::kOnnxTensor, offset, fmt::format("tensor {} {}", Name(), what));
  }

  void AddTooComplex(uint64_t offset) {
    if (!std::exchange(is_too_complex_, true)) {
      Add(rules::kTooComplex, offset, "more operators, longer names or more files than can be looked at");
    }
  }

  void Add(const Rule& rule, uint64_t offset, std::string_view text) { subject_.Add(rule, offset, text); }

  Subject& subject_;
  ProtobufReader reader_;
  std::vector<Frame> frames_;
  Tensor tensor_;
  bool has_graph_ = false;
  bool is_too_complex_ = false;
  std::map<std::pair<std::string, std::string>, uint64_t> operators_;  // domain and name; where first
  std::map<std::pair<std::string, std::string>, uint64_t> functions_;
  std::map<std::string, uint64_t> data_files_;
};

}  // namespace

bool IsOnnx(std::string_view first) {
  // ir_version, a small number, and then another field of a model.
  if (first.size() < 3 || first[0] != '\x08' || first[1] < 1 || first[1] > 0x40) return false;
  const auto tag = static_cast<unsigned char>(first[2]);
  const onnx::Field* field = onnx::FindField(Message::kModel, tag >> 3U);
  return tag < 0x80 && field != nullptr && onnx::Fits(*field, static_cast<Wire>(tag & 7U));
}

absl::Status InspectOnnx(Subject& subject) {
  subject.SetFormat("onnx");
  return Inspection(subject).Run();
}

absl::Status InspectOnnxData(Subject& subject, OnnxDataSize size_of) {
  // What the model itself is found to be was told by InspectOnnx().
  Report unused;
  Subject model(subject.name(), subject.bytes(), unused, nullptr, subject.limits());
  Inspection inspection(model);
  if (absl::Status status = inspection.Run(); !status.ok()) return status;
  for (const auto& [path, needed] : inspection.data_files()) {
    const std::optional<uint64_t> size = size_of(path);
    if (!size.has_value()) {
      subject.Add(rules::kOnnxDataMissing, 0, fmt::format("{} is not beside it", Quoted(path)));
    } else if (*size < needed) {
      subject.Add(rules::kOnnxDataMissing, 0,
                  fmt::format("{} has {} bytes, its tensors need {}", Quoted(path), *size, needed));
    }
  }
  return absl::OkStatus();
}

}  // namespace batuta::safety
