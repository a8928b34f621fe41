#include "daemon/safety/pickle/known.h"

#include <string>

#include "absl/container/flat_hash_map.h"
#include <fmt/format.h>

#include "daemon/safety/pickle/words.h"

namespace batuta::safety::pickle {
namespace {

struct Row {
  std::string_view modules;  // separated by spaces
  std::string_view names;    // likewise
  Call call = Call::kNever;
  State state = State::kNever;
  int permits = kNothing;
};

// Nothing that calls back, resolves names, opens, loads or formats may ever be listed: getattr, map, filter,
// type, super, functools, operator, torch.load, numpy.load, joblib.load and the like.
constexpr Row kRows[] = {
    // Weights.
    {"collections", "OrderedDict", Call::kMapping, State::kDict, kItems},
    {"torch",
     "FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage CharStorage "
     "ByteStorage BoolStorage ComplexFloatStorage ComplexDoubleStorage QInt8Storage QUInt8Storage "
     "QInt32Storage "
     "QUInt4x2Storage QUInt2x4Storage UntypedStorage"},
    {"torch.storage", "UntypedStorage TypedStorage"},
    {"torch._utils", "_rebuild_tensor", Call::kTensor},
    {"torch._utils", "_rebuild_tensor_v2", Call::kTensorV2},
    {"torch._utils", "_rebuild_tensor_v3", Call::kTensorV3},
    {"torch._utils", "_rebuild_parameter _rebuild_parameter_with_state", Call::kParameter},
    {"torch._utils", "_rebuild_qtensor", Call::kQuantizedTensor},
    {"torch._utils", "_rebuild_sparse_tensor _rebuild_sparse_csr_tensor", Call::kSparseTensor},
    {"torch._utils", "_rebuild_meta_tensor_no_storage", Call::kMetaTensor},
    {"torch._tensor", "_rebuild_from_type_v2", Call::kTypedTensor},
    {"torch", "Size", Call::kSize},
    {"torch", "device", Call::kDevice},
    {"torch.serialization", "_get_layout", Call::kText},
    {"torch",
     "float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64 "
     "complex128 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu "
     "per_tensor_affine per_channel_affine per_tensor_symmetric per_channel_symmetric "
     "per_channel_affine_float_qparams"},
    {"torch torch.nn.parameter", "Parameter", Call::kNever, State::kNever, kNew},
    {"torch", "Tensor", Call::kNever, State::kNever, kNew},

    // Training state and plain Python.
    {"collections", "Counter", Call::kMapping, State::kNever, kItems},
    {"collections", "defaultdict", Call::kDefaultDict, State::kNever, kItems},
    {"collections", "deque", Call::kDeque, State::kNever, kAppends},
    {"builtins", "list dict tuple int float bool str object"},
    {"builtins", "bytes", Call::kEmptyBytes},
    {"builtins", "set frozenset", Call::kCollection},
    {"builtins", "bytearray", Call::kByteArray},
    {"builtins", "complex slice range", Call::kNumbers},
    {"_codecs", "encode", Call::kEncode},
    {"copyreg", "_reconstructor", Call::kReconstructor},
    {"datetime", "datetime date time", Call::kDatetime},
    {"datetime", "timedelta", Call::kNumbers},
    {"datetime", "timezone", Call::kTimezone},
    {"numpy", "dtype", Call::kDtype, State::kDtype},
    {"numpy", "ndarray", Call::kNever, State::kArray},
    {"numpy",
     "bool_ bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 "
     "complex128 "
     "intc uintc longlong ulonglong longdouble clongdouble str_ bytes_ datetime64 timedelta64"},
    {"numpy.core.multiarray numpy._core.multiarray", "_reconstruct", Call::kReconstructArray},
    {"numpy.core.multiarray numpy._core.multiarray", "scalar", Call::kScalar},
    {"numpy.core.numeric numpy._core.numeric", "_frombuffer", Call::kFromBuffer},
    {"numpy.random._pickle", "__randomstate_ctor __generator_ctor __bit_generator_ctor", Call::kRandom,
     State::kAny},
    {"numpy.random._mt19937", "MT19937"},
    {"numpy.random._pcg64", "PCG64 PCG64DXSM"},
    {"numpy.random._philox", "Philox"},
    {"numpy.random._sfc64", "SFC64"},

    // Classic estimators, by the module they are defined in and, for older releases, were.
    {"joblib.numpy_pickle sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper", Call::kNever,
     State::kWrapper, kNew},
    {"scipy.sparse._csr scipy.sparse.csr", "csr_matrix csr_array", Call::kNever, State::kDict, kNew},
    {"scipy.sparse._csc scipy.sparse.csc", "csc_matrix csc_array", Call::kNever, State::kDict, kNew},
    {"scipy.sparse._coo scipy.sparse.coo", "coo_matrix coo_array", Call::kNever, State::kDict, kNew},
    {"scipy.sparse._bsr scipy.sparse.bsr", "bsr_matrix bsr_array", Call::kNever, State::kDict, kNew},
    {"scipy.sparse._dia scipy.sparse.dia", "dia_matrix dia_array", Call::kNever, State::kDict, kNew},
    {"scipy.sparse._lil scipy.sparse.lil", "lil_matrix lil_array", Call::kNever, State::kDict, kNew},
    {"scipy.sparse._dok scipy.sparse.dok", "dok_matrix dok_array", Call::kNever, State::kDict, kNew | kItems},
    {"sklearn.linear_model._logistic sklearn.linear_model.logistic",
     "LogisticRegression LogisticRegressionCV", Call::kNever, State::kDict, kNew},
    {"sklearn.linear_model._base sklearn.linear_model.base", "LinearRegression", Call::kNever, State::kDict,
     kNew},
    {"sklearn.linear_model._ridge sklearn.linear_model.ridge",
     "Ridge RidgeCV RidgeClassifier RidgeClassifierCV", Call::kNever, State::kDict, kNew},
    {"sklearn.linear_model._coordinate_descent sklearn.linear_model.coordinate_descent",
     "Lasso LassoCV ElasticNet ElasticNetCV MultiTaskLasso MultiTaskElasticNet", Call::kNever, State::kDict,
     kNew},
    {"sklearn.linear_model._stochastic_gradient sklearn.linear_model.stochastic_gradient",
     "SGDClassifier SGDRegressor SGDOneClassSVM", Call::kNever, State::kDict, kNew},
    {"sklearn.linear_model._sgd_fast sklearn.linear_model.sgd_fast",
     "Hinge SquaredHinge Log SquaredLoss Huber EpsilonInsensitive SquaredEpsilonInsensitive ModifiedHuber",
     Call::kNumbers, State::kAny},
    {"sklearn.ensemble._forest sklearn.ensemble.forest",
     "RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor "
     "RandomTreesEmbedding",
     Call::kNever, State::kDict, kNew},
    {"sklearn.ensemble._gb sklearn.ensemble.gradient_boosting",
     "GradientBoostingClassifier GradientBoostingRegressor", Call::kNever, State::kDict, kNew},
    {"sklearn.ensemble._gb_losses sklearn.ensemble.gradient_boosting",
     "BinomialDeviance MultinomialDeviance ExponentialLoss LeastSquaresError LeastAbsoluteError "
     "HuberLossFunction QuantileLossFunction",
     Call::kNever, State::kDict, kNew},
    {"sklearn.dummy", "DummyClassifier DummyRegressor", Call::kNever, State::kDict, kNew},
    {"sklearn.ensemble._hist_gradient_boosting.gradient_boosting",
     "HistGradientBoostingClassifier HistGradientBoostingRegressor", Call::kNever, State::kDict, kNew},
    {"sklearn.ensemble._hist_gradient_boosting.binning", "_BinMapper", Call::kNever, State::kDict, kNew},
    {"sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor", Call::kNever, State::kDict, kNew},
    {"sklearn._loss.loss",
     "HalfBinomialLoss HalfMultinomialLoss HalfSquaredError AbsoluteError PinballLoss HuberLoss "
     "HalfPoissonLoss "
     "HalfGammaLoss HalfTweedieLoss ExponentialLoss",
     Call::kNever, State::kDict, kNew},
    {"sklearn._loss.link", "IdentityLink LogLink LogitLink HalfLogitLink MultinomialLogit", Call::kNever,
     State::kDict, kNew},
    {"sklearn._loss.link", "Interval", Call::kNumbers, State::kDict, kNew},
    {"sklearn._loss._loss",
     "CyHalfBinomialLoss CyHalfMultinomialLoss CyHalfSquaredError CyAbsoluteError CyPinballLoss CyHuberLoss "
     "CyHalfPoissonLoss CyHalfGammaLoss CyHalfTweedieLoss CyExponentialLoss",
     Call::kNumbers, State::kAny, kNew},
    {"sklearn._loss._loss",
     "__pyx_unpickle_CyHalfBinomialLoss __pyx_unpickle_CyHalfMultinomialLoss "
     "__pyx_unpickle_CyHalfSquaredError "
     "__pyx_unpickle_CyAbsoluteError __pyx_unpickle_CyHalfPoissonLoss __pyx_unpickle_CyHalfGammaLoss "
     "__pyx_unpickle_CyExponentialLoss",
     Call::kListedClass},
    {"sklearn.ensemble._iforest sklearn.ensemble.iforest", "IsolationForest", Call::kNever, State::kDict,
     kNew},
    {"sklearn.ensemble._voting sklearn.ensemble.voting", "VotingClassifier VotingRegressor", Call::kNever,
     State::kDict, kNew},
    {"sklearn.ensemble._bagging sklearn.ensemble.bagging", "BaggingClassifier BaggingRegressor", Call::kNever,
     State::kDict, kNew},
    {"sklearn.ensemble._weight_boosting sklearn.ensemble.weight_boosting",
     "AdaBoostClassifier AdaBoostRegressor", Call::kNever, State::kDict, kNew},
    {"sklearn.ensemble._stacking", "StackingClassifier StackingRegressor", Call::kNever, State::kDict, kNew},
    {"sklearn.tree._classes sklearn.tree.tree",
     "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor", Call::kNever,
     State::kDict, kNew},
    {"sklearn.tree._tree", "Tree", Call::kAnything, State::kDict},
    {"sklearn.svm._classes sklearn.svm.classes", "SVC SVR NuSVC NuSVR LinearSVC LinearSVR OneClassSVM",
     Call::kNever, State::kDict, kNew},
    {"sklearn.neighbors._classification sklearn.neighbors.classification",
     "KNeighborsClassifier RadiusNeighborsClassifier", Call::kNever, State::kDict, kNew},
    {"sklearn.neighbors._regression sklearn.neighbors.regression",
     "KNeighborsRegressor RadiusNeighborsRegressor", Call::kNever, State::kDict, kNew},
    {"sklearn.neighbors._unsupervised sklearn.neighbors.unsupervised", "NearestNeighbors", Call::kNever,
     State::kDict, kNew},
    {"sklearn.neighbors._lof sklearn.neighbors.lof", "LocalOutlierFactor", Call::kNever, State::kDict, kNew},
    {"sklearn.neighbors._kd_tree sklearn.neighbors.kd_tree", "KDTree KDTree64 KDTree32", Call::kNever,
     State::kAny, kNew},
    {"sklearn.neighbors._ball_tree sklearn.neighbors.ball_tree", "BallTree BallTree64 BallTree32",
     Call::kNever, State::kAny, kNew},
    {"sklearn.metrics._dist_metrics sklearn.neighbors._dist_metrics sklearn.neighbors.dist_metrics",
     "EuclideanDistance EuclideanDistance64 EuclideanDistance32 ManhattanDistance ManhattanDistance64 "
     "ManhattanDistance32 MinkowskiDistance MinkowskiDistance64 MinkowskiDistance32 ChebyshevDistance "
     "ChebyshevDistance64 ChebyshevDistance32",
     Call::kNever, State::kAny, kNew},
    {"sklearn.neighbors._kd_tree sklearn.neighbors.kd_tree sklearn.neighbors._ball_tree "
     "sklearn.neighbors.ball_tree sklearn.metrics._dist_metrics sklearn.neighbors._dist_metrics "
     "sklearn.neighbors.dist_metrics",
     "newObj newObj64 newObj32", Call::kListedClass},
    {"sklearn.cluster._kmeans sklearn.cluster.k_means_", "KMeans MiniBatchKMeans", Call::kNever, State::kDict,
     kNew},
    {"sklearn.decomposition._pca sklearn.decomposition.pca", "PCA", Call::kNever, State::kDict, kNew},
    {"sklearn.decomposition._truncated_svd sklearn.decomposition.truncated_svd", "TruncatedSVD", Call::kNever,
     State::kDict, kNew},
    {"sklearn.preprocessing._data sklearn.preprocessing.data",
     "StandardScaler MinMaxScaler MaxAbsScaler RobustScaler Normalizer Binarizer PolynomialFeatures "
     "PowerTransformer QuantileTransformer",
     Call::kNever, State::kDict, kNew},
    {"sklearn.preprocessing._polynomial", "PolynomialFeatures SplineTransformer", Call::kNever, State::kDict,
     kNew},
    {"sklearn.preprocessing._label sklearn.preprocessing.label",
     "LabelEncoder LabelBinarizer MultiLabelBinarizer", Call::kNever, State::kDict, kNew},
    {"sklearn.preprocessing._encoders", "OneHotEncoder OrdinalEncoder", Call::kNever, State::kDict, kNew},
    {"sklearn.preprocessing._discretization", "KBinsDiscretizer", Call::kNever, State::kDict, kNew},
    // It may hold a function, which then is a global that is not listed.
    {"sklearn.preprocessing._function_transformer", "FunctionTransformer", Call::kNever, State::kDict, kNew},
    {"sklearn.impute._base sklearn.impute", "SimpleImputer MissingIndicator", Call::kNever, State::kDict,
     kNew},
    {"sklearn.feature_extraction.text", "CountVectorizer TfidfVectorizer TfidfTransformer HashingVectorizer",
     Call::kNever, State::kDict, kNew},
    {"sklearn.pipeline", "Pipeline FeatureUnion", Call::kNever, State::kDict, kNew},
    {"sklearn.compose._column_transformer", "ColumnTransformer", Call::kNever, State::kDict, kNew},
    {"sklearn.calibration", "CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration", Call::kNever,
     State::kDict, kNew},
    {"sklearn.isotonic", "IsotonicRegression", Call::kNever, State::kDict, kNew},
    {"sklearn.naive_bayes", "GaussianNB MultinomialNB BernoulliNB ComplementNB CategoricalNB", Call::kNever,
     State::kDict, kNew},
    {"sklearn.utils._bunch sklearn.utils", "Bunch", Call::kNever, State::kDict, kNew | kItems},
};

std::string Key(std::string_view module, std::string_view name) {
  return fmt::format("{}\n{}", module, name);
}

absl::flat_hash_map<std::string, Known> Table() {
  absl::flat_hash_map<std::string, Known> table;
  for (const Row& row : kRows) {
    for (const std::string_view module : Words(row.modules)) {
      for (const std::string_view name : Words(row.names)) {
        table.emplace(Key(module, name), Known{.module = module,
                                               .name = name,
                                               .call = row.call,
                                               .state = row.state,
                                               .permits = static_cast<uint8_t>(row.permits)});
      }
    }
  }
  return table;
}

}  // namespace

const Known* FindKnown(std::string_view module, std::string_view name) {
  static const auto& table = *new absl::flat_hash_map<std::string, Known>(Table());
  const auto found = table.find(Key(module, name));
  return found == table.end() ? nullptr : &found->second;
}

}  // namespace batuta::safety::pickle
