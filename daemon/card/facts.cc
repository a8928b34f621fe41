#include "daemon/card/facts.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/text/human.h"

namespace batuta::card {
namespace {

constexpr size_t kMostWarnings = 50;
constexpr size_t kMostSettings = 200;
constexpr size_t kMostResults = 500;

}  // namespace

void Facts::Credit(std::string_view path, std::string_view what) {
  auto note = std::find_if(sources.begin(), sources.end(),
                           [path](const SourceNote& candidate) { return candidate.path == path; });
  if (note == sources.end()) note = sources.insert(sources.end(), {std::string(path), {}});
  if (std::find(note->told.begin(), note->told.end(), what) == note->told.end())
    note->told.emplace_back(what);
}

void Facts::Warn(std::string_view path, std::string_view why) {
  if (warnings.size() < kMostWarnings) warnings.push_back(Printable(fmt::format("{}: {}", path, why)));
}

void Facts::Say(std::string* place, std::string text, std::string_view path, std::string_view what) {
  if (text.empty() || !place->empty()) return;
  *place = std::move(text);
  Credit(path, what);
}

void Facts::Say(std::vector<std::string>* place, const std::vector<std::string>& texts, std::string_view path,
                std::string_view what) {
  if (texts.empty() || !place->empty()) return;
  for (const std::string& text : texts) {
    if (std::find(place->begin(), place->end(), text) == place->end()) place->push_back(text);
  }
  Credit(path, what);
}

void Facts::Add(std::vector<Setting>* settings, std::string_view setting, std::string value,
                std::string_view path, std::string_view what) {
  if (setting.empty() || value.empty() || settings->size() == kMostSettings) return;
  const bool is_there = std::any_of(settings->begin(), settings->end(),
                                    [setting](const Setting& other) { return other.name == setting; });
  if (is_there) return;
  settings->push_back({std::string(setting), std::move(value), std::string(path)});
  Credit(path, what);
}

void Facts::Add(Result result) {
  const bool is_there = std::any_of(results.begin(), results.end(), [&result](const Result& other) {
    return other.task == result.task && other.dataset == result.dataset && other.metric == result.metric &&
           other.metric_name == result.metric_name;
  });
  if (is_there || results.size() == kMostResults) return;
  Credit(result.source, "evaluation results");
  results.push_back(std::move(result));
}

}  // namespace batuta::card
