#include "daemon/safety/graph/keras_config.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/safety/base/rules.h"
#include "daemon/safety/graph/rules.h"
#include "tests/unit/daemon/safety/graph/inspect.h"

namespace batuta::safety {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A functional model around one layer, as Keras 3 writes it.
std::string Model(const std::string& layer) {
  return fmt::format(
      R"({{"module": "keras.src.models.functional", "class_name": "Functional", "config": {{"name": "functional",
      "trainable": true, "layers": [{{"module": "keras.layers", "class_name": "InputLayer", "config":
      {{"batch_shape": [null, 4], "dtype": "float32", "sparse": false, "name": "input"}}, "registered_name": null,
      "name": "input", "inbound_nodes": []}}, {}], "input_layers": [["input", 0, 0]], "output_layers": []}},
      "registered_name": "Functional", "build_config": {{"input_shape": null}}, "compile_config": {{"optimizer":
      {{"module": "keras.optimizers", "class_name": "Adam", "config": {{"learning_rate": 0.001}},
      "registered_name": null}}, "loss": "mse", "metrics": ["mae"]}}}})",
      layer);
}

constexpr char kDense[] =
    R"({"module": "keras.layers", "class_name": "Dense", "config": {"name": "dense", "units": 3, "activation": "relu",
    "dtype": {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": null},
    "kernel_initializer": {"module": "keras.initializers", "class_name": "GlorotUniform", "config": {"seed": null},
    "registered_name": null}, "bias_constraint": null}, "registered_name": null, "build_config": {"input_shape":
    [null, 4]}, "name": "dense", "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": {"shape":
    [null, 4], "dtype": "float32", "keras_history": ["input", 0, 0]}}], "kwargs": {}}]})";

TEST(KerasConfig, WhatKerasItselfWritesIsSafe) {
  const std::vector<std::string> models = {
      Model(kDense),
      Model(Model(kDense)),  // a model as a layer of another
      // Operations on tensors are layers too.
      Model(R"({"module": "keras.src.ops.numpy", "class_name": "Matmul", "config": {"name": "matmul"},
               "registered_name": "Matmul"})"),
      Model(R"({"module": "keras.layers", "class_name": "Activation", "config": {"activation": {"module":
               "keras.activations", "class_name": "function", "config": "gelu", "registered_name": "gelu"}}})"),
      Model(
          R"({"module": "keras.layers", "class_name": "TextVectorization", "config": {"vocabulary": ["a", "b"],
               "max_value": Infinity}, "registered_name": null})"),
      // tf.keras in an HDF5 file
      R"({"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "InputLayer", "config":
         {"batch_input_shape": [null, 28], "ragged": false}}, {"class_name": "LSTM", "config": {"units": 8, "cell":
         {"class_name": "LSTMCell", "config": {}}, "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.01}}}}]},
         "keras_version": "2.4.0", "backend": "tensorflow"})",
      R"({"loss": "categorical_crossentropy", "metrics": [{"class_name": "MeanMetricWrapper", "config": {"name": "accuracy",
         "fn": "categorical_accuracy"}}], "optimizer_config": {"class_name": "Custom>Adam", "config": {"learning_rate":
         {"class_name": "ExponentialDecay", "config": {"decay_steps": 100}}}}})",
      R"({"name": "d", "class_name": "Dense", "config": {"name": "d"}, "build_input_shape": {"class_name": "TensorShape",
         "items": [null, 4]}, "save_spec": {"class_name": "__tuple__", "items": [{"class_name": "TypeSpec", "type_spec":
         "tf.TensorSpec", "serialized": [{"class_name": "TensorShape", "items": [null, 4]}, "float32", "x"]}]}})",
      // Words that are dangerous elsewhere are names here.
      R"({"class_name": "Sequential", "config": {"name": "Lambda", "layers": []}, "note": "class_name: Lambda"})",
  };
  for (const std::string& model : models) {
    const Verdict verdict = InspectWith(InspectKerasConfig, model);
    EXPECT_THAT(Codes(verdict), IsEmpty())
        << model << (verdict.findings.empty() ? "" : verdict.findings[0].text);
    EXPECT_EQ(verdict.format, "keras config");
  }
}

TEST(KerasConfig, EveryRowOfTheTableIsFoundAtAnyDepth) {
  const struct {
    const char* layer;
    std::string_view code;
    const char* text;
  } rows[] = {
      {R"({"class_name": "Lambda", "config": {"function": ["4wEAAAA=", null, null], "function_type": "lambda"}})",
       rules::kKerasLambda.code, "Lambda"},
      {R"({"class_name": "\u004cambda", "config": {}})", rules::kKerasLambda.code, "Lambda"},
      {R"({"\u0063lass_name": "Lambda", "config": {}})", rules::kKerasLambda.code, "Lambda"},
      {R"({"config": {}, "class_name": "TFOpLambda"})", rules::kKerasLambda.code, "TFOpLambda"},
      {R"({"class_name": "SlicingOpLambda", "config": {}})", rules::kKerasLambda.code, "SlicingOpLambda"},
      {R"({"class_name": "__lambda__", "config": {"value": "eA=="}})", rules::kKerasLambda.code,
       "__lambda__"},
      {R"({"class_name": "TorchModuleWrapper", "module": "keras.layers", "config": {"module": "eA=="}})",
       rules::kKerasLambda.code, "TorchModuleWrapper"},
      {R"({"class_name": "TFSMLayer", "module": "keras.layers", "config": {"filepath": "x"}})",
       rules::kKerasLambda.code, "TFSMLayer"},
      {R"({"class_name": "JaxLayer", "config": {}})", rules::kKerasLambda.code, "JaxLayer"},
      {R"({"class_name": "FlaxLayer", "config": {}})", rules::kKerasLambda.code, "FlaxLayer"},
      {R"({"module": "os", "class_name": "Dense", "config": {}})", rules::kKerasModule.code, "from os"},
      {R"({"module": "keras.utils", "class_name": "Sequence", "config": {}})", rules::kKerasModule.code,
       "keras.utils"},
      {R"({"module": "keras_hub.layers", "class_name": "Dense", "config": {}})", rules::kKerasModule.code,
       "keras_hub"},
      {R"({"module": "keras.layersx", "class_name": "Dense", "config": {}})", rules::kKerasModule.code,
       "layersx"},
      {R"({"module": "", "class_name": "Dense", "config": {}})", rules::kKerasModule.code, "Dense"},
      {R"({"module": "keras.src.ops.core", "class_name": "WhileLoop", "config": {}})",
       rules::kKerasClass.code, "WhileLoop"},
      {R"({"module": null, "class_name": "MyLayer", "config": {}})", rules::kKerasClass.code, "MyLayer"},
      {R"({"class_name": "dense", "config": {}})", rules::kKerasClass.code, "dense"},
      {R"({"class_name": "__typespec__", "module": "os", "spec_name": "system", "config": ["true"]})",
       rules::kKerasModule.code, "from os"},
      {R"({"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": "acme>Dense"})",
       rules::kKerasRegistered.code, "acme>Dense"},
      {R"({"module": "keras.layers", "class_name": "acme>Dense", "config": {}, "registered_name": "acme>Dense"})",
       rules::kKerasRegistered.code, "acme>Dense"},
      {R"({"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"})",
       rules::kKerasFunction.code, "builtins.eval"},
      {R"({"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "get_file"})",
       rules::kKerasFunction.code, "keras.utils.get_file"},
      {R"({"module": "keras.config", "class_name": "function", "config": "enable_unsafe_deserialization"})",
       rules::kKerasFunction.code, "enable_unsafe_deserialization"},
      {R"({"module": "keras.losses", "class_name": "function", "config": "deserialize"})",
       rules::kKerasFunction.code, "keras.losses.deserialize"},
      {R"({"module": "keras.losses", "class_name": "function", "config": "mse", "registered_name": "acme>mse"})",
       rules::kKerasFunction.code, "mse"},
      {R"({"module": "keras.losses", "class_name": "function", "config": {"a": 1}})",
       rules::kKerasFunction.code, "?"},
      {R"({"class_name": "StringLookup", "module": "keras.layers", "config": {"vocabulary": "/etc/passwd"}})",
       rules::kKerasVocabulary.code, "/etc/passwd"},
      {R"({"class_name": "Dense", "class_name": "Lambda", "config": {}})", rules::kKerasDuplicateKey.code,
       "class_name"},
      {R"({"class_name": "Dense", "cl\u0061ss_name": "Lambda", "config": {}})",
       rules::kKerasDuplicateKey.code, "class_name"},
      {R"({"class_name": ["Lambda"], "config": {}})", rules::kKerasInvalid.code, "no string"},
      {R"({"class_name": {"class_name": "Dense"}, "config": {}})", rules::kKerasInvalid.code, "no string"},
      {R"({"class_name": 'Dense'})", rules::kKerasInvalid.code, ""},
  };

  for (const auto& row : rows) {
    for (const std::string& model : {Model(row.layer), Model(Model(row.layer)), std::string(row.layer),
                                     fmt::format(R"({{"a": [[{{"compile_config": {}}}]]}})", row.layer)}) {
      const Verdict verdict = InspectWith(InspectKerasConfig, model);
      EXPECT_THAT(Codes(verdict), Contains(row.code)) << model;
      if (verdict.findings.size() == 1) {
        EXPECT_THAT(verdict.findings[0].text, HasSubstr(row.text));
      }
    }
  }
}

TEST(KerasConfig, OfTwoNamesUnderOneKeyBothCount) {
  for (const char* model : {R"({"class_name": "Dense", "class_name": "Lambda", "config": {}})",
                            R"({"class_name": "Lambda", "class_name": "Dense", "config": {}})"}) {
    EXPECT_THAT(Codes(InspectWith(InspectKerasConfig, model)),
                ElementsAre(rules::kKerasDuplicateKey.code, rules::kKerasLambda.code));
  }
}

TEST(KerasConfig, WhatWasNamedBeforeTheTextBreaksOffStaysFound) {
  const Verdict verdict = InspectWith(
      InspectKerasConfig, R"({"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", )");
  EXPECT_THAT(Codes(verdict), ElementsAre(rules::kKerasInvalid.code, rules::kKerasLambda.code));
  EXPECT_EQ(Judgement(verdict), "unsafe");
}

TEST(KerasConfig, WhatIsNoObjectIsRefused) {
  for (const char* text :
       {"", "[]", "3", "\"Dense\"", "{} {}", "{\"class_name\": \"Dense\"} x", "\xEF\xBB\xBF{}"}) {
    EXPECT_THAT(Codes(InspectWith(InspectKerasConfig, text)), ElementsAre(rules::kKerasInvalid.code)) << text;
  }
  EXPECT_THAT(Codes(InspectWith(InspectKerasConfig, std::string(100, '[') + std::string(100, ']'))),
              Contains(rules::kTooComplex.code));
}

TEST(KerasConfig, EveryDamageIsAnswered) {
  const std::string model = Model(kDense);
  for (size_t at = 0; at < model.size(); ++at) {
    std::string changed = model;
    changed[at] = static_cast<char>(changed[at] ^ 0x11);
    InspectWith(InspectKerasConfig, changed);
    EXPECT_FALSE(InspectWith(InspectKerasConfig, model.substr(0, at)).grades.empty()) << "cut off at " << at;
  }
  EXPECT_FALSE(InspectWith(InspectKerasConfig, model + "x").grades.empty());
}

}  // namespace
}  // namespace batuta::safety
