#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Parquet files for tests, written from the description of the format: not with the reader's code.
namespace batuta::test {

struct ParquetColumn {
  std::vector<std::string> path;  // names from the root down
  int64_t type = 6;               // strings; of others, values are as they stand in the file
  int64_t codec = 0;
  int64_t coding = 0;  // of the values
  bool can_be_missing = true;
  bool can_be_repeated = false;
  bool has_newer_pages = false;
  std::vector<std::string> dictionary = {};          // then the pages have numbers only
  std::vector<std::vector<std::string>> pages = {};  // values
};

// All in one group of rows.
std::string WriteParquet(const std::vector<ParquetColumn>& columns);

// One Snappy block, with copies of what stood before.
std::string Snappied(std::string_view bytes);

}  // namespace batuta::test
