#include "client/output/fit_view.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "client/output/wire_text.h"
#include "common/text/human.h"
#include "common/text/table.h"

namespace batuta::client {
namespace {

using Texts = google::protobuf::RepeatedPtrField<std::string>;

void WriteTexts(JsonWriter& json, std::string_view key, const Texts& texts) {
  json.Key(key).BeginArray();
  for (const std::string& text : texts) json.String(text);
  json.EndArray();
}

void WriteMachine(const v1::Machine& machine, JsonWriter& json) {
  const v1::Machine::Memory& memory = machine.memory();
  json.BeginObject()
      .Field("total_bytes", memory.total_bytes())
      .Field("available_bytes", memory.available_bytes());
  json.FieldOrNull("limited_by", memory.limited_by()).Key("devices").BeginArray();
  for (const v1::Machine::Device& device : machine.devices()) {
    json.BeginObject().Field("name", device.name()).Field("id", device.id()).Field("kind", device.kind());
    json.Field("total_bytes", device.total_bytes()).Field("free_bytes", device.free_bytes());
    json.Field("shares_memory", device.shares_memory()).EndObject();
  }
  json.EndArray();
  WriteTexts(json, "notes", machine.notes());
  json.EndObject();
}

void WriteCandidate(const v1::FitCandidate& candidate, JsonWriter& json) {
  json.BeginObject().Field("label", candidate.label());
  WriteTexts(json, "files", candidate.files());
  json.Field("file_bytes", candidate.file_bytes()).Field("weights_bytes", candidate.weights_bytes());
  json.Field("kv_bytes", candidate.cache_bytes()).Field("compute_bytes", candidate.compute_bytes());
  json.Field("total_bytes", candidate.total_bytes()).Field("memory_bytes", candidate.memory_bytes());
  json.Key("device_bytes").BeginArray();
  for (const uint64_t bytes : candidate.device_bytes()) json.Unsigned(bytes);
  json.EndArray().Key("bits_per_weight");
  candidate.bits_per_weight() > 0 ? json.Decimal(candidate.bits_per_weight()) : json.Null();
  json.Field("fits", candidate.fits()).FieldOrNull("placement", candidate.placement());
  json.FieldOrNull("reason", candidate.reason()).Field("short_bytes", candidate.short_bytes());
  json.Field("device_layers", candidate.device_layers()).Field("layers", candidate.layers());
  json.Field("exact", candidate.is_exact()).EndObject();
}

void WriteFields(const v1::Fit& fit, JsonWriter& json) {
  json.FieldOrNull("commit", fit.commit());
  WriteMachine(fit.machine(), json.Key("memory"));
  json.FieldOrNull("architecture", fit.architecture()).Field("parameters", fit.parameters());
  json.Field("context", fit.context()).Field("trained_context", fit.trained_context());
  json.Key("candidates").BeginArray();
  for (const v1::FitCandidate& candidate : fit.candidates()) WriteCandidate(candidate, json);
  json.EndArray().FieldOrNull("chosen", fit.chosen()).FieldOrNull("explanation", fit.explanation());
  WriteTexts(json, "notes", fit.notes());
  WriteTexts(json, "suggestions", fit.suggestions());
  json.Field("requests", fit.requests()).Field("read_bytes", fit.read_bytes());
}

std::string MachineText(const v1::Machine& machine) {
  const v1::Machine::Memory& memory = machine.memory();
  std::string text;
  if (memory.limited_by() == "asked for") {
    text = fmt::format("memory {} (asked for)", FormatBytes(memory.available_bytes()));
  } else {
    text = fmt::format("memory {} available of {}", FormatBytes(memory.available_bytes()),
                       FormatBytes(memory.total_bytes()));
    if (!memory.limited_by().empty()) text += fmt::format(" (limited by {})", Printable(memory.limited_by()));
  }
  for (const v1::Machine::Device& device : machine.devices()) {
    text += fmt::format(" · {} {}", Printable(device.name()), FormatBytes(device.free_bytes()));
    if (device.kind() == "asked for") {
      text += " (asked for)";
    } else if (device.shares_memory()) {
      text += " of the same memory";
    } else {
      text += device.total_bytes() > 0 ? " free of " + FormatBytes(device.total_bytes()) : " free";
    }
  }
  return text + (machine.devices().empty() ? " · no GPU" : "");
}

std::string ModelText(const v1::Fit& fit, std::string_view cache_type) {
  std::string text = fit.architecture().empty() ? "of an unknown kind" : Printable(fit.architecture());
  // Parameters are counted like bytes, without their unit.
  if (fit.parameters() > 0)
    text += fmt::format(", {:.3g} billion parameters", static_cast<double>(fit.parameters()) / 1e9);
  if (fit.context() > 0) text += fmt::format(", context {}", fit.context());
  if (fit.trained_context() > 0) text += fmt::format(" of {}", fit.trained_context());
  if (!fit.candidates().empty() && fit.candidates(0).cache_bytes() > 0) {
    text += fmt::format(" → cache {} ({})", FormatBytes(fit.candidates(0).cache_bytes()),
                        cache_type.empty() ? "f16" : cache_type);
  }
  return text;
}

uint64_t OnDevices(const v1::FitCandidate& candidate) {
  uint64_t bytes = 0;
  for (const uint64_t part : candidate.device_bytes()) bytes += part;
  return bytes;
}

// `GPU 8.68 GB + memory 1 GB`.
std::string NeedText(const v1::FitCandidate& candidate) {
  const uint64_t on_devices = OnDevices(candidate);
  const std::string about = candidate.is_exact() ? "" : "≤ ";
  if (on_devices == 0) return fmt::format("{}memory {}", about, FormatBytes(candidate.total_bytes()));
  std::string text = fmt::format("{}GPU {}", about, FormatBytes(on_devices));
  if (candidate.memory_bytes() > 0)
    text += fmt::format(" + memory {}", FormatBytes(candidate.memory_bytes()));
  return text;
}

// `fits: gpu`, `fits: hybrid, 22 of 33 layers on the GPU`, `no`.
std::string FitsText(const v1::FitCandidate& candidate) {
  if (!candidate.fits()) {
    return candidate.short_bytes() > 0 ? fmt::format("no, by {}", FormatBytes(candidate.short_bytes()))
                                       : "no";
  }
  std::string text = "on the " + candidate.placement();
  if (candidate.placement() == "gpu") text = "on the GPU";
  if (candidate.placement() == "cpu") text = "on the CPU";
  if (candidate.placement() == "hybrid") {
    text = fmt::format("hybrid, {} of {} layers on the GPU", candidate.device_layers(), candidate.layers());
  }
  return text;
}

std::string CandidateTable(const v1::Fit& fit, size_t width) {
  std::vector<std::vector<std::string>> rows;
  for (const v1::FitCandidate& candidate : fit.candidates()) {
    const bool is_chosen = !fit.chosen().empty() && candidate.label() == fit.chosen();
    rows.push_back({is_chosen ? "→" : "", candidate.label(),
                    candidate.bits_per_weight() > 0 ? fmt::format("{:.2f}", candidate.bits_per_weight()) : "",
                    FormatBytes(candidate.file_bytes()), NeedText(candidate), FitsText(candidate),
                    candidate.reason()});
  }
  if (rows.empty()) return "";
  return RenderTable({{""},
                      {"VARIANT"},
                      {"BITS", Align::kRight},
                      {"FILES", Align::kRight},
                      {"NEEDS"},
                      {"FITS"},
                      {"WHY", Align::kLeft, true}},
                     rows, {.width = width});
}

std::string Labelled(std::string_view label, std::string_view text) {
  return fmt::format("{:<10}{}\n", label, text);
}

}  // namespace

void WriteFit(const v1::Fit& fit, JsonWriter& json) {
  json.BeginObject();
  WriteFields(fit, json);
  json.EndObject();
}

std::string FitText(const v1::Fit& fit, std::string_view cache_type, size_t width) {
  std::string text = Labelled("machine", MachineText(fit.machine()));
  text += Labelled("model", ModelText(fit, cache_type));
  text += CandidateTable(fit, width);
  if (!fit.explanation().empty()) {
    text += Labelled(fit.chosen().empty() ? "nothing" : "chosen", Printable(fit.explanation()));
  }
  for (const Texts& notes : {fit.machine().notes(), fit.notes()}) {
    for (const std::string& note : notes) text += Labelled("note", Printable(note));
  }
  for (const std::string& repo : fit.suggestions()) text += Labelled("see also", Printable(repo));
  return text + Labelled("read", fmt::format("{} request{}, {}; nothing was downloaded", fit.requests(),
                                             fit.requests() == 1 ? "" : "s", FormatBytes(fit.read_bytes())));
}

void PrintFit(Output& output, const FitSubject& subject, const v1::Fit& fit) {
  if (output.quiet()) {
    if (!fit.chosen().empty()) output.DataLine(Printable(fit.chosen()));
    return;
  }
  if (output.human()) return output.Data(FitText(fit, subject.cache_type, output.table_width()));
  JsonWriter json;
  json.BeginObject().Field("repo", subject.repo.id()).Field("revision", subject.revision);
  WriteFields(fit, json);
  json.EndObject();
  output.Data(json.Take());
}

}  // namespace batuta::client
