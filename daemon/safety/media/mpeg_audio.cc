#include "daemon/safety/media/mpeg_audio.h"

#include <array>
#include <cstdint>
#include <string_view>

#include "daemon/safety/base/byte_reader.h"
#include "daemon/safety/media/rules.h"

namespace batuta::safety {
namespace {

// In kilobits per second, by index. Version 1 has a row for each layer, the others for layer 1 and for both
// others.
constexpr std::array<std::array<uint16_t, 15>, 5> kBitRates = {{
    {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
    {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
    {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
    {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
    {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
}};
constexpr std::array<uint32_t, 3> kSampleRates = {44'100, 48'000, 32'000};

// Bytes of the frame that begins with these four; 0 when no frame does.
uint32_t FrameBytes(std::string_view head) {
  const auto byte = [head](size_t at) { return static_cast<uint8_t>(head[at]); };
  if (head.size() < 4 || byte(0) != 0xFF || (byte(1) & 0xE0) != 0xE0) return 0;
  const unsigned version = byte(1) >> 3 & 3U;  // 0: 2.5, 2: 2, 3: 1
  const unsigned layer = 4U - (byte(1) >> 1 & 3U);
  const unsigned rate_index = byte(2) >> 4;
  const unsigned sample_index = byte(2) >> 2 & 3U;
  if (version == 1 || layer == 4 || rate_index == 0 || rate_index == 15 || sample_index == 3) return 0;
  const bool is_first = version == 3;
  const uint32_t bits = kBitRates[is_first ? layer - 1 : (layer == 1 ? 3 : 4)][rate_index] * 1'000U;
  const uint32_t samples = kSampleRates[sample_index] >> (is_first ? 0U : (version == 2 ? 1U : 2U));
  const uint32_t padding = byte(2) >> 1 & 1U;
  if (layer == 1) return (12 * bits / samples + padding) * 4;
  return (layer == 3 && !is_first ? 72 : 144) * bits / samples + padding;
}

bool SkipTag(ByteReader& reader) {
  uint32_t head = 0;
  uint16_t version = 0;
  uint8_t flags = 0;
  uint32_t size = 0;
  if (!reader.Skip(3) || !reader.Next(version) || !reader.Next(flags) || !reader.Next(size)) return false;
  for (int i = 0; i < 4; ++i) head = head << 7U | (size >> (8 * i) & 0x7FU);
  return reader.Skip(uint64_t{head} + ((flags & 0x10U) != 0 ? 10 : 0));
}

}  // namespace

absl::Status InspectMpegAudio(Subject& subject) {
  constexpr size_t kOldTagBytes = 128;  // at the very end
  subject.SetFormat("mpeg audio");
  ByteReader reader(subject.bytes());
  uint64_t frames = 0;
  while (!reader.at_end()) {
    const std::string_view head = reader.Peek(4);
    const uint32_t frame = FrameBytes(head);
    bool is_known = true;
    if (head.starts_with("ID3")) {
      is_known = SkipTag(reader);
    } else if (head.starts_with("TAG") && reader.left_bytes() == kOldTagBytes) {
      is_known = reader.Skip(kOldTagBytes);
    } else {
      is_known = frame >= 4 && reader.Skip(frame);
      ++frames;
    }
    if (!reader.status().ok()) return reader.status();
    if (is_known) continue;
    subject.Add(frames > 1 ? rules::kMediaTrailing : rules::kMediaBroken, reader.offset(),
                "bytes that are no frame of sound");
    return absl::OkStatus();
  }
  if (frames == 0) subject.Add(rules::kMediaBroken, reader.offset(), "a tag without sound");
  return absl::OkStatus();
}

}  // namespace batuta::safety
