#include "daemon/secrets/literal_index.h"

#include <vector>

#include <fmt/format.h>
#include <hs/hs.h>

namespace batuta::secrets {
namespace {

// Every byte stands for itself.
std::string Escaped(std::string_view literal) {
  std::string pattern;
  for (const char c : literal) pattern += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return pattern;
}

using Found = absl::FunctionRef<void(uint32_t literal, size_t end)>;

int OnMatch(unsigned id, unsigned long long, unsigned long long end, unsigned, void* context) {
  (*static_cast<Found*>(context))(id, static_cast<size_t>(end));
  return 0;
}

}  // namespace

void LiteralIndex::Scratch::Free::operator()(hs_scratch* scratch) const {
  hs_free_scratch(scratch);
}

void LiteralIndex::Free::operator()(hs_database* database) const {
  hs_free_database(database);
}

absl::StatusOr<LiteralIndex> LiteralIndex::Build(std::span<const Literal> literals) {
  std::vector<std::string> patterns;
  std::vector<const char*> pointers;
  std::vector<unsigned> flags;
  std::vector<unsigned> ids;
  for (const Literal& literal : literals) {
    patterns.push_back(Escaped(literal.text));
    flags.push_back(HS_FLAG_DOTALL | (literal.any_case ? HS_FLAG_CASELESS : 0U));
    ids.push_back(static_cast<unsigned>(ids.size()));
  }
  for (const std::string& pattern : patterns) pointers.push_back(pattern.c_str());
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  // The pure-literal interface had faults in older versions of the library.
  const hs_error_t result =
      hs_compile_multi(pointers.data(), flags.data(), ids.data(), static_cast<unsigned>(pointers.size()),
                       HS_MODE_BLOCK, nullptr, &database, &error);
  if (result == HS_SUCCESS) return LiteralIndex(database);
  const std::string why = error != nullptr && error->message != nullptr ? error->message : "no reason given";
  hs_free_compile_error(error);
  return absl::InternalError(fmt::format("the index of literals cannot be built: {}", why));
}

absl::StatusOr<LiteralIndex::Scratch> LiteralIndex::NewScratch() const {
  hs_scratch_t* scratch = nullptr;
  if (hs_alloc_scratch(database_.get(), &scratch) != HS_SUCCESS)
    return absl::InternalError("no memory to search for literals");
  return Scratch(scratch);
}

void LiteralIndex::Find(std::string_view text, Scratch& scratch, Found found) const {
  hs_scan(database_.get(), text.data(), static_cast<unsigned>(text.size()), 0, scratch.scratch_.get(),
          OnMatch, &found);
}

}  // namespace batuta::secrets
