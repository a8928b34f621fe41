#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

struct hs_database;
struct hs_scratch;

namespace batuta::secrets {

// LiteralIndex finds many literals in one pass over text, at gigabytes a second. Immutable; any number of
// threads may use one, each with a Scratch of its own.
class LiteralIndex {
 public:
  struct Literal {
    std::string text;
    bool any_case = false;  // then `text` is in lower case
  };

  // What a thread needs to search; made for one index.
  class Scratch {
   public:
    Scratch(Scratch&&) = default;
    Scratch& operator=(Scratch&&) = default;

   private:
    friend class LiteralIndex;

    struct Free {
      void operator()(hs_scratch* scratch) const;
    };

    explicit Scratch(hs_scratch* scratch) : scratch_(scratch) {}

    std::unique_ptr<hs_scratch, Free> scratch_;
  };

  // Some milliseconds.
  //   kInternal  the library cannot do it: a processor without the instructions that it needs, or no memory.
  static absl::StatusOr<LiteralIndex> Build(std::span<const Literal> literals);

  absl::StatusOr<Scratch> NewScratch() const;

  // `found` is told each place: the index of the literal, and where it ends in `text` (less than 4 GiB).
  void Find(std::string_view text, Scratch& scratch,
            absl::FunctionRef<void(uint32_t literal, size_t end)> found) const;

 private:
  struct Free {
    void operator()(hs_database* database) const;
  };

  explicit LiteralIndex(hs_database* database) : database_(database) {}

  std::unique_ptr<hs_database, Free> database_;
};

}  // namespace batuta::secrets
