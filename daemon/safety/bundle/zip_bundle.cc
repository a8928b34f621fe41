#include <string_view>

#include <fmt/format.h>

#include "common/status/status.h"
#include "common/text/human.h"
#include "daemon/safety/bundle/bundle.h"
#include "daemon/safety/bundle/rules.h"
#include "daemon/safety/bundle/zip_facts.h"
#include "daemon/safety/bundle/zip_parts.h"
#include "daemon/safety/graph/keras_config.h"

namespace batuta::safety {
namespace {

// What the kind of archive says by itself.
void AddKind(Subject& subject, const ZipFacts& facts) {
  if (facts.is_script) subject.Add(rules::kTorchScript, 0, "TorchScript is a program");
  if (facts.is_pt2) subject.Add(rules::kPt2, 0, "an exported program is loaded with pickles");
  if (facts.is_program) subject.Add(rules::kProgramArchive, 0, "it is a Java archive, a wheel or an egg");
  if (facts.is_skops) subject.Add(rules::kSkops, 0, "schema.json names the classes that are made");
  if (facts.is_torch || facts.is_script || facts.is_pt2) subject.report().SawPickle();
}

absl::Status InspectKerasParts(ZipParts& parts) {
  bool has_config = false;
  for (size_t i = 0; i < parts.zip.entries().size(); ++i) {
    if (parts.entry(i).name != "config.json") continue;
    has_config = true;
    RETURN_IF_ERROR(parts.zip.Open(i, ZipArchive::Digest::kIgnored, [&](ByteSource& content) {
      return parts.subject.InspectAs(parts.entry(i).name, content, InspectKerasConfig);
    }));
  }
  if (!has_config) parts.subject.Add(rules::kKerasArchive, 0, "there is no config.json");
  return absl::OkStatus();
}

}  // namespace

absl::Status InspectZip(Subject& subject) {
  subject.SetFormat("zip");
  ZipArchive zip(subject);
  RETURN_IF_ERROR(zip.ReadDirectory());
  const ZipFacts facts = FactsOf(subject.name(), zip.entries());
  subject.SetFormat(facts.format);
  AddKind(subject, facts);
  ZipParts parts{subject, zip, facts, std::vector<bool>(zip.entries().size())};
  if (facts.is_torch) RETURN_IF_ERROR(InspectTorchParts(parts));
  if (facts.is_pt2) RETURN_IF_ERROR(InspectPt2Parts(parts));
  if (facts.is_keras) RETURN_IF_ERROR(InspectKerasParts(parts));
  if (facts.is_dduf) RETURN_IF_ERROR(CheckDduf(parts));
  for (const uint32_t i : zip.in_file_order()) {
    if (parts.explained[i] || parts.entry(i).is_folder()) continue;
    RETURN_IF_ERROR(zip.Open(i, ZipArchive::Digest::kVerified, [&](ByteSource& content) {
      return subject.Inspect(parts.entry(i).name, content);
    }));
  }
  return zip.ReadHeaders();
}

}  // namespace batuta::safety
