// Whatever the bytes are and however many of them are here: no crash, memory within bounds, and three readers
// of one header that agree. The corpus is that of the key-values; valid files are made in code as well.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include "daemon/gguf/header.h"
#include "tests/support/formats/gguf.h"

namespace {

using batuta::gguf::Header;
using batuta::gguf::WindowSource;

bool IsSame(const Header& one, const Header& other) {
  const bool same_place = one.infos.begin == other.infos.begin && one.infos.end == other.infos.end &&
                          one.data_offset == other.data_offset && one.data_bytes == other.data_bytes;
  return same_place && one.tensors.size() == other.tensors.size();
}

void Check(std::string_view bytes) {
  WindowSource whole(bytes, bytes.size());
  const auto header = batuta::gguf::ReadHeader(whole);
  const auto parameters = batuta::gguf::ReadHyperParameters(whole);
  if (absl::IsOutOfRange(header.status()) || absl::IsOutOfRange(parameters.status())) std::abort();

  // Half a file never says more than the whole one, and never that it is broken when it is not.
  WindowSource half(bytes.substr(0, bytes.size() / 2), bytes.size());
  const auto cut = batuta::gguf::ReadHeader(half);
  if (header.ok() && !cut.ok() && !absl::IsOutOfRange(cut.status())) std::abort();
  if (cut.ok() && (!header.ok() || !IsSame(*header, *cut))) std::abort();

  if (!header.ok()) return;
  if (!parameters.ok() || parameters->architecture != header->parameters.architecture) std::abort();
  if (header->infos.end > bytes.size()) std::abort();
  const auto place = batuta::gguf::LikelyInfos(*header, bytes.size());
  const auto window =
      bytes.substr(static_cast<size_t>(place.begin), static_cast<size_t>(place.end - place.begin));
  const auto found = batuta::gguf::FindTensorInfos(*header, window, place.begin, bytes.size());
  if (found.ok() && !found->tensors.empty() && found->infos.end == header->infos.end &&
      found->data_bytes > bytes.size()) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Check(std::string_view(reinterpret_cast<const char*>(data), size));
  if (size < sizeof(uint32_t)) return 0;
  // A valid file with one byte changed: nearer to what real damage is.
  uint32_t seed = 0;
  std::copy_n(data, sizeof seed, reinterpret_cast<uint8_t*>(&seed));
  std::mt19937_64 random(seed);
  std::string bytes = batuta::formats::RandomGguf(random).Bytes();
  bytes[random() % bytes.size()] = static_cast<char>(data[size - 1]);
  Check(bytes);
  return 0;
}
