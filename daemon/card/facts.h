#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// What the files of a folder say of a model: what a card is made of. An empty text is one that nothing says.
// Everything here may be told to everybody (carried_text.h).
namespace batuta::card {

// Something by its name, in the order in which it was found.
struct Setting {
  std::string name;
  std::string value;
  std::string source;  // path of the file that says so
};

struct Dataset {
  std::string type;  // an id of the hub, where it is one
  std::string name;
  std::string config;
  std::string split;
  std::string revision;

  friend bool operator==(const Dataset&, const Dataset&) = default;
};

// One measurement.
struct Result {
  std::string task;  // id of the hub: "text-generation"
  std::string task_name;
  Dataset dataset;
  std::string metric;
  std::string metric_name;
  std::string value;  // a number, as it was written
  std::string reported_by;
  std::string reported_at;  // URL
  std::string source;       // path of the file that says so
};

struct LossPoint {
  double at = 0;  // step or epoch
  double loss = 0;
};

struct LossLog {
  std::string unit;  // "step" or "epoch"
  std::vector<LossPoint> training;
  std::vector<LossPoint> evaluation;
  std::string source;

  bool empty() const { return training.size() + evaluation.size() == 0; }
};

// The tensors of one set of weights.
struct Weights {
  std::string name;                          // of the file, or of the parts without their numbers
  std::string format;                        // "safetensors", "GGUF"
  std::map<std::string, uint64_t> elements;  // by type
};

// What a file contributed.
struct SourceNote {
  std::string path;
  std::vector<std::string> told;  // "architecture", "hyperparameters", …
};

struct Facts {
  std::string name;
  std::string description;
  std::string developers;
  std::string license;  // as it is stated; front_matter.h makes an id of it
  std::string license_file;
  std::vector<std::string> languages;
  std::string library;
  std::string pipeline_tag;
  std::vector<std::string> tags;
  std::vector<std::string> base_models;
  std::string base_model_relation;
  std::string loaded_from;  // where the model's configuration was loaded from; a base only if it was trained
  bool is_quantized = false;
  bool was_trained = false;                    // there are records of a training
  std::vector<std::string> training_datasets;  // ids of the hub
  std::string training_data;                   // in words
  std::string evaluated_dataset;               // what the training program evaluates on: an id of the hub
  std::string evaluated_config;
  std::string model_kind;             // "PEFT adapter", "otter"
  std::vector<Setting> architecture;  // layers, heads, …
  std::vector<Weights> weights;
  std::vector<Setting> hyperparameters;
  std::vector<Setting> training_course;  // steps, epochs, final losses
  std::vector<Result> results;
  LossLog losses;
  std::vector<Setting> versions;
  std::string hardware;
  std::string commit;
  std::vector<SourceNote> sources;
  std::vector<std::string> warnings;

  // Notes that `path` told `what`.
  void Credit(std::string_view path, std::string_view what);

  // Notes that the file is left out, and why.
  void Warn(std::string_view path, std::string_view why);

  // Puts `text` into `place` when nothing is there yet, and credits it.
  void Say(std::string* place, std::string text, std::string_view path, std::string_view what);

  // The same for a list.
  void Say(std::vector<std::string>* place, const std::vector<std::string>& texts, std::string_view path,
           std::string_view what);

  // Adds a setting unless one of that name is there.
  void Add(std::vector<Setting>* settings, std::string_view setting, std::string value, std::string_view path,
           std::string_view what);

  // Adds a result unless the same was measured before.
  void Add(Result result);
};

}  // namespace batuta::card
