#include "daemon/safety/graph/keras_names.h"

#include <algorithm>
#include <optional>

#include "daemon/safety/graph/names.h"

namespace batuta::safety::keras {
namespace {

// The names are those that Keras 3 and tf-keras export (August 2026) and older versions
// wrote, without the base classes and without what takes a program or a path.

// Models, layers, losses, metrics, optimizers, initializers, regularizers, constraints, policies.
constexpr std::string_view kClasses = R"(
  AUC AWQDTypePolicy AbsMaxQuantizer Accuracy Activation ActivityRegularization Adadelta Adafactor Adagrad
  Adam AdamW Adamax AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
  AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout
  Attention AugMix AutoContrast Average AveragePooling1D AveragePooling2D AveragePooling3D
  BatchNormalization BatchNormalizationBase BatchNormalizationV1 BatchNormalizationV2 Bidirectional
  BinaryAccuracy BinaryCrossentropy BinaryFocalCrossentropy BinaryIoU CTC CategoricalAccuracy
  CategoricalCrossentropy CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy CategoricalHinge
  CategoryEncoding CenterCrop Circle Concatenate ConcordanceCorrelation Constant ConstantV2
  ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
  Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D CosineDecay CosineDecayRestarts CosineSimilarity
  Cropping1D Cropping2D Cropping3D CuDNNGRU CuDNNLSTM CutMix DTypePolicy DTypePolicyMap Dense DenseFeatures
  DepthwiseConv1D DepthwiseConv2D Dice Discretization Dot Dropout DynamicLossScale ELU EinsumDense Embedding
  Equalization ExponentialDecay F1Score FBetaScore FalseNegatives FalsePositives FeatureSpace FixedLossScale
  Flatten FloatDTypePolicy Ftrl Functional GPTQDTypePolicy GRU GRUCell GRUV2 GaussianDropout GaussianNoise
  GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D
  GlobalMaxPooling3D GlorotNormal GlorotNormalV2 GlorotUniform GlorotUniformV2 GroupNormalization
  GroupedQueryAttention HashedCrossing Hashing HeNormal HeNormalV2 HeUniform HeUniformV2 Hinge Huber
  Identity IdentityV2 InputLayer Int4DTypePolicy IntegerLookup InverseTimeDecay IoU KLDivergence L1 L1L2 L2
  LSTM LSTMCell LSTMV2 Lamb LayerNormalization LeakyReLU LecunNormal LecunNormalV2 LecunUniform
  LecunUniformV2 LinearModel Lion LocallyConnected1D LocallyConnected2D LogCosh LogCoshError
  LossFunctionWrapper LossScaleOptimizer LossScaleOptimizerV1 LossScaleOptimizerV3 Masking MaxNorm
  MaxNumBoundingBoxes MaxPool2D MaxPooling1D MaxPooling2D MaxPooling3D Maximum Mean MeanAbsoluteError
  MeanAbsolutePercentageError MeanIoU MeanMetricWrapper MeanRelativeError MeanSquaredError
  MeanSquaredLogarithmicError MeanTensor MelSpectrogram MinMaxNorm Minimum MixUp Model MultiHeadAttention
  MultiOptimizer Multiply Muon Nadam Network NonNeg Normalization OneHotIoU OneHotMeanIoU Ones OnesV2
  Orthogonal OrthogonalRegularizer OrthogonalV2 PReLU PearsonCorrelation Permute PiecewiseConstantDecay
  Pipeline Poisson Policy PolicyV1 PolynomialDecay Precision PrecisionAtRecall QuantizedDTypePolicy
  QuantizedFloat8DTypePolicy R2Score RMSNormalization RMSprop RNN RadialConstraint RandAugment
  RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
  RandomElasticTransform RandomErasing RandomFlip RandomFourierFeatures RandomGaussianBlur RandomGrayscale
  RandomHeight RandomHue RandomInvert RandomNormal RandomNormalV2 RandomPerspective RandomPosterization
  RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomUniform
  RandomUniformV2 RandomWidth RandomZoom ReLU Recall RecallAtPrecision RepeatVector Rescaling Reshape
  Resizing ReversibleEmbedding RootMeanSquaredError SGD STFT STFTSpectrogram ScheduleFreeAdamW SeedGenerator
  SensitivityAtSpecificity SeparableConv1D SeparableConv2D SequenceFeatures Sequential SimpleRNN
  SimpleRNNCell Softmax Solarization SparseCategoricalAccuracy SparseCategoricalCrossentropy
  SparseTopKCategoricalAccuracy SpatialDropout1D SpatialDropout2D SpatialDropout3D SpecificityAtSensitivity
  SpectralNormalization SquaredHinge StackedRNNCells StringLookup Subtract Sum SumOverBatchSizeMetricWrapper
  SyncBatchNormalization TernaryDTypePolicy TernaryDense TextVectorization ThresholdedReLU TimeDistributed
  TopKCategoricalAccuracy TrueNegatives TruePositives TruncatedNormal TruncatedNormalV2 Tversky UnitNorm
  UnitNormalization UpSampling1D UpSampling2D UpSampling3D VarianceScaling VarianceScalingV2 WideDeepModel
  ZeroPadding1D ZeroPadding2D ZeroPadding3D Zeros ZerosV2
)";

// Plain values that JSON has no form for.
constexpr std::string_view kMarks = R"(
  CompositeTensor InputSpec TensorShape TypeSpec __bytes__ __ellipsis__ __keras_tensor__ __numpy__ __slice__
  __tensor__ __tuple__
)";

// keras.ops as nodes of a functional model: arithmetic on tensors.
constexpr std::string_view kOperations = R"(
  Absolute AdaptiveAveragePool AdaptiveMaxPool Add AffineTransform All AllClose Amax Amin Angle Any Append
  Arange Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh Argmax Argmin Argpartition Argsort Array
  ArraySplit Average AveragePool BatchNorm BinaryCrossentropy Bincount BitwiseAnd BitwiseInvert
  BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor BroadcastTo CDist CTCDecode CTCLoss
  Cast CategoricalCrossentropy Cbrt Ceil Celu Cholesky CholeskyInverse Clip ColumnStack Concatenate
  Conjugate Conv ConvTranspose ConvertToTensor Copy Corrcoef Correlate Cos Cosh CountNonzero CropImages
  Cross Cumprod Cumsum Deg2rad DepthToSpace DepthwiseConv Det Diag Diagflat Diagonal Diff Digitize Divide
  DivideNoNan Dot DotProductAttention Dsplit Dstack Eig Eigh Einsum ElasticTransform Elu EmptyLike Equal Erf
  Erfc Erfinv Exp Exp2 ExpandDims Expm1 ExtractPatches ExtractSequences FFT FFT2 Fabs Flip Fliplr Flipud
  Floor FloorDivide Fmax Fmin Fmod Fold Full FullLike Gammainc GaussianBlur Gcd Gelu Geomspace GetItem Glu
  Greater GreaterEqual HSVToRGB HardShrink HardSigmoid HardSilu HardTanh Heaviside Histogram Hsplit Hstack
  Hypot I0 IFFT2 IRFFT ISTFT Imag InTopK Inner Inv IsIn Isclose Isfinite Isinf Isnan Isneginf Isposinf
  Isreal JVP Kron LayerNorm Lcm Ldexp LeakyRelu LeftShift Less LessEqual Linspace Log Log10 Log1p Log2
  LogSigmoid LogSoftmax Logaddexp Logaddexp2 Logdet LogicalAnd LogicalNot LogicalOr LogicalXor Logspace
  Logsumexp Lstsq LuFactor MapCoordinates Matmul MatrixPower MatrixRank Max MaxPool Maximum Mean Median
  Meshgrid Min Minimum Mod Moments Moveaxis MultiHot Multiply NanToNum Nanargmax Nanargmin Nancumprod
  Nancumsum Nanmax Nanmean Nanmedian Nanmin Nanpercentile Nanprod Nanquantile Nanstd Nansum Nanvar Ndim
  Negative Nextafter Nonzero Norm Normalize NotEqual OneHot OnesLike Outer PSNR Pad PadImages Percentile
  PerspectiveTransform Pinv Polar Power Prod Ptp Qr Quantile RFFT RGBToGrayscale RGBToHSV RMSNorm Rad2deg
  Ravel Real Reciprocal ReconstructPatches Relu Relu6 Repeat Reshape Resize RightShift Roll Rot90 Round
  Rsqrt SSIM STFT SVD ScaleAndTranslate Scatter ScatterUpdate SearchSorted SegmentReduction Select Selu
  SeparableConv Shape Sigmoid Sign Signbit Silu Sin Sinc Sinh Size Slice SliceUpdate Slogdet SobelEdges
  SoftShrink Softmax Softplus Softsign Solve SolveTriangular Sort SpaceToDepth SparseCategoricalCrossentropy
  SparsePlus SparseSigmoid Sparsemax Split Sqrt Square Squareplus Squeeze Stack Std StopGradient Subtract
  Sum Swapaxes Take TakeAlongAxis Tan Tanh TanhShrink Tensordot Threshold Tile TopK Trace Transpose
  Trapezoid Tril Triu TrueDivide Trunc Unfold Unique UnravelIndex Unstack Vander Var Vdot View ViewAsComplex
  ViewAsReal Vsplit Vstack Where ZerosLike
)";

// Activations, losses, metrics and initializers that are functions.
constexpr std::string_view kFunctions = R"(
  BCE KLD MAE MAPE MSE MSLE bce binary_accuracy binary_crossentropy binary_focal_crossentropy
  categorical_accuracy categorical_crossentropy categorical_focal_crossentropy
  categorical_generalized_cross_entropy categorical_hinge celu circle concordance_correlation constant
  cosine_proximity cosine_similarity ctc dice elu exponential gelu glorot_normal glorot_uniform glu
  hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh he_normal he_uniform hinge huber identity
  kl_divergence kld kullback_leibler_divergence leaky_relu lecun_normal lecun_uniform linear log_cosh
  log_sigmoid log_softmax logcosh mae mape mean_absolute_error mean_absolute_percentage_error
  mean_squared_error mean_squared_logarithmic_error mish mse msle ones orthogonal pearson_correlation
  poisson random_normal random_uniform relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign
  sparse_categorical_accuracy sparse_categorical_crossentropy sparse_categorical_matches sparse_plus
  sparse_sigmoid sparse_top_k_categorical_accuracy sparsemax squared_hinge squareplus swish tanh tanh_shrink
  threshold top_k_categorical_accuracy truncated_normal tversky variance_scaling zeros
)";

// Its own optimizers, as versions 2.11 to 2.13 registered them.
constexpr std::string_view kRegistered = R"(
  Custom>Adadelta Custom>Adafactor Custom>Adagrad Custom>Adam Custom>AdamW Custom>Adamax Custom>Ftrl
  Custom>Lion Custom>Nadam Custom>RMSprop Custom>SGD
)";

// Hold a program, name a function of another library, or load a model from a path or another framework.
constexpr std::string_view kPrograms = R"(
  FlaxLayer JaxLayer Lambda SlicingOpLambda TFOpLambda TFSMLayer TorchModuleWrapper __lambda__
)";

// Parts of the library.
constexpr std::string_view kClassAreas = R"(
  constraints dtype_policies engine initializers layers losses metrics mixed_precision models ops optimizers
  quantizers random regularizers
)";
constexpr std::string_view kFunctionAreas = R"(
  activations initializers losses metrics
)";

// What comes before the first dot, which is cut from `rest` with it.
std::string_view CutFirst(std::string_view& rest) {
  const std::string_view first = rest.substr(0, rest.find('.'));
  rest.remove_prefix(std::min(rest.size(), first.size() + 1));
  return first;
}

// The part of the library that a module belongs to: "layers" for "keras.src.layers.core.dense", "" for the
// library itself; nothing for another library.
std::optional<std::string_view> Area(std::string_view module) {
  const std::string_view root = CutFirst(module);
  if (root != "keras" && root != "tf_keras") return std::nullopt;
  std::string_view area = CutFirst(module);
  if (area == "src") area = CutFirst(module);
  return area;
}

}  // namespace

bool IsClass(std::string_view name) {
  static const Names names(kClasses);
  static const Names others(kMarks);
  return names.Has(name) || others.Has(name);
}

bool IsOperation(std::string_view name) {
  static const Names names(kOperations);
  return names.Has(name);
}

bool IsFunction(std::string_view name) {
  static const Names names(kFunctions);
  return names.Has(name);
}

bool IsProgram(std::string_view name) {
  static const Names names(kPrograms);
  return names.Has(name);
}

bool IsRegistered(std::string_view name) {
  static const Names names(kRegistered);
  return names.Has(name);
}

bool IsClassModule(std::string_view module) {
  const std::optional<std::string_view> area = Area(module);
  static const Names areas(kClassAreas);
  return area && (area->empty() || areas.Has(*area));
}

bool IsOperationModule(std::string_view module) {
  return Area(module) == "ops";
}

bool IsFunctionModule(std::string_view module) {
  const std::optional<std::string_view> area = Area(module);
  static const Names areas(kFunctionAreas);
  return area && areas.Has(*area);
}

}  // namespace batuta::safety::keras
