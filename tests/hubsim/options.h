// Options of the simulated hub. The defaults behave like the live service.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "tests/hubsim/net/rate_limiter.h"

namespace batuta::hubsim {

// Which answers tell of quotas.
enum class QuotaFields {
  kEveryAnswer,   // RateLimit and RateLimit-Policy, as the live service does
  kRefusalsOnly,  // a 429 brings Retry-After; nothing warns before
  kNone,          // not even a 429 says for how long
};

struct Options {
  std::uint16_t hub_port = 0;  // 0: a free one
  std::uint16_t cdn_port = 0;

  // Quotas per window and identity: an address when anonymous, else a token.
  bool rate_limits_enabled = true;  // when off, the fields are still sent, and nothing is ever refused
  Quotas anonymous{.api = 500, .resolvers = 3000, .pages = 100};
  Quotas free{.api = 1000, .resolvers = 5000, .pages = 200};
  Quotas pro{.api = 2500, .resolvers = 12000, .pages = 400};
  std::chrono::milliseconds window{300'000};
  QuotaFields quota_fields = QuotaFields::kEveryAnswer;

  // Granular limits per identity and `hour`; 0: none. What they refuse is 429 while the api bucket has room.
  int commits_per_hour = 0;
  int repo_creations_per_hour = 0;
  std::chrono::milliseconds hour{3'600'000};

  std::size_t tree_page_size = 1000;
  std::size_t expanded_tree_page_size = 50;
  std::size_t list_page_size = 1000;
  std::chrono::milliseconds signed_url_validity{3'600'000};

  // From this size on a file is stored by LFS whatever it looks like.
  std::uint64_t lfs_threshold_bytes = 5'000'000;
  // Uploads of more bytes are asked for in parts of this size.
  std::uint64_t multipart_chunk_bytes = 5'000'000;
  // Bodies above 256 KiB lie in a folder of their own below this one; empty: below the usual one for such.
  std::filesystem::path objects_folder = {};
  // So many files of so many bytes lie there from the start for the first such bodies (spool_folder.h says
  // why).
  std::size_t ready_bodies = 0;
  std::uint64_t ready_body_bytes = 0;
  // Request bodies up to this size are kept in the log.
  std::uint64_t kept_body_bytes = 0;

  // What one commit may hold, and a folder of the repo.
  std::size_t most_lfs_files = 25'000;
  std::uint64_t most_inline_bytes = 1'000'000'000;  // of all files that are sent in the commit itself
  std::uint64_t largest_inline_file = 10U << 20U;
  std::size_t most_folder_entries = 10'000;

  // Regular files answer 307 to /api/resolve-cache/…, which answers 200 (two requests each); else 200 at
  // once.
  bool regular_via_resolve_cache = true;
};

}  // namespace batuta::hubsim
