#include "daemon/card/sections.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "daemon/card/known_ids.h"

namespace batuta::card {
namespace {

constexpr std::string_view kNotStated = "Not stated.";

// In a code span, which shows everything as it is but a backtick, and in a table a bar.
std::string Code(std::string_view text) {
  std::string code = "`";
  for (const char c : text) {
    if (c == '`') {
      code += '\'';
    } else if (c == '|') {
      code += "\\|";
    } else {
      code += c;
    }
  }
  return code + '`';
}

std::string Grouped(uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string Joined(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) {
    if (!joined.empty()) joined += ", ";
    joined += MarkdownText(text);
  }
  return joined;
}

class Text {
 public:
  void Heading(int level, std::string_view title) {
    Separate();
    out_ += fmt::format("{} {}\n", std::string(static_cast<size_t>(level), '#'), title);
  }

  void Paragraph(std::string_view text) {
    Separate();
    out_ += text;
    out_ += '\n';
  }

  // `markdown` is what stands there; empty: nobody has said.
  void Item(std::string_view name, std::string_view markdown) {
    if (!in_list_) Separate();
    in_list_ = true;
    out_ += fmt::format("- **{}:** {}\n", name, markdown.empty() ? kNotStated : markdown);
  }

  void Table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows) {
    Separate();
    AddRow(titles);
    AddRow(std::vector<std::string>(titles.size(), "---"));
    for (const std::vector<std::string>& row : rows) AddRow(row);
  }

  void SettingsTable(std::string_view title, const std::vector<Setting>& settings) {
    std::vector<std::vector<std::string>> rows;
    for (const Setting& setting : settings) {
      rows.push_back({MarkdownText(setting.name), MarkdownText(setting.value), Code(setting.source)});
    }
    Table({std::string(title), "Value", "Said by"}, rows);
  }

  std::string Take() { return std::move(out_); }

 private:
  void Separate() {
    in_list_ = false;
    if (!out_.empty()) out_ += '\n';
  }

  void AddRow(const std::vector<std::string>& cells) {
    out_ += "|";
    for (const std::string& cell : cells) out_ += fmt::format(" {} |", cell);
    out_ += '\n';
  }

  std::string out_;
  bool in_list_ = false;
};

std::string ModelLink(const std::string& id) {
  return fmt::format("[{}](https://huggingface.co/{})", MarkdownText(id), id);
}

std::string BaseText(const Facts& facts) {
  std::string text;
  for (const std::string& base : facts.base_models) {
    if (!text.empty()) text += ", ";
    text += ModelLink(base);
  }
  if (!text.empty() && !facts.base_model_relation.empty())
    text += fmt::format(" ({})", facts.base_model_relation);
  return text;
}

std::string LicenseText(const Facts& facts) {
  const std::string id = LicenseId(facts.license);
  std::string text = MarkdownText(id.empty() ? facts.license : id);
  if (!facts.license_file.empty()) {
    text +=
        fmt::format("{}[{}]({})", text.empty() ? "see " : ", see ", facts.license_file, facts.license_file);
  }
  return text;
}

// Numbers of other kinds hold packed weights, of which several make an element or the other way round.
bool AreParameters(const Weights& weights) {
  constexpr std::array<std::string_view, 6> kFloats = {"BF16", "F16", "F32", "F64", "F8_E4M3", "F8_E5M2"};
  return weights.format == "GGUF" ||
         std::all_of(weights.elements.begin(), weights.elements.end(), [&kFloats](const auto& type) {
           return std::find(kFloats.begin(), kFloats.end(), type.first) != kFloats.end();
         });
}

uint64_t ElementsOf(const Weights& weights) {
  uint64_t sum = 0;
  for (const auto& [type, elements] : weights.elements) {
    if (__builtin_add_overflow(sum, elements, &sum)) return UINT64_MAX;
  }
  return sum;
}

void AddDetails(const Facts& facts, Text* text) {
  text->Heading(2, "Model details");
  text->Item("Developed by", MarkdownText(facts.developers));
  text->Item("Model type", MarkdownText(facts.model_kind));
  text->Item("Task", MarkdownText(facts.pipeline_tag));
  text->Item("Language", Joined(facts.languages));
  text->Item("License", LicenseText(facts));
  text->Item("Base model", BaseText(facts));
}

void AddUses(Text* text) {
  text->Heading(2, "Uses");
  text->Heading(3, "Direct use");
  text->Paragraph(kNotStated);
  text->Heading(3, "Downstream use");
  text->Paragraph(kNotStated);
  text->Heading(3, "Out-of-scope use");
  text->Paragraph(kNotStated);
  text->Heading(2, "Bias, risks and limitations");
  text->Paragraph(kNotStated);
}

std::string TrainingData(const Facts& facts) {
  std::string text;
  for (const std::string& dataset : facts.training_datasets) {
    if (!text.empty()) text += ", ";
    text += fmt::format("[{}](https://huggingface.co/datasets/{})", MarkdownText(dataset), dataset);
  }
  // What is said in words begins with the names, as a rule.
  std::string said = MarkdownText(facts.training_data);
  const std::string names = Joined(facts.training_datasets);
  if (said.starts_with(names)) return text + said.substr(names.size());
  return said.empty() ? text : fmt::format("{}: {}", text, said);
}

void AddTraining(const Facts& facts, std::string_view curve_path, Text* text) {
  text->Heading(2, "Training");
  text->Heading(3, "Training data");
  const std::string data = TrainingData(facts);
  text->Paragraph(data.empty() ? kNotStated : data);
  text->Heading(3, "Hyperparameters");
  if (facts.hyperparameters.empty()) {
    text->Paragraph(kNotStated);
  } else {
    text->SettingsTable("Hyperparameter", facts.hyperparameters);
  }
  text->Heading(3, "Course of the training");
  if (!facts.training_course.empty()) text->SettingsTable("Quantity", facts.training_course);
  if (!curve_path.empty()) text->Paragraph(fmt::format("![Loss during training]({})", curve_path));
  if (facts.training_course.empty() && curve_path.empty()) text->Paragraph(kNotStated);
}

void AddEvaluation(const Facts& facts, Text* text) {
  text->Heading(2, "Evaluation");
  if (facts.results.empty()) {
    text->Paragraph(kNotStated);
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const Result& result : facts.results) {
    const auto or_not_stated = [](const std::string& said) {
      return said.empty() ? std::string("not stated") : MarkdownText(said);
    };
    std::string dataset = or_not_stated(result.dataset.name);
    for (const std::string& part : {result.dataset.config, result.dataset.split}) {
      if (!part.empty()) dataset += fmt::format(", {}", MarkdownText(part));
    }
    const std::string& metric = result.metric_name.empty() ? result.metric : result.metric_name;
    rows.push_back({or_not_stated(result.task_name.empty() ? result.task : result.task_name), dataset,
                    MarkdownText(metric), result.value, Code(result.source)});
  }
  text->Table({"Task", "Dataset", "Metric", "Value", "Said by"}, rows);
}

void AddTechnical(const Facts& facts, Text* text) {
  text->Heading(2, "Technical specifications");
  text->Heading(3, "Architecture");
  if (facts.architecture.empty()) {
    text->Paragraph(kNotStated);
  } else {
    text->SettingsTable("Property", facts.architecture);
  }
  text->Heading(3, "Weights");
  if (facts.weights.empty()) {
    text->Paragraph(kNotStated);
  } else {
    std::vector<std::vector<std::string>> rows;
    for (const Weights& weights : facts.weights) {
      std::string types;
      for (const auto& [type, elements] : weights.elements) {
        if (!types.empty()) types += ", ";
        types += fmt::format("{}: {}", MarkdownText(type), Grouped(elements));
      }
      rows.push_back({Code(weights.name), weights.format,
                      AreParameters(weights) ? Grouped(ElementsOf(weights)) : "not stated (packed)", types});
    }
    text->Table({"File", "Format", "Parameters", "Elements by type"}, rows);
  }
  text->Heading(3, "Software and hardware");
  text->Item("Hardware", MarkdownText(facts.hardware));
  text->Item("Commit", facts.commit.empty() ? std::string() : Code(facts.commit));
  if (facts.versions.empty()) {
    text->Item("Software", "");
  } else {
    text->SettingsTable("Software", facts.versions);
  }
}

void AddSources(const Facts& facts, Text* text) {
  text->Heading(2, "Where this card comes from");
  if (facts.sources.empty()) {
    text->Paragraph("No file of this folder says anything of the model.");
    return;
  }
  text->Paragraph(
      "Batuta made this card from what the files below say, and of nothing else. What none of them says is "
      "marked as not "
      "stated.");
  std::vector<std::vector<std::string>> rows;
  for (const SourceNote& note : facts.sources) {
    rows.push_back({Code(note.path), fmt::format("{}", fmt::join(note.told, ", "))});
  }
  text->Table({"File", "What it says"}, rows);
}

}  // namespace

std::string MarkdownText(std::string_view text) {
  constexpr std::string_view kMarkup = "\\`*_{}[]<>#|~&$";
  std::string escaped;
  for (const char c : text) {
    if (kMarkup.find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string CardSections(const Facts& facts, std::string_view model_name, std::string_view curve_path) {
  Text text;
  text.Heading(1, MarkdownText(facts.name.empty() ? model_name : facts.name));
  text.Paragraph(facts.description.empty() ? "What this model is for: not stated."
                                           : MarkdownText(facts.description));
  AddDetails(facts, &text);
  AddUses(&text);
  AddTraining(facts, curve_path, &text);
  AddEvaluation(facts, &text);
  AddTechnical(facts, &text);
  text.Heading(2, "Environmental impact");
  text.Paragraph(kNotStated);
  text.Heading(2, "Citation");
  text.Paragraph(kNotStated);
  AddSources(facts, &text);
  return text.Take();
}

}  // namespace batuta::card
