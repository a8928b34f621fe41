#include "daemon/safety/graph/tensorflow.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/safety/base/rules.h"
#include "daemon/safety/graph/keras_config.h"
#include "daemon/safety/graph/protobuf_reader.h"
#include "daemon/safety/graph/rules.h"
#include "daemon/safety/graph/side_file.h"
#include "daemon/safety/graph/tensorflow_ops.h"
#include "daemon/safety/graph/tensorflow_schema.h"

namespace batuta::safety {
namespace {

using tensorflow::Message;
using tensorflow::Op;
using Field = ProtobufReader::Field;

// Kept of a name, a path or the like; those that matter are shorter.
constexpr uint64_t kTextBytes = 512;

// Graphs inside the constants of graphs.
constexpr int kMostPacked = 8;

// And of all in one file; each takes far longer than the bytes it has.
constexpr size_t kMostRoots = 10'000;

// Of the inputs of a node, the first.
constexpr size_t kInputs = 2;

// Operations that may name a file.
constexpr struct {
  std::string_view op;
  std::string_view attribute;  // where it is named, or else in the second input
  bool in_assets = false;      // the file may be one of the model's own
} kPaths[] = {
    {"CacheDataset", "", false},
    {"CacheDatasetV2", "", false},
    {"InitializeTableFromTextFile", "", true},
    {"InitializeTableFromTextFileV2", "", true},
    {"DecodeProtoV2", "descriptor_source", false},
    {"EncodeProto", "descriptor_source", false},
    {"FixedUnigramCandidateSampler", "vocab_file", false},
    {"PrintV2", "output_stream", false},
};

// Does that text lead to a file, as such an attribute or input is read?
bool IsPath(std::string_view attribute, std::string_view text) {
  if (attribute == "descriptor_source")
    return text != "local://" && !text.starts_with("bytes://") && !text.empty();
  if (attribute == "output_stream") return text.starts_with("file:");
  return !text.empty();
}

bool IsAsset(std::string_view path) {
  // Of a longer one the end is not known.
  return path.starts_with("assets/") && path.size() < kTextBytes && SideFileProblem(path).empty();
}

// A message that is the file, or is packed into a string of it.
struct Root {
  Message message = Message::kGraph;
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
  int packed = 0;  // graphs around it
};

struct Attribute {
  std::string name;
  std::optional<std::string> text = {};  // of a string, or of the first in a tensor
};

struct Node {
  std::string name;
  std::string op;
  uint64_t offset = 0;
  std::vector<std::string> inputs;
  std::vector<Attribute> attributes;  // those that say a path or a constant
};

// An operation that reads the file which one of its inputs names.
struct PathInput {
  std::string op;
  std::string node;  // which gives the name
  uint64_t offset = 0;
  bool in_assets = false;
};

// The nodes of one graph or function that matter for those.
struct Scope {
  absl::flat_hash_map<std::string, std::string> constants;
  std::vector<PathInput> paths;
};

// What describes an object to Keras, and where.
struct Config {
  std::string kind;
  uint64_t offset = 0;
  uint64_t size_bytes = 0;
};

// What may be an attribute of interest.
bool MayHoldPath(std::string_view attribute) {
  return attribute == "value" || attribute == "descriptor_source" || attribute == "output_stream" ||
         attribute == "vocab_file";
}

// "name:output:0" and "^name" lead to the node "name".
std::string NodeOf(std::string_view input) {
  if (input.starts_with('^')) input.remove_prefix(1);
  return std::string(input.substr(0, input.find(':')));
}

// Goes through one message and all that are inside it, but for those that are packed into its strings: they
// are added to `roots`.
class Walk {
 public:
  Walk(Subject& subject, const Root& root, std::vector<Root>& roots)
      : subject_(subject),
        root_(root),
        roots_(roots),
        bytes_(subject.bytes(), root.offset, root.size_bytes),
        reader_(bytes_),
        left_bytes_(subject.limits().memory_bytes / 2) {}

  absl::Status Run() {
    if (root_.message == Message::kNode) scopes_.emplace_back();
    Open(root_.message);
    Field field;
    while (!stopped_ && status_.ok()) {
      if (reader_.Next(field)) {
        Visit(field);
        continue;
      }
      if (!reader_.problem().empty() || !reader_.status().ok()) break;
      Close();
      if (reader_.depth() == 0) break;
      reader_.Leave();
    }
    RETURN_IF_ERROR(status_);
    RETURN_IF_ERROR(reader_.status());
    if (!stopped_ && !reader_.complete()) Broken(reader_.offset(), reader_.problem());
    if (!scopes_.empty()) CloseScope(true);
    Finish();
    return absl::OkStatus();
  }

 private:
  void Open(Message message);
  void Close();
  void Visit(const Field& field);
  void VisitText(Message message, const Field& field);
  void VisitString(const Field& field);

  void CloseAttribute();
  void CloseNode();
  void CloseScope(bool is_function);
  void CloseConfig();
  void Finish();

  void JudgeOperation(std::string_view name, uint64_t offset);
  void JudgeFunction(std::string_view name, uint64_t offset);
  void JudgeAsset(std::string_view name, const Field& field);

  // The beginning of the field that was just given, as text.
  std::string Text(uint64_t most_bytes = kTextBytes) {
    std::string text;
    reader_.Text(most_bytes, text);
    return text;
  }

  // Of the node at hand; null when it has none of that name.
  const Attribute* FindAttribute(std::string_view name) const {
    for (const Attribute& attribute : node_.attributes) {
      if (attribute.name == name) return &attribute;
    }
    return nullptr;
  }

  // Before something is kept until the end.
  bool Keep(uint64_t bytes) {
    constexpr uint64_t kOverheadBytes = 64;
    if (stopped_) return false;
    if (left_bytes_ < bytes + kOverheadBytes) {
      Add(rules::kTooComplex, reader_.offset(), "more names than any model has");
      stopped_ = true;
      return false;
    }
    left_bytes_ -= bytes + kOverheadBytes;
    return true;
  }

  void Add(const Rule& rule, uint64_t offset, std::string_view text) {
    subject_.Add(
        rule, root_.offset + offset,
        root_.packed > 0 ? fmt::format("in a graph inside a constant: {}", text) : std::string(text));
  }

  void Broken(uint64_t offset, std::string_view text) { Add(rules::kTensorflowInvalid, offset, text); }

  Subject& subject_;
  const Root root_;
  std::vector<Root>& roots_;
  PartSource bytes_;
  ProtobufReader reader_;
  uint64_t left_bytes_;
  bool stopped_ = false;
  absl::Status status_;  // of an inspection inside

  std::vector<Message> open_;
  std::vector<Scope> scopes_;
  std::vector<Attribute> attributes_;
  Node node_;
  Config config_;
  uint64_t tensor_type_ = 0;
  bool has_graph_ = false;

  absl::flat_hash_set<std::string> functions_;
  std::map<std::string, uint64_t, std::less<>>
      customs_;                              // operations of no registry, where they are met first
  absl::flat_hash_set<std::string> assets_;  // nodes that give the name of a file of the model
  std::vector<PathInput> paths_;             // that are fine only if one of those names them
};

void Walk::Open(Message message) {
  open_.push_back(message);
  switch (message) {
    case Message::kGraph:
      has_graph_ = true;
      scopes_.emplace_back();
      break;
    case Message::kFunction:
      scopes_.emplace_back();
      break;
    case Message::kNode:
      node_ = {.name = {}, .op = {}, .offset = reader_.offset(), .inputs = {}, .attributes = {}};
      break;
    case Message::kAttribute:
      attributes_.emplace_back();
      break;
    case Message::kTensor:
      tensor_type_ = 0;
      break;
    case Message::kUserObject:
    case Message::kKerasNode:
      config_ = {};
      break;
    default:
      break;
  }
}

void Walk::Close() {
  const Message message = open_.back();
  open_.pop_back();
  switch (message) {
    case Message::kSavedModel:
    case Message::kMetaGraph:
      if (!has_graph_) Broken(reader_.offset(), "a model without a graph");
      break;
    case Message::kGraph:
      CloseScope(false);
      break;
    case Message::kFunction:
      CloseScope(true);
      break;
    case Message::kNode:
      CloseNode();
      break;
    case Message::kAttribute:
      CloseAttribute();
      break;
    case Message::kUserObject:
    case Message::kKerasNode:
      CloseConfig();
      break;
    default:
      break;
  }
}

void Walk::Visit(const Field& field) {
  const Message message = open_.back();
  if (!tensorflow::HasField(message, field)) {
    Broken(field.offset, fmt::format("a field {} where none of that kind is", field.number));
  } else if (const std::optional<Message> inner = tensorflow::MessageIn(message, field.number)) {
    if (!field.is_bytes()) {
      Broken(field.offset, "a number where a message is expected");
    } else if (reader_.Enter()) {
      Open(*inner);
    }
  } else if (field.is_bytes()) {
    VisitText(message, field);
  } else if (message == Message::kTensor && field.number == 1) {
    tensor_type_ = field.value;
  }
}

void Walk::VisitText(Message message, const Field& field) {
  constexpr uint64_t kStringType = 7;
  const uint32_t number = field.number;
  switch (message) {
    case Message::kNode:
      if (number == 1) {
        node_.name = Text();
      } else if (number == 2) {
        node_.op = Text();
        JudgeOperation(node_.op, field.offset);
      } else if (number == 3 && node_.inputs.size() < kInputs) {
        node_.inputs.push_back(Text());
      }
      break;
    case Message::kSignature:
      if (number == 1 && Keep(field.size_bytes)) functions_.insert(Text());
      break;
    case Message::kFunctionValue:
      if (number == 1) JudgeFunction(Text(), field.offset);
      break;
    case Message::kAttribute:
      if (number == 1) attributes_.back().name = Text();
      break;
    case Message::kValue:
    case Message::kList:
      if (number == 2) VisitString(field);
      break;
    case Message::kTensor:
      if (number == 8) VisitString(field);
      if (number == 4 && tensor_type_ == kStringType && field.size_bytes > 0) {
        Add(rules::kTensorflowUnsupported, field.offset, "strings packed into one");
      }
      break;
    case Message::kAsset:
      if (number == 2) JudgeAsset(Text(kMostSideFileBytes), field);
      break;
    case Message::kAssetTensor:
      if (number == 1 && Keep(field.size_bytes)) assets_.insert(NodeOf(Text()));
      break;
    case Message::kUserObject:
      if (number == 1) config_.kind = Text();
      if (number == 3) {
        config_.offset = field.offset;
        config_.size_bytes = field.size_bytes;
      }
      break;
    case Message::kKerasNode:
      if (number == 4) config_.kind = Text();
      if (number == 5) {
        config_.offset = field.offset;
        config_.size_bytes = field.size_bytes;
      }
      break;
    default:
      break;
  }
}

// A string of an attribute or a constant: a path, or a graph, or mere text.
void Walk::VisitString(const Field& field) {
  if (!attributes_.empty() && !attributes_.back().text) attributes_.back().text = Text();
  const absl::StatusOr<bool> is_graph = [&]() -> absl::StatusOr<bool> {
    // The smallest has a node with a name and an operation of one letter.
    constexpr uint64_t kLeastBytes = 5;
    if (field.size_bytes < kLeastBytes) return false;
    PartSource part(bytes_, field.offset, field.size_bytes);
    return tensorflow::IsGraph(part);
  }();
  if (!is_graph.ok()) {
    status_ = is_graph.status();
  } else if (*is_graph && root_.packed >= kMostPacked) {
    Add(rules::kTooComplex, field.offset, "graphs inside each other, too deep to be looked into");
  } else if (*is_graph && roots_.size() >= kMostRoots) {
    Add(rules::kTooComplex, field.offset, "more graphs inside constants than any model has");
    stopped_ = true;
  } else if (*is_graph) {
    roots_.push_back({.message = Message::kGraph,
                      .offset = root_.offset + field.offset,
                      .size_bytes = field.size_bytes,
                      .packed = root_.packed + 1});
  }
}

void Walk::CloseAttribute() {
  Attribute attribute = std::move(attributes_.back());
  attributes_.pop_back();
  if (open_.back() != Message::kNode || !attribute.text || !MayHoldPath(attribute.name)) return;
  if (FindAttribute(attribute.name) != nullptr) {
    Broken(reader_.offset(), "an attribute that stands twice");
    return;
  }
  node_.attributes.push_back(std::move(attribute));
}

void Walk::CloseNode() {
  if (node_.op.empty()) Broken(node_.offset, "a node without an operation");
  Scope& scope = scopes_.back();
  const Attribute* const value = FindAttribute("value");
  if (node_.op == "Const" && value != nullptr && Keep(node_.name.size() + value->text->size())) {
    const bool is_new = scope.constants.emplace(node_.name, *value->text).second;
    if (!is_new) Broken(node_.offset, "two nodes of one name");
  }
  for (const auto& row : kPaths) {
    if (row.op != node_.op) continue;
    if (row.attribute.empty()) {
      if (!Keep(kTextBytes)) return;
      const std::string input = node_.inputs.size() < kInputs ? "" : NodeOf(node_.inputs[1]);
      scope.paths.push_back(
          {.op = node_.op, .node = input, .offset = node_.offset, .in_assets = row.in_assets});
    } else if (const Attribute* const path = FindAttribute(row.attribute);
               path != nullptr && IsPath(row.attribute, *path->text)) {
      Add(rules::kTensorflowFile, node_.offset,
          fmt::format("{} uses the file {}", node_.op, Quoted(*path->text)));
    }
  }
}

void Walk::CloseScope(bool is_function) {
  const Scope scope = std::move(scopes_.back());
  scopes_.pop_back();
  for (const PathInput& path : scope.paths) {
    const auto constant = scope.constants.find(path.node);
    const bool is_known = constant != scope.constants.end();
    if (is_known && (path.in_assets ? IsAsset(constant->second) : constant->second.empty())) continue;
    if (is_known && path.in_assets && !is_function) {
      paths_.push_back(path);
    } else {
      Add(rules::kTensorflowFile, path.offset,
          fmt::format(
              "{} uses {}", path.op,
              is_known ? fmt::format("the file {}", Quoted(constant->second)) : "a file that it is told"));
    }
  }
}

void Walk::CloseConfig() {
  // Objects of other kinds have no text, or none that is loaded.
  if (!config_.kind.starts_with("_tf_keras") || config_.size_bytes == 0) return;
  PartSource part(bytes_, config_.offset, config_.size_bytes);
  status_ = subject_.InspectAs("metadata", part, InspectKerasConfig);
}

void Walk::Finish() {
  for (const PathInput& path : paths_) {
    if (assets_.contains(path.node)) continue;
    Add(rules::kTensorflowFile, path.offset,
        fmt::format("{} uses a file that is no asset of the model", path.op));
  }
  for (const auto& [name, offset] : customs_) {
    if (functions_.contains(name)) continue;
    Add(rules::kTensorflowCustom, offset, fmt::format("needs the operation {} of a native library", name));
  }
}

void Walk::JudgeOperation(std::string_view name, uint64_t offset) {
  if (!tensorflow::IsOperationName(name)) {
    Broken(offset, fmt::format("{} is no name of an operation", Quoted(name)));
    return;
  }
  switch (tensorflow::OpOf(name)) {
    case Op::kPlain:
      break;
    case Op::kProgram:
      Add(rules::kTensorflowProgram, offset, fmt::format("{} runs a program", name));
      break;
    case Op::kFile:
      Add(rules::kTensorflowFile, offset, fmt::format("{} reads or writes files", name));
      break;
    case Op::kNetwork:
      Add(rules::kTensorflowNetwork, offset, fmt::format("{} talks to other machines", name));
      break;
    case Op::kCustom:
      if (!customs_.contains(name) && Keep(name.size())) customs_.emplace(name, offset);
      break;
  }
}

// Functions have names of their own; one that is called like an operation which is refused is up to
// something.
void Walk::JudgeFunction(std::string_view name, uint64_t offset) {
  const Op op = tensorflow::OpOf(name);
  if (op != Op::kPlain && op != Op::kCustom) JudgeOperation(name, offset);
}

// The name of a file in the folder of assets.
void Walk::JudgeAsset(std::string_view name, const Field& field) {
  if (field.size_bytes <= kMostSideFileBytes && SideFileProblem(name).empty()) return;
  Add(rules::kTensorflowFile, field.offset, fmt::format("takes {} for an asset", Quoted(name)));
}

std::string_view FormatOf(Message root) {
  switch (root) {
    case Message::kSavedModel:
      return "tensorflow saved model";
    case Message::kGraph:
      return "tensorflow graph";
    case Message::kKerasMetadata:
      return "keras metadata";
    case Message::kFingerprint:
      return "tensorflow fingerprint";
    default:
      return "tensorflow meta graph";
  }
}

absl::Status InspectRoot(Subject& subject, Message message) {
  std::vector<Root> roots = {{.message = message, .size_bytes = subject.size_bytes()}};
  for (size_t i = 0; i < roots.size(); ++i) {
    RETURN_IF_ERROR(Walk(subject, Root(roots[i]), roots).Run());
  }
  return absl::OkStatus();
}

}  // namespace

bool IsTensorflow(std::string_view first) {
  // Field 1, a number or a message, or field 2, a message.
  return first.starts_with('\x08') || first.starts_with('\x0A') || first.starts_with('\x12');
}

absl::Status InspectTensorflow(Subject& subject) {
  ASSIGN_OR_RETURN(const std::optional<Message> message, tensorflow::RootOf(subject.bytes()));
  if (!message) {
    subject.SetFormat("tensorflow");
    subject.Add(rules::kTensorflowInvalid, 0, "no model, graph or metadata of TensorFlow");
    return absl::OkStatus();
  }
  subject.SetFormat(FormatOf(*message));
  return InspectRoot(subject, *message);
}

absl::Status InspectTensorflowNode(Subject& subject) {
  subject.SetFormat("tensorflow node");
  return InspectRoot(subject, Message::kNode);
}

}  // namespace batuta::safety
