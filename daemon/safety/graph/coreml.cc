#include "daemon/safety/graph/coreml.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/safety/graph/names.h"
#include "daemon/safety/graph/protobuf_reader.h"
#include "daemon/safety/graph/rules.h"
#include "daemon/safety/graph/side_file.h"

namespace batuta::safety {
namespace {

using Field = ProtobufReader::Field;

// The messages that lead to layers, operations and files.
enum class Message : uint8_t {
  kModel,
  kPipelineModel,
  kPipeline,
  kNetwork,
  kLayer,
  kBranch,
  kLoop,
  kProgram,
  kFunctionEntry,
  kFunction,
  kBlockEntry,
  kBlock,
  kOperation,
  kArgumentEntry,
  kArgument,
  kBinding,
  kValueEntry,
  kValue,
  kBlob,
};

constexpr struct {
  Message message;
  uint32_t field;
  Message inner;
} kInner[] = {
    {Message::kModel, 200, Message::kPipelineModel},  // that classifies
    {Message::kModel, 201, Message::kPipelineModel},  // or gives numbers
    {Message::kModel, 202, Message::kPipeline},
    {Message::kModel, 303, Message::kNetwork},
    {Message::kModel, 403, Message::kNetwork},
    {Message::kModel, 500, Message::kNetwork},
    {Message::kModel, 502, Message::kProgram},
    {Message::kPipelineModel, 1, Message::kPipeline},
    {Message::kPipeline, 1, Message::kModel},
    {Message::kNetwork, 1, Message::kLayer},
    {Message::kLayer, 600, Message::kBranch},
    {Message::kLayer, 615, Message::kLoop},
    {Message::kBranch, 1, Message::kNetwork},
    {Message::kBranch, 2, Message::kNetwork},
    {Message::kLoop, 3, Message::kNetwork},
    {Message::kLoop, 4, Message::kNetwork},
    {Message::kProgram, 2, Message::kFunctionEntry},
    {Message::kProgram, 4, Message::kValueEntry},
    {Message::kFunctionEntry, 2, Message::kFunction},
    {Message::kFunction, 3, Message::kBlockEntry},
    {Message::kFunction, 4, Message::kValueEntry},
    {Message::kBlockEntry, 2, Message::kBlock},
    {Message::kBlock, 3, Message::kOperation},
    {Message::kBlock, 4, Message::kValueEntry},
    {Message::kOperation, 2, Message::kArgumentEntry},
    {Message::kOperation, 4, Message::kBlock},
    {Message::kOperation, 5, Message::kValueEntry},
    {Message::kArgumentEntry, 2, Message::kArgument},
    {Message::kArgument, 1, Message::kBinding},
    {Message::kBinding, 2, Message::kValue},
    {Message::kValueEntry, 2, Message::kValue},
    {Message::kValue, 5, Message::kBlob},
};

constexpr uint32_t kCustomModel = 555;
constexpr uint32_t kLinkedModel = 556;
constexpr uint32_t kCustomLayer = 500;
constexpr uint32_t kFirstKind = 200;  // of a model

// Kinds of models that hold all they need. Those of 2000 and above are known to the system and to no one
// else.
constexpr uint32_t kKinds[] = {200, 201, 202, 300, 301, 302, 303, 304, 400, 401, 402, 403, 404, 500,
                               501, 502, 560, 600, 601, 602, 603, 604, 606, 607, 609, 610, 900};

// Kinds of layers but the custom one.
constexpr uint32_t kLayers[] = {
    100,  120,  130,  140,  150,  160,  165,  170,  175,  180,  190,  200,  210,  211,  212,  220,
    230,  231,  240,  245,  250,  260,  261,  270,  280,  290,  300,  301,  310,  320,  330,  340,
    345,  350,  400,  410,  420,  430,  600,  605,  615,  620,  625,  635,  640,  660,  665,  670,
    680,  685,  700,  710,  715,  720,  730,  735,  740,  750,  755,  760,  770,  775,  780,  790,
    795,  815,  820,  825,  827,  830,  832,  840,  845,  850,  855,  865,  870,  875,  880,  885,
    890,  895,  900,  905,  920,  925,  930,  935,  940,  945,  950,  952,  954,  960,  965,  975,
    980,  985,  995,  1000, 1005, 1015, 1020, 1025, 1040, 1045, 1065, 1070, 1080, 1085, 1090, 1100,
    1105, 1110, 1120, 1125, 1130, 1135, 1140, 1145, 1150, 1155, 1170, 1175, 1180, 1190, 1195, 1200,
    1210, 1215, 1220, 1230, 1250, 1255, 1260, 1265, 1270, 1275, 1280, 1285, 1290, 1295, 1313, 1315,
    1320, 1325, 1330, 1350, 1400, 1450, 1455, 1460, 1461, 1465, 1466, 1470, 1471};

// The operations of a program.
constexpr std::string_view kOperations = R"(
  abs acos add affine argsort asin atan atanh avg_pool band_part batch_norm batch_to_space cast ceil
  clamped_relu classify clip complex complex_abs complex_fft complex_fftn complex_ifft complex_ifftn
  complex_imag complex_irfft complex_irfftn complex_real complex_rfft complex_rfftn complex_shape
  complex_stft concat cond const constexpr_affine_dequantize constexpr_blockwise_shift_scale constexpr_cast
  constexpr_lut_to_dense constexpr_lut_to_sparse constexpr_sparse_blockwise_shift_scale
  constexpr_sparse_to_dense conv conv_quantized conv_transpose coreml_update_state cos cosh crop crop_resize
  cumsum depth_to_space dequantize einsum elu equal erf exp exp2 expand_dims fill fill_like flatten2d floor
  floor_div gather gather_along_axis gather_nd gelu greater greater_equal gru identity instance_norm inverse
  l2_norm l2_pool layer_norm leaky_relu less less_equal linear linear_activation list_gather list_length
  list_read list_scatter list_write local_response_norm log logical_and logical_not logical_or logical_xor
  lstm make_list matmul max_pool maximum minimum mod mul non_maximum_suppression non_zero not_equal one_hot
  pad pixel_shuffle pixel_unshuffle pow prelu quantize random_bernoulli random_categorical random_normal
  random_uniform range_1d read_state real_div reduce_argmax reduce_argmin reduce_l1_norm reduce_l2_norm
  reduce_log_sum reduce_log_sum_exp reduce_max reduce_mean reduce_min reduce_prod reduce_sum
  reduce_sum_square relu relu6 resample reshape reshape_like resize resize_bilinear resize_nearest_neighbor
  reverse reverse_sequence rnn round rsqrt scaled_dot_product_attention scaled_tanh scatter
  scatter_along_axis scatter_nd select shape sigmoid sigmoid_hard sign silu sin sinh slice_by_index
  slice_by_size slice_update sliding_windows softmax softplus softplus_parametric softsign space_to_batch
  space_to_depth split sqrt square squeeze stack sub tan tanh threshold thresholded_relu tile topk transpose
  upsample_bilinear upsample_nearest_neighbor while_loop write_state
)";

// No name is longer.
constexpr uint64_t kTextBytes = 512;

std::optional<Message> InnerOf(Message message, uint32_t field) {
  for (const auto& row : kInner) {
    if (row.message == message && row.field == field) return row.inner;
  }
  return std::nullopt;
}

bool IsOperation(std::string_view name) {
  static const Names names(kOperations);
  return names.Has(name);
}

// In the package that the model stands in.
bool IsOwnFile(std::string_view path) {
  constexpr std::string_view kPackage = "@model_path/";
  // Of a longer one the end is not known.
  return path.starts_with(kPackage) && path.size() < kTextBytes &&
         SideFileProblem(path.substr(kPackage.size())).empty();
}

class Walk {
 public:
  explicit Walk(Subject& subject) : subject_(subject), reader_(subject.bytes()) {}

  absl::Status Run() {
    Open(Message::kModel);
    Field field;
    while (true) {
      if (reader_.Next(field)) {
        Visit(field);
        continue;
      }
      if (!reader_.problem().empty() || !reader_.status().ok()) break;
      Close();
      if (reader_.depth() == 0) break;
      reader_.Leave();
    }
    RETURN_IF_ERROR(reader_.status());
    if (!reader_.complete()) Broken(reader_.offset(), reader_.problem());
    return absl::OkStatus();
  }

 private:
  void Open(Message message) {
    open_.push_back(message);
    if (message == Message::kModel) kinds_.push_back(0);
  }

  void Close() {
    if (open_.back() == Message::kModel) {
      if (kinds_.back() != 1) Broken(reader_.offset(), "a model that is not of one kind");
      kinds_.pop_back();
    }
    open_.pop_back();
  }

  void Visit(const Field& field) {
    const Message message = open_.back();
    if (message == Message::kModel) VisitModel(field);
    if (message == Message::kLayer) VisitLayer(field);
    if (const std::optional<Message> inner = InnerOf(message, field.number)) {
      if (!field.is_bytes()) {
        Broken(field.offset, "a number where a message is expected");
      } else if (reader_.Enter()) {
        Open(*inner);
      }
    } else if (message == Message::kOperation && field.number == 1) {
      const std::string name = Text(field);
      if (!IsOperation(name)) Custom(field.offset, fmt::format("the operation {}", Quoted(name)));
    } else if (message == Message::kBlob && field.number == 1) {
      const std::string path = Text(field);
      if (IsOwnFile(path)) return;
      subject_.Add(rules::kCoremlPath, field.offset, fmt::format("reads values from {}", Quoted(path)));
    }
  }

  void VisitModel(const Field& field) {
    if (field.number == 1 || field.number == 10) {
      if (!field.is_varint()) Broken(field.offset, "a text where a number is expected");
      return;
    }
    if (field.number == 2 && field.is_bytes()) return;
    if (field.number >= kFirstKind) ++kinds_.back();
    if (field.number == kCustomModel) {
      Custom(field.offset, "a class for the whole model");
    } else if (field.number == kLinkedModel) {
      subject_.Add(rules::kCoremlPath, field.offset, "is a link to another model");
    } else if (!std::binary_search(std::begin(kKinds), std::end(kKinds), field.number)) {
      Unsupported(field.offset, fmt::format("field {} of a model", field.number));
    }
  }

  void VisitLayer(const Field& field) {
    constexpr uint32_t kFirstLayer = 100;
    if (field.number == kCustomLayer) {
      Custom(field.offset, "a class for a layer");
    } else if (field.number >= kFirstLayer &&
               !std::binary_search(std::begin(kLayers), std::end(kLayers), field.number)) {
      Unsupported(field.offset, fmt::format("a layer of kind {}", field.number));
    }
  }

  std::string Text(const Field& field) {
    std::string text;
    if (field.is_bytes()) reader_.Text(kTextBytes, text);
    return text;
  }

  void Custom(uint64_t offset, std::string_view what) {
    subject_.Add(rules::kCoremlCustom, offset, fmt::format("needs {} that an application brings", what));
  }

  void Unsupported(uint64_t offset, std::string_view what) {
    subject_.Add(rules::kCoremlUnsupported, offset,
                 fmt::format("{}, which this version does not know", what));
  }

  void Broken(uint64_t offset, std::string_view text) { subject_.Add(rules::kCoremlInvalid, offset, text); }

  Subject& subject_;
  ProtobufReader reader_;
  std::vector<Message> open_;
  std::vector<int> kinds_;  // of each open model, how many it has
};

}  // namespace

bool IsCoreml(std::string_view first) {
  // The version of the format, and then the description.
  constexpr char kLastVersion = 32;
  return first.size() > 3 && first[0] == '\x08' && first[1] > 0 && first[1] < kLastVersion &&
         first[2] == '\x12';
}

absl::Status InspectCoreml(Subject& subject) {
  subject.SetFormat("coreml");
  return Walk(subject).Run();
}

}  // namespace batuta::safety
