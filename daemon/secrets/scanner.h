#pragma once

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"

#include "daemon/safety/base/byte_source.h"
#include "daemon/secrets/finding.h"
#include "daemon/secrets/rule_set.h"

namespace batuta::secrets {

// Scanner looks for secrets in files, from their first byte to the last: text and whatever codings text
// carries, UTF-16, archives and compressed files inside each other, text columns of Parquet. Of safetensors
// and GGUF files and NumPy arrays the numbers are passed over, once the header accounts for them; of other
// binary files every byte counts, for the kinds that say themselves what they are.
//
// For one thread at a time; takes some megabytes, however large the file. Blocking, as the source is.
class Scanner {
 public:
  struct Options {
    bool allows_comments = true;  // a comment on the line of a finding makes it none
  };

  static absl::StatusOr<Scanner> Create(std::shared_ptr<const RuleSet> rules);
  static absl::StatusOr<Scanner> Create(std::shared_ptr<const RuleSet> rules, const Options& options);

  Scanner(Scanner&&) noexcept;
  Scanner& operator=(Scanner&&) noexcept;
  ~Scanner();

  // `path` is what the file is called, with `/`: its name tells how to look at it. An error is one of the
  // source; what cannot be understood is told in the report.
  absl::StatusOr<ScanReport> Scan(std::string_view path, safety::ByteSource& bytes);

 private:
  class Impl;

  explicit Scanner(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace batuta::secrets
