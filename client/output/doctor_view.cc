#include "client/output/doctor_view.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "client/output/json_writer.h"
#include "common/text/human.h"

namespace batuta::client {
namespace {

std::string_view WordOf(CheckStatus status) {
  switch (status) {
    case CheckStatus::kOk:
      return "ok";
    case CheckStatus::kWarn:
      return "warn";
    case CheckStatus::kFail:
      return "fail";
  }
  return "fail";
}

}  // namespace

void PrintDoctor(Output& output, const std::vector<Check>& checks) {
  if (output.json()) {
    JsonWriter json;
    json.BeginObject().Key("checks").BeginArray();
    for (const Check& check : checks) {
      json.BeginObject().Field("name", check.name).Field("status", WordOf(check.status));
      json.Field("detail", check.detail).FieldOrNull("hint", check.hint).EndObject();
    }
    const bool is_ok =
        std::ranges::none_of(checks, [](const Check& check) { return check.status == CheckStatus::kFail; });
    json.EndArray().Field("ok", is_ok).EndObject();
    return output.Data(json.Take());
  }
  size_t width = 0;
  for (const Check& check : checks) width = std::max(width, check.name.size());
  for (const Check& check : checks) {
    if (output.quiet()) {
      if (check.status == CheckStatus::kOk) continue;
      output.DataLine(fmt::format("{} {}", WordOf(check.status), Printable(check.name)));
      continue;
    }
    output.DataLine(fmt::format("{:<5} {:<{}}  {}", WordOf(check.status), Printable(check.name), width,
                                Printable(check.detail)));
    if (!check.hint.empty()) output.DataLine(fmt::format("{:<{}}  {}", "", width + 6, Printable(check.hint)));
  }
}

}  // namespace batuta::client
