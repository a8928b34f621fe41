#pragma once

#include <vector>

#include "absl/status/status.h"

#include "daemon/safety/base/subject.h"
#include "daemon/safety/bundle/zip_facts.h"
#include "daemon/safety/container/zip.h"

namespace batuta::safety {

// A zip whose members are looked at one after the other, by what its kind makes of them.
struct ZipParts {
  Subject& subject;
  ZipArchive& zip;
  const ZipFacts& facts;
  std::vector<bool> explained;  // by index: the kind of archive says what it is, its content need not

  const ZipEntry& entry(size_t index) const { return zip.entries()[index]; }
};

// Members of a torch checkpoint or of TorchScript: the pickles are walked with the storages beside them. What
// torch does not write is found, and left to be inspected by its content.
absl::Status InspectTorchParts(ZipParts& parts);

// Members of an exported program.
absl::Status InspectPt2Parts(ZipParts& parts);

// The layout of a DDUF.
absl::Status CheckDduf(ZipParts& parts);

}  // namespace batuta::safety
