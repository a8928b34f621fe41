#pragma once

#include <string_view>
#include <vector>

namespace batuta::safety {

// A list of names as data: words with blanks or line ends between them, which must outlive it. Looked up by
// exact comparison.
class Names {
 public:
  explicit Names(std::string_view words);

  bool Has(std::string_view name) const;

 private:
  std::vector<std::string_view> sorted_;
};

}  // namespace batuta::safety
