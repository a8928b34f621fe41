#include "daemon/safety/graph/tflite.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/safety/base/rules.h"
#include "daemon/safety/graph/appended_zip.h"
#include "daemon/safety/graph/coverage.h"
#include "daemon/safety/graph/flexbuffer.h"
#include "daemon/safety/graph/random_reader.h"
#include "daemon/safety/graph/rules.h"
#include "daemon/safety/graph/tensorflow.h"
#include "daemon/safety/graph/tensorflow_ops.h"
#include "daemon/safety/graph/tflite_schema.h"

namespace batuta::safety {
namespace {

using tflite::Layout;
using tflite::Table;

constexpr uint64_t kHeadBytes = 8;

// Between two structures there is at most what aligns the next.
constexpr uint64_t kMostPaddingBytes = 64;

// No name of an operation is longer.
constexpr uint64_t kNameBytes = 256;

// Before the name of an operation of TensorFlow.
constexpr std::string_view kFlex = "Flex";

// Of an offset, a length, and a vector's element that is one.
constexpr uint64_t kWord = 4;

// A table that is to be looked at.
struct Task {
  Table table = Table::kModel;
  uint8_t kind = 0;      // of a union
  uint32_t tensors = 0;  // of the subgraph around it
  uint64_t offset = 0;
};

// The fields of a table, by their place in the layout; 0 where one has its default.
using Fields = std::vector<uint64_t>;

// A vector: what stands behind its length.
struct Elements {
  uint64_t offset = 0;
  uint32_t count = 0;
};

size_t WidthOf(char field) {
  switch (field) {
    case 'b':
    case 'B':
      return 1;
    case 'h':
    case 'H':
      return 2;
    case 'q':
    case 'Q':
      return 8;
    default:
      return 4;
  }
}

bool IsNumber(char field) {
  return field == 'b' || field == 'h' || field == 'w' || field == 'q';
}

class Walk {
 public:
  explicit Walk(Subject& subject)
      : subject_(subject),
        reader_(subject.bytes()),
        // A model shares little, so all that is visited is hardly more than the file.
        budget_bytes_(subject.size_bytes() * 2 + (64 << 10)),
        most_tasks_(subject.limits().memory_bytes / 8 / sizeof(Task)),
        coverage_(subject.limits().memory_bytes / 4 / sizeof(Coverage::Range)) {}

  absl::Status Run() {
    uint32_t root = 0;
    if (!reader_.Read(0, root) || !Cover(0, kHeadBytes)) {
      if (reader_.status().ok()) Broken(0, "no model");
      return reader_.status();
    }
    tasks_.push_back({.offset = root});
    // In their order: operations before what uses them.
    for (size_t i = 0; i < tasks_.size() && IsGoingOn(); ++i) Visit(Task(tasks_[i]));
    if (IsGoingOn()) JudgeRest();
    RETURN_IF_ERROR(status_);
    return reader_.status();
  }

 private:
  bool IsGoingOn() const { return !stopped_ && status_.ok() && reader_.status().ok(); }

  void Visit(const Task& task);
  bool ReadFields(const Task& task, std::string_view layout, Fields& fields);
  bool VisitField(const Task& task, const Layout& layout, size_t index, size_t& inner, const Fields& fields);
  bool VisitTables(const Task& task, Table inner, uint64_t offset);

  void VisitModel(const Fields& fields);
  void VisitOperatorCode(const Fields& fields);
  void VisitOperator(const Task& task, const Fields& fields);
  void JudgeFlex(tensorflow::Op op, uint64_t offset, std::string_view name);
  void VisitFlex(uint64_t options_field, std::string_view name);
  void VisitBuffer(uint64_t offset_field, uint64_t size_field);
  void JudgeRest();
  absl::Status JudgeBehind(uint64_t end);

  // Where the reference in that field leads; 0 with a finding when it leads out of the file.
  uint64_t Follow(uint64_t field) {
    uint32_t distance = 0;
    if (!reader_.Read(field, distance) || distance == 0 || distance >= reader_.size_bytes() - field) {
      Broken(field, "an offset that leads out of the file");
      return 0;
    }
    return field + distance;
  }

  // The vector that the reference in `field` leads to, all of it in the file.
  std::optional<Elements> FindElements(uint64_t field, uint64_t width) {
    if (field == 0) return Elements{};
    const uint64_t offset = Follow(field);
    Elements elements{.offset = offset + kWord};
    if (offset == 0) return std::nullopt;
    if (!reader_.Read(offset, elements.count)) {
      Broken(offset, "a vector that ends after the file");
      return std::nullopt;
    }
    if (!Cover(offset, kWord + elements.count * width)) return std::nullopt;
    return elements;
  }

  // A number in that field, or 0.
  template <std::unsigned_integral Number>
  Number NumberIn(uint64_t field) {
    Number number = 0;
    if (field != 0) reader_.Read(field, number);
    return number;
  }

  // What belongs to a structure. False, with a finding, when it is not in the file.
  bool Cover(uint64_t offset, uint64_t count) {
    if (offset > reader_.size_bytes() || count > reader_.size_bytes() - offset) {
      return Broken(offset, "something lies outside the file");
    }
    if (count > budget_bytes_ || !coverage_.Add(offset, offset + count)) return TooComplex(offset);
    budget_bytes_ -= count;
    return true;
  }

  bool Push(const Task& task) {
    if (tasks_.size() >= most_tasks_) return TooComplex(task.offset);
    tasks_.push_back(task);
    return true;
  }

  // These are always false.
  bool Broken(uint64_t offset, std::string_view text) {
    if (reader_.status().ok()) subject_.Add(rules::kTfliteInvalid, offset, text);
    return false;
  }

  bool Unsupported(uint64_t offset, std::string_view text) {
    subject_.Add(rules::kTfliteUnsupported, offset, text);
    return false;
  }

  void Foreign(uint64_t offset, uint64_t size_bytes) {
    subject_.Add(rules::kTfliteForeign, offset,
                 fmt::format("{} bytes belong to nothing in the model", size_bytes));
  }

  bool TooComplex(uint64_t offset) {
    subject_.Add(rules::kTooComplex, offset, "more structures than any model has");
    stopped_ = true;
    return false;
  }

  Subject& subject_;
  RandomReader reader_;
  uint64_t budget_bytes_;
  size_t most_tasks_;
  Coverage coverage_;
  bool stopped_ = false;
  absl::Status status_;  // of an inspection inside
  std::vector<Task> tasks_;
  std::vector<std::string> flex_;  // by operator code: the operation of TensorFlow, "" for others
  uint32_t buffers_ = 0;
  bool has_values_behind_ = false;
};

void Walk::Visit(const Task& task) {
  const std::optional<Layout> layout =
      task.kind == 0 ? std::optional(tflite::LayoutOf(task.table)) : tflite::LayoutOf(task.table, task.kind);
  if (!layout) {
    Unsupported(task.offset, fmt::format("options of the kind {}, newer than this version knows", task.kind));
    return;
  }
  Fields fields(layout->fields.size());
  if (!ReadFields(task, layout->fields, fields)) return;
  if (task.table == Table::kModel) VisitModel(fields);
  Task inside = task;
  if (task.table == Table::kSubGraph && fields[0] != 0) {
    const std::optional<Elements> tensors = FindElements(fields[0], kWord);
    if (!tensors) return;
    inside.tensors = tensors->count;
  }
  size_t inner = 0;
  for (size_t i = 0; i < fields.size() && IsGoingOn(); ++i) {
    if (!VisitField(inside, *layout, i, inner, fields)) return;
  }
  switch (task.table) {
    case Table::kOperatorCode:
      VisitOperatorCode(fields);
      break;
    case Table::kOperator:
      VisitOperator(task, fields);
      break;
    case Table::kBuffer:
      VisitBuffer(fields[1], fields[2]);
      break;
    case Table::kTensor:
      if (NumberIn<uint32_t>(fields[2]) >= buffers_ && fields[2] != 0)
        Broken(task.offset, "a tensor without values");
      break;
    case Table::kMetadata:
      if (NumberIn<uint32_t>(fields[1]) >= buffers_) Broken(task.offset, "metadata without a value");
      break;
    case Table::kMoreOptions:
      if (task.kind == 5)
        subject_.Add(rules::kTfliteCustom, task.offset, "calls a function of a native library");
      break;
    default:
      break;
  }
}

bool Walk::ReadFields(const Task& task, std::string_view layout, Fields& fields) {
  uint32_t back = 0;
  if (!reader_.Read(task.offset, back)) return Broken(task.offset, "a table that ends after the file");
  // Signed: a table may share the list of its fields with one behind it.
  const uint64_t list = task.offset - static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(back)));
  uint16_t list_bytes = 0;
  uint16_t table_bytes = 0;
  if (list >= reader_.size_bytes() || !reader_.Read(list, list_bytes) ||
      !reader_.Read(list + 2, table_bytes) || list_bytes < 4 || list_bytes % 2 != 0 || table_bytes < 4) {
    return Broken(task.offset, "a table without a list of its fields");
  }
  if (!Cover(list, list_bytes) || !Cover(task.offset, table_bytes)) return false;
  for (size_t i = 0; i < (list_bytes - 4U) / 2; ++i) {
    uint16_t place = 0;
    if (!reader_.Read(list + 4 + 2 * i, place)) return false;
    if (place == 0) continue;
    if (i >= layout.size()) return Unsupported(task.offset, "a field that is newer than this version knows");
    const size_t width = IsNumber(layout[i]) ? WidthOf(layout[i]) : kWord;
    if (place < 4 || place + width > table_bytes) return Broken(task.offset, "a field outside its table");
    fields[i] = task.offset + place;
  }
  return true;
}

bool Walk::VisitField(const Task& task, const Layout& layout, size_t index, size_t& inner,
                      const Fields& fields) {
  const char kind = layout.fields[index];
  const Table table = kind == 'T' || kind == 'V' || kind == 'U' ? layout.inner[inner++] : Table::kModel;
  const uint64_t field = fields[index];
  if (IsNumber(kind) || field == 0) return true;
  if (kind == 'V') return VisitTables(task, table, field);
  if (kind == 'T' || kind == 'U') {
    const uint64_t offset = Follow(field);
    const uint8_t number = kind == 'U' ? NumberIn<uint8_t>(fields[index - 1]) : uint8_t{0};
    if (kind == 'U' && number == 0) return Broken(field, "options of no kind");
    return offset != 0 && Push({.table = table, .kind = number, .tensors = task.tensors, .offset = offset});
  }
  if (kind != 's') return FindElements(field, WidthOf(kind)).has_value();
  const std::optional<Elements> text = FindElements(field, 1);
  uint8_t end = 1;
  if (!text) return false;
  if (!reader_.Read(text->offset + text->count, end) || end != 0)
    return Broken(text->offset, "a text without an end");
  return Cover(text->offset + text->count, 1);
}

bool Walk::VisitTables(const Task& task, Table inner, uint64_t offset) {
  const std::optional<Elements> elements = FindElements(offset, kWord);
  if (!elements) return false;
  for (uint64_t i = 0; i < elements->count && IsGoingOn(); ++i) {
    const uint64_t table = Follow(elements->offset + i * kWord);
    if (table == 0 || !Push({.table = inner, .tensors = task.tensors, .offset = table})) return false;
  }
  return true;
}

void Walk::VisitModel(const Fields& fields) {
  constexpr uint32_t kVersion = 3;
  if (NumberIn<uint32_t>(fields[0]) != kVersion) Broken(0, "a version that no runtime loads");
  if (const std::optional<Elements> buffers = FindElements(fields[4], kWord)) buffers_ = buffers->count;
  if (fields[8] != 0 || fields[9] != 0) Unsupported(fields[8], "values that lie in other files");
}

void Walk::VisitOperatorCode(const Fields& fields) {
  // Old files have only the first of them, which is too narrow for the newer operations.
  const uint32_t code = std::max<uint32_t>(NumberIn<uint8_t>(fields[0]), NumberIn<uint32_t>(fields[3]));
  std::string name;
  if (code > tflite::kLastBuiltin) {
    Unsupported(fields[3], fmt::format("operation {}, newer than this version knows", code));
  } else if (code == tflite::kCustom) {
    const std::optional<Elements> text = FindElements(fields[1], 1);
    if (!text || !reader_.Read(text->offset, std::min<uint64_t>(text->count, kNameBytes), name)) return;
    if (!name.starts_with(kFlex)) {
      subject_.Add(rules::kTfliteCustom, fields[1],
                   fmt::format("needs the operation {} of a native library", Quoted(name)));
      name.clear();
    } else if (const tensorflow::Op op = tensorflow::OpOf(name.substr(kFlex.size()));
               op != tensorflow::Op::kPlain) {
      JudgeFlex(op, fields[1], name.substr(kFlex.size()));
    }
  }
  flex_.push_back(name);
}

// By its name; by what it runs where it is used.
void Walk::JudgeFlex(tensorflow::Op op, uint64_t offset, std::string_view name) {
  const Rule& rule = op == tensorflow::Op::kFile      ? rules::kTensorflowFile
                     : op == tensorflow::Op::kNetwork ? rules::kTensorflowNetwork
                     : op == tensorflow::Op::kProgram ? rules::kTensorflowProgram
                                                      : rules::kTensorflowCustom;
  subject_.Add(rule, offset, fmt::format("needs the operation {} of TensorFlow", Quoted(name)));
}

void Walk::VisitOperator(const Task& task, const Fields& fields) {
  const uint32_t code = NumberIn<uint32_t>(fields[0]);
  if (code >= flex_.size()) {
    Broken(task.offset, "an operation that is not listed");
    return;
  }
  for (const uint64_t field : {fields[1], fields[2], fields[8]}) {
    const std::optional<Elements> indexes = FindElements(field, kWord);
    for (uint64_t i = 0; indexes && i < indexes->count; ++i) {
      constexpr uint32_t kNone = ~uint32_t{0};
      const uint32_t index = NumberIn<uint32_t>(indexes->offset + i * kWord);
      if (index >= task.tensors && index != kNone) {
        Broken(task.offset, "an operation on a tensor that there is not");
        return;
      }
    }
  }
  // Options that are too large for the flatbuffer lie behind it.
  VisitBuffer(fields[9], fields[10]);
  if (!flex_[code].empty()) VisitFlex(fields[5], flex_[code]);
}

// What it runs stands in its options, whatever it is called.
void Walk::VisitFlex(uint64_t options_field, std::string_view name) {
  std::optional<Elements> options = FindElements(options_field, 1);
  if (!options) return;
  const std::optional<FlexString> node = FindFlexNode(reader_, options->offset, options->count);
  if (!node) {
    if (reader_.status().ok()) Unsupported(options_field, fmt::format("{} does not say what it runs", name));
    return;
  }
  PartSource part(subject_.bytes(), node->offset, node->size_bytes);
  status_ = subject_.InspectAs(name, part, InspectTensorflowNode);
}

void Walk::VisitBuffer(uint64_t offset_field, uint64_t size_field) {
  // 0 and 1 stand for none.
  const auto offset = NumberIn<uint64_t>(offset_field);
  if (offset <= 1) return;
  has_values_behind_ = true;
  Cover(offset, NumberIn<uint64_t>(size_field));
}

void Walk::JudgeRest() {
  // A flatbuffer is filled up to a whole word; values behind it are not.
  const uint64_t end = coverage_.end();
  const uint64_t whole = has_values_behind_ ? end : (end + kWord - 1) / kWord * kWord;
  std::vector<Coverage::Range> gaps = coverage_.Gaps();
  gaps.push_back({end, std::min(whole, reader_.size_bytes())});
  std::string bytes;
  for (const Coverage::Range& gap : gaps) {
    const uint64_t size_bytes = gap.end - gap.begin;
    if (size_bytes <= kMostPaddingBytes) {
      if (!reader_.Read(gap.begin, size_bytes, bytes)) return;
      if (bytes.find_first_not_of('\0') == std::string::npos) continue;
    }
    Foreign(gap.begin, size_bytes);
  }
  if (whole > reader_.size_bytes()) {
    Broken(end, "the file is cut off");
  } else if (whole < reader_.size_bytes()) {
    status_ = JudgeBehind(whole);
  }
}

// Labels and descriptions are added as a zip.
absl::Status Walk::JudgeBehind(uint64_t end) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> zip, FindAppendedZip(subject_.bytes(), end));
  if (zip != nullptr) return subject_.Inspect("appended zip", *zip);
  Foreign(end, reader_.size_bytes() - end);
  return absl::OkStatus();
}

}  // namespace

absl::Status InspectTflite(Subject& subject) {
  subject.SetFormat("tflite");
  return Walk(subject).Run();
}

}  // namespace batuta::safety
