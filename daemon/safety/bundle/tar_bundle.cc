#include <algorithm>
#include <string_view>
#include <vector>

#include "common/status/status.h"
#include "daemon/safety/base/byte_source.h"
#include "daemon/safety/bundle/bundle.h"
#include "daemon/safety/bundle/rules.h"
#include "daemon/safety/container/tar.h"

namespace batuta::safety {
namespace {

bool Has(const std::vector<TarEntry>& entries, std::string_view name) {
  return std::any_of(entries.begin(), entries.end(),
                     [name](const TarEntry& entry) { return entry.name == name; });
}

}  // namespace

absl::Status InspectTar(Subject& subject) {
  subject.SetFormat("tar");
  std::vector<TarEntry> entries;
  RETURN_IF_ERROR(ReadTar(subject, entries));
  if (Has(entries, "pickle") && (Has(entries, "storages") || Has(entries, "tensors"))) {
    subject.SetFormat("torch tar");
    subject.report().SawPickle();
    subject.Add(rules::kTorchTar, 0, "a torch checkpoint of 2016");
  } else if (Has(entries, "model_config.yaml")) {
    subject.SetFormat("nemo");
  }
  for (const TarEntry& entry : entries) {
    if (entry.is_folder) continue;
    PartSource content(subject.bytes(), entry.offset, entry.size_bytes);
    RETURN_IF_ERROR(subject.Inspect(entry.name, content));
  }
  return absl::OkStatus();
}

}  // namespace batuta::safety
